"""A small training in which much can go wrong, and all of it that a map could change."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.modules import module as torch_module
from torch.utils.checkpoint import checkpoint

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import Classes

STEPS = 4


class Refusing(nn.Module):
    """Raises where what it is given is not finite."""

    def forward(self, inputs: Tensor) -> Tensor:
        if not bool(inputs.isfinite().all()):
            raise FloatingPointError("not finite")
        return inputs


class Restless(nn.Module):
    """Draws random numbers and counts its calls in a buffer, in evaluation mode too."""

    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.ones(1))

    def forward(self, inputs: Tensor) -> Tensor:
        self.calls += 1
        noise = torch.rand(1) + np.random.rand() + random.random()
        # The buffer is saved for the backward: whoever writes to it before makes that fail.
        return inputs * (1 + 0.1 * noise.to(inputs)) * self.calls.to(inputs).log()


class Network(nn.Module):
    """BatchNorm (one of them frozen), dropout, frozen weights, normalised weights, in-place operations."""

    def __init__(self, checkpoints: bool = False, is_restless: bool = True) -> None:
        super().__init__()
        self.checkpoints = checkpoints
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.Dropout2d(0.3))
        self.between = nn.Sequential(Refusing(), Restless() if is_restless else nn.Identity())
        self.body = nn.Sequential(nn.Conv2d(8, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(8, 4))
        nn.utils.parametrizations.spectral_norm(self.head[3])
        self.stem[0].weight.requires_grad_(False)
        self.stem[1].eval()

    def forward(self, inputs: Tensor) -> Tensor:
        found = self.between(self.stem(inputs))
        found = checkpoint(self.body, found, use_reentrant=False) if self.checkpoints else self.body(found)
        scores: Tensor = self.head(found)
        return scores


class Transformer(Network):
    """The same around blocks of attention."""

    def __init__(self, checkpoints: bool = False, is_restless: bool = True) -> None:
        super().__init__(checkpoints, is_restless)
        block = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.3, batch_first=True)
        self.body = nn.Sequential(nn.Flatten(2), Transposed(), nn.TransformerEncoder(block, 2), Transposed())
        self.head[0] = nn.AdaptiveAvgPool1d(1)


class WithToken(Transformer):
    """The same with a class token before the others, which the blocks read."""

    def __init__(self, checkpoints: bool = False, is_restless: bool = True) -> None:
        super().__init__(checkpoints, is_restless)
        self.body.insert(2, Token(8))


class Token(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, width))

    def forward(self, tokens: Tensor) -> Tensor:
        return torch.cat([self.token.expand(len(tokens), -1, -1), tokens], 1)


class WithPyramid(Network):
    """The same with two levels of cells in one output."""

    def __init__(self, checkpoints: bool = False, is_restless: bool = True) -> None:
        super().__init__(checkpoints, is_restless)
        self.body, self.head[0] = nn.Sequential(self.body, Levels()), Pooled()


class Levels(nn.Module):
    def forward(self, cells: Tensor) -> dict[str, Tensor]:
        return {"fine": cells, "coarse": nn.functional.avg_pool2d(cells, 2)}


class Pooled(nn.Module):
    def forward(self, levels: dict[str, Tensor]) -> Tensor:
        return (levels["fine"].mean((2, 3)) + levels["coarse"].mean((2, 3)))[..., None, None]


class Transposed(nn.Module):
    """From channels and tokens to tokens and channels, and back."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.transpose(1, 2)


@dataclass(frozen=True)
class Recipe:
    """How a training differs from the plain one."""

    network: type[Network] = Network
    seed: int = 3
    autocast: torch.dtype | None = None
    accumulate: int = 1
    checkpoints: bool = False
    is_restless: bool = True
    memory_format: torch.memory_format = torch.contiguous_format
    wrap: Callable[[nn.Module], Any] = lambda model: model
    is_compiled: bool = False


Look = Callable[[nn.Module, torch.optim.Optimizer, Tensor], None]
Around = Callable[[nn.Module], AbstractContextManager[object]]


def no_look(model: nn.Module, optimizer: torch.optim.Optimizer, inputs: Tensor) -> None:
    """Explain nothing."""


def trained(recipe: Recipe, look: Look = no_look, around: Around = lambda model: nullcontext()) -> dict[str, Any]:
    """Train and return the state at the end.

    Args:
        recipe: how.
        look: is called before the forward pass, between forward and backward, backward and step, and after the step.
        around: a context around the forward passes, those of validation and those of training.
    """
    for seed in (torch.manual_seed, np.random.seed, random.seed):
        seed(recipe.seed)
    model = recipe.network(recipe.checkpoints, recipe.is_restless).to(memory_format=recipe.memory_format)
    wrapped = recipe.wrap(model)
    optimizer = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], lr=1e-2)
    scaler = torch.amp.GradScaler("cpu", enabled=recipe.autocast == torch.float16)
    fixed = torch.rand(4, 3, 12, 12)
    for step in range(STEPS):
        with validating(model), around(wrapped):
            wrapped(fixed)
        inputs = torch.rand(8, 3, 12, 12).to(memory_format=recipe.memory_format)
        with torch.autocast("cpu", recipe.autocast, enabled=recipe.autocast is not None):
            look(wrapped, optimizer, fixed)
            with nullcontext() if recipe.is_compiled else around(wrapped):
                scores = wrapped(inputs)
            look(wrapped, optimizer, fixed)
            loss = cross_entropy(scores, torch.randint(4, (8,)))
        scaler.scale(loss).backward()
        look(wrapped, optimizer, fixed)
        if step % recipe.accumulate == recipe.accumulate - 1:
            scaler.step(optimizer)
            scaler.update()
            look(wrapped, optimizer, fixed)
            optimizer.zero_grad()
    return state_of(model, optimizer)


