"""Methods that read a vision transformer's attention: LeGrad, Grad-ECLIP and attention rollout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from ..hooks import hooked
from ..inputs import Inputs
from ..replay import answering
from ..scene import Scene
from .registry import method


@method(needs="passes", place="attention")
def legrad(scene: Scene) -> Tensor:
    """Average the rectified gradients of each block's own score by its attention (Bousselham et al., 2025, sec. 3).

    A block's own score is what the model's head makes of its tokens instead of the last block's. The mean is taken
    over blocks, heads and the tokens that ask; what is left is one value for each patch: ``(M, h, w)``.
    https://arxiv.org/abs/2404.03214

    Raises:
        ValueError: where the model has no stack of blocks in which every token attends to every other.
    """
    return torch.cat([_of_chunk(scene, chunk) for chunk in scene.chunks()])


@method(needs="passes", place="attention")
def attention_rollout(scene: Scene) -> Tensor:
    """Multiply the blocks' attention, each averaged with the identity for its shortcut (Abnar & Zuidema, 2020, eq. 1).

    Heads are averaged. The class token's row is taken, or where there is none the mean of all rows: ``(M, h, w)``, the
    same for every class.
    https://arxiv.org/abs/2005.00928

    Raises:
        ValueError: where the model has no stack of blocks in which every token attends to every other.
    """
    inputs = scene.inputs
    runs = _blocks(scene.model, inputs, "attention_rollout")
    last = list(runs)[-1]
    length = _length(runs[last].tokens, inputs.count)
    attention = _Attention(inputs.count, length)
    with torch.no_grad(), attention:
        inputs.run(scene.model)
    if not attention.weights:
        raise ValueError(f"{_expected('attention_rollout')}, got blocks of {type(last).__name__} without it")
    identity = torch.eye(length, device=attention.weights[0].device)
    rolled = identity.expand(inputs.count, -1, -1)
    with torch.autocast(identity.device.type, enabled=False):
        for weights in attention.weights:
            rolled = (weights.mean(dim=1) + identity) / 2 @ rolled
    reader = _reader(scene, last, runs[last].tokens)
    row = rolled.mean(dim=1) if reader is None else rolled[:, reader]
    return _as_maps(scene, last, runs[last].tokens, row)[scene.samples]


@method(needs="passes", place="attention")
def grad_eclip(scene: Scene) -> Tensor:
    """Weight each patch's value in the last attention by the gradient of what the class token reads there.

    Zhao et al., 2024, eq. 6-9: channels by the gradient of the attention's output at the class token, patches by the
    cosine similarity of their keys to the class token's query, scaled to [0, 1], in place of the softmax. For CLIP and
    its relatives the score is an image's similarity to a prompt; with ``Probability(class)`` it is the softmax over
    prompts, as in CLIP-ES (Lin et al., 2023). Positive, ``(M, h, w)``.
    https://arxiv.org/abs/2502.18816, https://arxiv.org/abs/2212.09506

    Raises:
        ValueError: where the last block has no attention of every token to every other, or no class token.
    """
    return torch.cat([_eclipsed(scene, chunk) for chunk in scene.chunks()])


def _eclipsed(scene: Scene, chunk: slice) -> Tensor:
    inputs, asked = scene.inputs.of_images(scene.samples[chunk]), scene.asked_of(chunk)
    runs = _blocks(scene.model, inputs, "grad_eclip")
    last = list(runs)[-1]
    tokens = runs[last].tokens.detach().requires_grad_()
    reader = _reader(scene, last, tokens, inputs)
    if reader is None:
        raise ValueError(f"expected a class token for grad_eclip, which {type(scene.model).__name__} does not have")
    length = _length(tokens, inputs.count)
    attention, gradients = _Attention(inputs.count, length), _AttentionGradients(inputs.count, length)
    answers = {block: [run.output] for block, run in runs.items()}
    with torch.enable_grad():
        with attention:
            answers[last] = [runs[last].again(last, tokens)]
        with answering(answers):
            scores = asked.scores(scene.find_scores(inputs.run(scene.model)))
        with gradients:
            torch.autograd.grad(scores, tokens, torch.ones_like(scores))
    if not gradients.found or not attention.asked:
        raise ValueError(f"{_expected('grad_eclip')}, got blocks of {type(last).__name__} without it")
    queries, keys = attention.asked[-1]  # (N, T, heads * d)
    alike = torch.cosine_similarity(queries[:, reader, None], keys, dim=2)
    patches = _as_maps(scene, last, tokens, alike, inputs)
    axes = tuple(range(1, patches.ndim))
    lowest, highest = patches.amin(axes, keepdim=True), patches.amax(axes, keepdim=True)
    # The gradient of an attention weight is that of the output along the value: summed over heads, over all channels.
    felt = _as_maps(scene, last, tokens, gradients.found[-1][:, :, reader].sum(dim=1), inputs)
    return (felt * (patches - lowest) / (highest - lowest)).clamp(min=0)


def _as_maps(scene: Scene, block: nn.Module, tokens: Tensor, values: Tensor, inputs: Inputs | None = None) -> Tensor:
    """Return one value for each token, ``(N, T)``, as the maps of the patches."""
    count = (inputs or scene.inputs).count
    return scene.cells_at(_name(scene.model, block), _as_given(values[..., None], tokens, count), count)[:, 0]


def _reader(scene: Scene, block: nn.Module, tokens: Tensor, inputs: Inputs | None = None) -> int | None:
    """Return the first token that is no patch, which is the class token; None where all are patches."""
    count = (inputs or scene.inputs).count
    length = _length(tokens, count)
    numbers = torch.arange(length, device=tokens.device, dtype=torch.float32).expand(count, -1)
    patches = set(_as_maps(scene, block, tokens, numbers, inputs)[0].flatten().long().tolist())
    return next((token for token in range(length) if token not in patches), None)


@dataclass(frozen=True)
class _Run:
    """What a block was given, and what it made of it."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    output: Any

    @property
    def tokens(self) -> Any:
        return self.args[0] if self.args else self.kwargs.get("hidden_states")

    def again(self, block: nn.Module, tokens: Tensor) -> Any:
        if self.args:
            return block(tokens, *self.args[1:], **self.kwargs)
        return block(**{**self.kwargs, "hidden_states": tokens})


