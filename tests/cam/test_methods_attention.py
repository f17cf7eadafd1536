"""LeGrad against the paper's sum, with attention written out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import VisionTransformer, resnet18, swin_t

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import Classes
from tests.cam.networks import photographs


def transformer() -> VisionTransformer:
    torch.manual_seed(0)
    model = VisionTransformer(64, 16, num_layers=3, num_heads=2, hidden_dim=16, mlp_dim=32, num_classes=5)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.4)
    return model.eval()


def attention_of(block: nn.Module, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Return one head after the other's weights ``(heads, T, T)``, a leaf, and what the block makes of ``(T, C)``."""
    layer = block.self_attention
    queries, keys, values = (block.ln_1(tokens) @ layer.in_proj_weight.T + layer.in_proj_bias).chunk(3, dim=-1)
    width = layer.head_dim
    parts = [slice(head * width, (head + 1) * width) for head in range(layer.num_heads)]
    weights = torch.stack([(queries[:, at] @ keys[:, at].T / width**0.5).softmax(dim=-1) for at in parts])
    weights = weights.detach().requires_grad_()
    seen = torch.cat([weights[head] @ values[:, at] for head, at in enumerate(parts)], dim=-1)
    tokens = tokens + layer.out_proj(seen)
    return weights, tokens + block.mlp(block.ln_2(tokens))


def by_hand(model: VisionTransformer, image: Tensor, index: int) -> Tensor:
    with torch.no_grad():
        patches = model._process_input(image[None])
        tokens = torch.cat([model.class_token, patches], dim=1)[0] + model.encoder.pos_embedding[0]
    total = torch.zeros(len(tokens))
    for block in model.encoder.layers:
        weights, tokens = attention_of(block, tokens.detach())
        score = model.heads(model.encoder.ln(tokens)[0])[index]
        (gradients,) = torch.autograd.grad(score, weights)
        for head in gradients:
            for row in head:
                total += row.clamp(min=0) / (len(gradients) * len(head) * len(model.encoder.layers))
    return total[1:].view(4, 4)


def test_legrad_is_the_papers_mean_over_blocks_heads_and_queries() -> None:
    model, inputs = transformer(), photographs(64)
    found = CAM(model, methods="legrad", batch_size=2)(inputs, Classes(4, 1))
    expected = torch.stack([by_hand(model, image, index) for image in inputs for index in (4, 1)])
    assert float(expected.max()) > 1e-3
    torch.testing.assert_close(found.maps["legrad", "attention"], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_fused_and_written_out_attention_give_the_same(precision: torch.dtype) -> None:
    class WrittenOut(nn.Module):
        def __init__(self, own: nn.MultiheadAttention) -> None:
            super().__init__()
            self.own = own

        def forward(self, *args: Tensor, need_weights: bool) -> tuple[Tensor, Tensor]:
            return self.own(*args, need_weights=True)

    model, inputs = transformer(), photographs(64)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        fused = CAM(model, methods="legrad")(inputs, 2).maps["legrad", "attention"]
        for block in model.encoder.layers:
            block.self_attention = WrittenOut(block.self_attention)
        written_out = CAM(model, methods="legrad")(inputs, 2).maps["legrad", "attention"]
    scale = float(fused.max())
    torch.testing.assert_close(fused, written_out, rtol=0, atol=scale * (1e-5 if precision == torch.float32 else 0.1))


@pytest.mark.parametrize("network", [resnet18, swin_t])
def test_networks_without_global_attention_are_refused(network: type) -> None:
    with pytest.raises(ValueError, match=r"expected a vision transformer .* got a (ResNet|SwinTransformer)"):
        CAM(network(weights=None), methods="legrad")(photographs(64, 1))


class TwoTowers(nn.Module):
    """Scores of images against texts, as CLIP's: the text's tower first, and longer."""

    def __init__(self, image: VisionTransformer) -> None:
        super().__init__()
        torch.manual_seed(1)
        block = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.text = nn.TransformerEncoder(block, 4)
        self.image = image

    def forward(self, pixels: Tensor, texts: Tensor) -> Tensor:
        tokens: Tensor = self.text(texts).mean(dim=1)[:, :5]
        scores: Tensor = self.image(pixels)
        return scores @ tokens.T


def test_of_two_towers_the_one_that_sees_the_images_is_meant() -> None:
    inputs, texts = photographs(64), torch.randn(3, 77, 16)
    model = TwoTowers(transformer()).eval()
    found = CAM(model, methods="legrad")((inputs, texts), 1).maps["legrad", "attention"]
    with torch.no_grad():
        direction = model.text(texts).mean(dim=1)[1, :5]
    alone = CAM(model.image, methods="legrad")(inputs, lambda scores: scores @ direction)
    torch.testing.assert_close(found, alone.maps["legrad", "attention"], rtol=1e-4, atol=1e-6)
