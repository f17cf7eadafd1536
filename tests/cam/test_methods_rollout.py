"""Attention rollout and Grad-ECLIP against their formulas, written out for a transformer whose attention is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import Probability
from tests.cam.kinds import Block, Tokens, cnn, first, mean


class Fused(Block):
    """The same block, whose attention is computed at once."""

    def forward(self, tokens: Tensor) -> Tensor:
        asked = self.ask(self.first(tokens)).unflatten(2, (3, 2, -1)).permute(2, 0, 3, 1, 4)
        seen = nn.functional.scaled_dot_product_attention(*asked.unbind(0), scale=1 / 4)
        tokens = tokens + self.gain * self.answer(seen.transpose(1, 2).flatten(2))
        return tokens + self.gain * self.think(self.second(tokens))


def transformer(kind: type[Block], before: int) -> tuple[Tokens, Tensor]:
    torch.manual_seed(0)
    model = Tokens(first if before else mean, before, blocks=nn.Sequential(*(kind(16) for _ in range(3))))
    for block in model.stack:
        block.ask.weight.data *= 5  # attention that is not even
    return model, torch.rand(2, 3, 32, 48)


def attended(block: Block, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return queries, keys, values and weights of a block, ``(N, heads, T, ...)``."""
    queries, keys, values = block.ask(block.first(tokens)).unflatten(2, (3, 2, -1)).permute(2, 0, 3, 1, 4).unbind(0)
    return queries, keys, values, torch.softmax(queries @ keys.mT / 4, -1)


@pytest.mark.parametrize("kind", [Block, Fused])
@pytest.mark.parametrize("before", [0, 1, 3])
def test_rollout_multiplies_attention_and_shortcuts(kind: type[Block], before: int) -> None:
    model, images = transformer(kind, before)
    found = CAM(model, methods="attention_rollout")(images, 1).maps["attention_rollout", "attention"]

    tokens = torch.cat([model.before.expand(2, -1, -1), model.cut(images).flatten(2).mT], 1)
    rolled = torch.eye(24 + before).expand(2, -1, -1)
    for block in model.stack:
        weights = attended(block, tokens)[3].mean(1)
        joined = 0.5 * weights + 0.5 * torch.eye(24 + before)
        rolled = joined / joined.sum(-1, keepdim=True) @ rolled
        tokens = block(tokens)
    row = rolled[:, 0] if before else rolled.mean(1)
    expected = row[:, before:].unflatten(1, (4, 6)).detach()
    assert float(expected.std()) > 1e-4
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("kind", [Block, Fused])
@pytest.mark.parametrize("target", [2, Probability(2)])
def test_grad_eclip_weights_values_by_gradients_and_loosened_attention(kind: type[Block], target: object) -> None:
    model, images = transformer(kind, 1)
    found = CAM(model, methods="grad_eclip")(images, [target, target]).maps["grad_eclip", "attention"]

    tokens = torch.cat([model.before.expand(2, -1, -1), model.cut(images).flatten(2).mT], 1)
    for block in model.stack[:-1]:
        tokens = block(tokens)
    queries, keys, values, _ = (part.transpose(1, 2).flatten(2) for part in attended(model.stack[-1], tokens.detach()))
    outputs: list[Tensor] = []
    handle = model.stack[-1].answer.register_forward_pre_hook(lambda module, inputs: outputs.append(inputs[0]))
    scores = model(images)
    handle.remove()
    scalar = scores[:, 2] if target == 2 else scores.softmax(1)[:, 2]
    (gradients,) = torch.autograd.grad(scalar.sum(), outputs[0])
    alike = torch.cosine_similarity(queries[:, :1], keys[:, 1:], dim=2)
    low, high = alike.amin(1, keepdim=True), alike.amax(1, keepdim=True)
    expected = (gradients[:, :1] * values[:, 1:]).sum(2) * (alike - low) / (high - low)
    expected = expected.clamp(min=0).unflatten(1, (4, 6)).detach()
    assert float(expected.std()) > 1e-6
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-6)


def test_networks_without_such_attention_are_told() -> None:
    images = torch.rand(2, 3, 32, 48)
    for method in ("attention_rollout", "grad_eclip"):
        with pytest.raises(ValueError, match=f"expected a vision transformer for {method}"):
            CAM(cnn(), methods=method)(images, 1)
    with pytest.raises(ValueError, match="expected a class token for grad_eclip"):
        CAM(transformer(Block, 0)[0], methods="grad_eclip")(images, 1)