def _of_chunk(scene: Scene, chunk: slice) -> Tensor:
    inputs, asked = scene.inputs.of_images(scene.samples[chunk]), scene.asked_of(chunk)
    runs = _blocks(scene.model, inputs, "legrad")
    answers, last = {block: [run.output] for block, run in runs.items()}, list(runs)[-1]
    relevances: list[Tensor] = []
    for block, run in runs.items():
        tokens = run.tokens.detach().requires_grad_()
        attention = _AttentionGradients(inputs.count, _length(tokens, inputs.count))
        with torch.enable_grad():
            answers[last] = [run.again(block, tokens)]
            with answering(answers):
                scores = asked.scores(scene.find_scores(inputs.run(scene.model)))
            with attention:
                torch.autograd.grad(scores, tokens, torch.ones_like(scores))
        if not attention.found:
            raise ValueError(f"{_expected('legrad')}, got blocks of {type(block).__name__} without it")
        relevances += [rows.clamp(min=0).flatten(1, 2).mean(dim=1) for rows in attention.found]
    relevance = torch.stack(relevances).mean(dim=0)[..., None]  # (N, T, 1), as the block's tokens
    return scene.cells_at(
        _name(scene.model, last), _as_given(relevance, runs[last].tokens, inputs.count), inputs.count
    )[:, 0]


def _expected(name: str) -> str:
    return f"expected a vision transformer for {name}, whose blocks attend from every token to every other"


def _name(model: nn.Module, block: nn.Module) -> str:
    names: dict[nn.Module, str] = {module: name for name, module in model.named_modules()}
    return names[block]


def _as_given(relevance: Tensor, tokens: Tensor, count: int) -> Tensor:
    """Return ``(N, T, 1)`` with the axes of the block's tokens."""
    return relevance if len(tokens) == count else relevance.transpose(0, 1)


def _length(tokens: Tensor, count: int) -> int:
    """Return the number of tokens of an image, which may stand before the images' axis."""
    return tokens.shape[1] if len(tokens) == count else len(tokens)


def _blocks(model: nn.Module, inputs: Inputs, name: str) -> dict[nn.Module, _Run]:
    """Return the longest stack of modules of one type that each turn tokens into as many, and what each was given.

    Of several stacks, such as those of a model of images and text, only one that the images reach is meant.
    """
    stacks = [
        list(module.children()) for module in model.modules() if isinstance(module, (nn.ModuleList, nn.Sequential))
    ]
    stacks = [stack for stack in stacks if stack and {type(module) for module in stack} == {type(stack[0])}]
    runs = _recorded(model, inputs, stacks)
    stacks = [stack for stack in stacks if all(_keeps_tokens(runs.get(module, [])) for module in stack)]
    if len(stacks) > 1:
        blank = _recorded(model, _blank(inputs), stacks)
        stacks = [stack for stack in stacks if not torch.equal(runs[stack[0]][0].tokens, blank[stack[0]][0].tokens)]
    if not stacks:
        raise ValueError(f"{_expected(name)}, got a {type(model).__name__} without a stack of blocks")
    return {block: runs[block][0] for block in max(stacks, key=len)}