@contextmanager
def validating(model: nn.Module) -> Iterator[None]:
    modes = {module: module.training for module in model.modules()}
    model.eval()
    with torch.no_grad():
        yield
    for module, training in modes.items():
        module.training = training


def state_of(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return everything that a map could change, by name: of the model, the optimizer, and the process."""
    state: dict[str, Any] = {f"optimizer {key}": deepcopy(value) for key, value in _flat(optimizer.state_dict())}
    for name, weight in (*model.named_parameters(), *model.named_buffers()):
        state[f"weight {name}"] = weight.detach().clone()
        state[f"grad {name}"] = None if weight.grad is None else weight.grad.clone()
        state[f"requires_grad {name}"] = weight.requires_grad
        state[f"version {name}"] = weight._version
        state[f"hooks {name}"] = weight._backward_hooks, weight._post_accumulate_grad_hooks
    for name, module in model.named_modules():
        state[f"mode {name}"] = module.training
        state[f"attributes {name}"] = sorted(vars(module))
        hooks = {key: value for key, value in vars(module).items() if "hooks" in key and isinstance(value, dict)}
        state[f"hooks {name}"] = {key: list(map(repr, value.values())) for key, value in hooks.items()}
    hooks = {key: value for key, value in vars(torch_module).items() if "hooks" in key and isinstance(value, dict)}
    state["hooks of all modules"] = {key: len(value) for key, value in hooks.items()}
    state["random of torch"] = torch.get_rng_state()
    state["random of numpy"] = np.random.get_state()[1:]
    state["random of python"] = random.getstate()
    state["grad mode"] = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
    state["autocast"] = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")
    state["autocast cache"] = torch.is_autocast_cache_enabled()
    return state


def identities_of(model: nn.Module) -> list[int]:
    """Return which objects are the model's weights, buffers and gradients."""
    tensors = [*model.parameters(), *model.buffers()]
    return [id(tensor) for tensor in tensors] + [id(tensor.grad) for tensor in tensors]


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the names of what is not the same, bit for bit."""
    assert before.keys() == after.keys()
    return [name for name, value in before.items() if not _same(value, after[name])]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.dtype == other.dtype and one.stride() == other.stride() and torch.equal(one, other)
    if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(np.array_equal(one, other)) if isinstance(one, np.ndarray) else bool(one == other)


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}")
    else:
        yield path, value


def every_way(model: nn.Module, optimizer: torch.optim.Optimizer, inputs: Tensor) -> None:
    """Explain in all ways, and demand of each that it leaves nothing behind."""
    for way in (plainly, much_at_once, inference_mode, target_raises, model_raises):
        state, identities = state_of(model, optimizer), identities_of(model)
        way(model, inputs)
        assert differences(state, state_of(model, optimizer)) == [], way.__name__
        assert identities_of(model) == identities, way.__name__


def plainly(model: nn.Module, inputs: Tensor) -> None:
    result = CAM(model)(inputs)
    assert float(result.maps["grad_cam", result.layers[0]].abs().max()) > 0


def much_at_once(model: nn.Module, inputs: Tensor) -> None:
    result = CAM(model, ["stem", "body"], ["grad_cam", "eigen_cam", "layer_cam"])(inputs, Classes(1, 2))
    assert len(result.maps) == 6


def inference_mode(model: nn.Module, inputs: Tensor) -> None:
    with torch.inference_mode():
        plainly(model, inputs.clone())


def target_raises(model: nn.Module, inputs: Tensor) -> None:
    try:
        CAM(model)(inputs, lambda output: output[7])
    except IndexError:
        return
    raise AssertionError("expected an IndexError")


def model_raises(model: nn.Module, inputs: Tensor) -> None:
    """Raise between the first and the second of the layers."""
    try:
        CAM(model, ["stem", "body"])(inputs * torch.nan)
    except FloatingPointError:
        return
    raise AssertionError("expected a FloatingPointError")


@contextmanager
def captured(model: nn.Module) -> Iterator[None]:
    """Take the maps of the forward pass in the block, twice."""
    with CAM(model, ["stem", "body"]).capture() as capture:
        yield
    for targets in (None, 2):
        assert all(maps.isfinite().all() for maps in capture.result(targets).maps.values())


def train_on_rank(rank: int, folder: str) -> None:
    """Train as one of two processes, without maps and with maps on rank 0 alone; leave both states in `folder`."""
    torch.distributed.init_process_group("gloo", f"file://{folder}/ranks", rank=rank, world_size=2)
    recipe = Recipe(seed=rank, wrap=nn.parallel.DistributedDataParallel)
    torch.save(trained(recipe), f"{folder}/plain-{rank}")
    torch.save(trained(recipe, every_way, captured) if rank == 0 else trained(recipe), f"{folder}/explained-{rank}")
    torch.distributed.destroy_process_group()
