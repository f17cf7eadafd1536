"""LeGrad: where the attention of a vision transformer's blocks forms the score."""

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
    runs = _blocks(scene.model, inputs)
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
        if not attention.relevances:
            raise ValueError(f"{_EXPECTED}, got blocks of {type(block).__name__} without it")
        relevances += attention.relevances
    relevance = torch.stack(relevances).mean(dim=0)[..., None]  # (N, T, 1), as the block's tokens
    return scene.cells_at(
        _name(scene.model, last), _as_given(relevance, runs[last].tokens, inputs.count), inputs.count
    )[:, 0]


_EXPECTED = "expected a vision transformer for legrad, whose blocks attend from every token to every other"


def _name(model: nn.Module, block: nn.Module) -> str:
    names: dict[nn.Module, str] = {module: name for name, module in model.named_modules()}
    return names[block]


def _as_given(relevance: Tensor, tokens: Tensor, count: int) -> Tensor:
    """Return ``(N, T, 1)`` with the axes of the block's tokens."""
    return relevance if len(tokens) == count else relevance.transpose(0, 1)


def _length(tokens: Tensor, count: int) -> int:
    """Return the number of tokens of an image, which may stand before the images' axis."""
    return tokens.shape[1] if len(tokens) == count else len(tokens)


def _blocks(model: nn.Module, inputs: Inputs) -> dict[nn.Module, _Run]:
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
        raise ValueError(f"{_EXPECTED}, got a {type(model).__name__} without a stack of blocks")
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
        relevances: ``(N, T)`` of each attention: the rectified gradients' mean over heads and the tokens that ask.
    """

    def __init__(self, images: int, tokens: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.relevances: list[Tensor] = []
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
            rows = gradients.float().clamp(min=0).reshape(self._images, -1, self._tokens)
            self.relevances.append(rows.mean(dim=1))