def _recorded(model: nn.Module, inputs: Inputs, stacks: list[list[nn.Module]]) -> dict[nn.Module, list[_Run]]:
    runs: dict[nn.Module, list[_Run]] = {}

    def record(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        runs.setdefault(module, []).append(_Run(args, kwargs, output))

    blocks = {module for stack in stacks for module in stack}
    with hooked(*(block.register_forward_hook(record, with_kwargs=True) for block in blocks)):
        inputs.run(model)
    return runs


def _blank(inputs: Inputs) -> Inputs:
    """Return the same arguments with images of 0."""
    if inputs.batch is None:
        raise ValueError("expected images of one size for legrad, got several sizes")
    return inputs.of_images(range(inputs.count), torch.zeros_like(inputs.batch))


def _keeps_tokens(runs: list[_Run]) -> bool:
    if len(runs) != 1:
        return False
    tokens, output = runs[0].tokens, runs[0].output
    made = output[0] if isinstance(output, tuple) and output else output
    return all(isinstance(at, Tensor) and at.ndim == 3 for at in (tokens, made)) and tokens.shape == made.shape


class _AttentionGradients(TorchDispatchMode):
    """Collect the gradients of attention weights in a backward pass, whoever computes the attention.

    Written out, attention is a softmax, whose backward is given the gradient of the weights. Fused, its backward is
    given that of the weighted values: times the values, that is the gradient of the weights again.

    Attributes:
        found: ``(N, heads, T, T)`` of each attention, the last first.
    """

    def __init__(self, images: int, tokens: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[Tensor] = []
        self._images, self._tokens = images, tokens

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operator; read what a backward of attention is given."""
        name = function._schema.name
        if name == "aten::_softmax_backward_data":
            self._found(args[0])
        elif name.startswith("aten::_scaled_dot_product") and name.endswith("_backward"):
            gradient, values = args[0], args[3]
            self._found(gradient @ values.transpose(-2, -1))
        return function(*args, **(kwargs or {}))

    def _found(self, gradients: Tensor) -> None:
        if gradients.ndim >= 3 and tuple(gradients.shape[-2:]) == (self._tokens, self._tokens):
            self.found.append(gradients.float().reshape(self._images, -1, self._tokens, self._tokens))


class _Attention(TorchDispatchMode):
    """Collect attention weights in a forward pass, with the queries and keys that they are of, whoever computes them.

    Attributes:
        weights: ``(N, heads, T, T)`` of each attention.
        asked: queries and keys of each, ``(N, T, heads * d)``.
    """

    def __init__(self, images: int, tokens: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.weights: list[Tensor] = []
        self.asked: list[tuple[Tensor, Tensor]] = []
        self._images, self._tokens = images, tokens
        self._last: tuple[Tensor, Tensor] | None = None

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operator; read attention off it."""
        kwargs = kwargs or {}
        output = function(*args, **kwargs)
        name = function._schema.name
        if name in ("aten::bmm", "aten::baddbmm"):
            self._multiplied(args[-2], args[-1], output)
        elif name in ("aten::_softmax", "aten::_safe_softmax") and self._is_square(output) and self._last is not None:
            self._attended(*self._last, output)
        elif name.startswith("aten::_scaled_dot_product") and not name.endswith("_backward"):
            queries, keys = args[:2]
            if queries.shape[-2] == keys.shape[-2] == self._tokens:
                self._attended(queries, keys, _weights(args, kwargs))
        return output

    def _is_square(self, tensor: Tensor) -> bool:
        return tensor.ndim >= 3 and tuple(tensor.shape[-2:]) == (self._tokens, self._tokens)

    def _multiplied(self, queries: Tensor, keys: Tensor, output: Tensor) -> None:
        if self._is_square(output):
            self._last = queries, keys.mT

    def _attended(self, queries: Tensor, keys: Tensor, weights: Tensor) -> None:
        self.weights.append(weights.float().reshape(self._images, -1, self._tokens, self._tokens))
        self.asked.append((self._joined(queries), self._joined(keys)))

    def _joined(self, heads: Tensor) -> Tensor:
        """Return ``(N, T, heads * d)`` of queries or keys, whose heads may stand in the batch's axis."""
        apart = heads.detach().float().reshape(self._images, -1, self._tokens, heads.shape[-1])
        return apart.transpose(1, 2).flatten(2)


def _weights(args: Any, kwargs: Mapping[str, Any]) -> Tensor:
    """Return the weights of a fused attention."""
    queries: Tensor = args[0].float()
    keys: Tensor = args[1].float()
    scale = kwargs.get("scale") or queries.shape[-1] ** -0.5
    with torch.autocast(queries.device.type, enabled=False):
        logits = queries @ keys.mT * scale
    bias = kwargs.get("attn_mask", kwargs.get("attn_bias", args[3] if len(args) > 3 else None))
    if isinstance(bias, Tensor):
        logits = logits.masked_fill(~bias, -torch.inf) if bias.dtype == torch.bool else logits + bias.float()
    weights: Tensor = logits.softmax(dim=-1)
    return weights
