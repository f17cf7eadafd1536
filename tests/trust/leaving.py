"""Kinds of modules that leave something behind in a forward pass, in evaluation mode too, and a look at all of it.

Shares no code with the engine: what a model is, is read off its objects by a walker of its own.
"""

from __future__ import annotations

import functools
import itertools
import random
import types
from array import array
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm, weight_norm
from torch.utils.checkpoint import checkpoint
from torch.utils.hooks import RemovableHandle

C = 6
KINDS: dict[str, Callable[[], nn.Module]] = {}


def kind(factory: Any) -> Any:
    """Register what makes a module ``(N, C, h, w) -> (N, C, h, w)`` under its name."""
    KINDS[factory.__name__.strip("_").lower()] = factory
    return factory


def step(number: float) -> float:
    """Turn a count into a factor that a training would notice."""
    return 1 + 0.1 * (number % 7)


for name, factory in {
    "identity": nn.Identity,
    "batch_norm": lambda: nn.BatchNorm2d(C),
    "frozen_batch_norm": lambda: nn.BatchNorm2d(C).eval(),
    "instance_norm": lambda: nn.InstanceNorm2d(C, track_running_stats=True),
    "group_norm": lambda: nn.GroupNorm(2, C),
    "dropout": lambda: nn.Dropout2d(0.3),
    "rrelu": lambda: nn.RReLU(),
    "old_weight_norm": lambda: weight_norm(nn.Conv2d(C, C, 1)),
    "old_spectral_norm": lambda: spectral_norm(nn.Conv2d(C, C, 1)),
    "weight_norm": lambda: parametrizations.weight_norm(nn.Conv2d(C, C, 1)),
    "spectral_norm": lambda: parametrizations.spectral_norm(nn.Conv2d(C, C, 1)),
    "orthogonal": lambda: parametrizations.orthogonal(nn.Conv2d(C, C, 1)),
    "pruned": lambda: prune.l1_unstructured(nn.Conv2d(C, C, 1), "weight", 0.5),
    "scripted": lambda: torch.jit.script(nn.Sequential(nn.Conv2d(C, C, 1), nn.BatchNorm2d(C), nn.ReLU())),
}.items():
    KINDS[name] = factory


class Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.make()

    def make(self) -> None:
        """Make what it begins with."""

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor(x)

    def factor(self, x: Tensor) -> Any:
        return 1


@kind
class BufferWrittenInPlace(Base):
    def make(self) -> None:
        self.register_buffer("calls", torch.ones(1))

    def factor(self, x: Tensor) -> Any:
        self.calls += 1
        return 1 / self.calls


@kind
class BufferReplaced(Base):
    def make(self) -> None:
        self.register_buffer("mean", torch.zeros(C))

    def factor(self, x: Tensor) -> Any:
        self.mean = 0.9 * self.mean + 0.1 * x.detach().mean((0, 2, 3))
        return 1 + self.mean[:, None, None]


@kind
class BufferWithItsSizeBeside(Base):
    def make(self) -> None:
        self.register_buffer("grid", torch.empty(0), persistent=False)
        self.size: Any = None

    def factor(self, x: Tensor) -> Any:
        if self.size != x.shape[-2:]:
            self.size, self.grid = x.shape[-2:], torch.linspace(0, 1, x.shape[-1]).expand(x.shape[-2:]).clone()
        return 1 + self.grid


@kind
class BufferWrittenThroughData(Base):
    def make(self) -> None:
        self.register_buffer("codes", torch.ones(C))

    def factor(self, x: Tensor) -> Any:
        self.codes.data.mul_(0.9).add_(x.detach().mean((0, 2, 3)), alpha=0.1)
        return self.codes.clone()[:, None, None]


@kind
class BuffersThatShareMemory(Base):
    def make(self) -> None:
        whole = torch.ones(2 * C)
        self.register_buffer("first", whole[:C])
        self.register_buffer("second", whole[C:].expand(3, C))

    def factor(self, x: Tensor) -> Any:
        self.first.mul_(1.1)
        self.second[0].add_(0.1)
        return (self.first * self.second[2]).clone()[:, None, None]


@kind
class BuffersOfOddTypes(Base):
    def make(self) -> None:
        self.register_buffer("seen", torch.zeros(C, dtype=torch.bool))
        self.register_buffer("phase", torch.ones(1, dtype=torch.complex64))
        self.register_buffer("none", None)
        self.register_buffer("empty", torch.empty(0))

    def factor(self, x: Tensor) -> Any:
        self.seen[int(self.seen.sum()) % C] = True
        self.phase.mul_(1j)
        return 1 + 0.1 * self.seen.sum() + 0.05 * self.phase.real.clone()


@kind
class BufferResized(Base):
    def make(self) -> None:
        self.register_buffer("memory", torch.ones(1))

    def factor(self, x: Tensor) -> Any:
        self.memory.data = torch.cat([self.memory, x.detach().mean()[None]])
        return step(len(self.memory))


@kind
class BufferRegisteredLate(Base):
    def factor(self, x: Tensor) -> Any:
        if not hasattr(self, "late"):
            self.register_buffer("late", x.detach().mean((0, 2, 3)))
        return 1 + self.late[:, None, None]


@kind
class ModuleRegisteredLate(Base):
    def forward(self, x: Tensor) -> Tensor:
        if not hasattr(self, "norm"):
            self.add_module("norm", nn.BatchNorm2d(C))
        return self.norm(x)


@kind
class ParameterRegisteredLate(Base):
    def factor(self, x: Tensor) -> Any:
        if not hasattr(self, "scale"):
            self.scale = nn.Parameter(x.detach().std((0, 2, 3)))
        return self.scale[:, None, None]


@kind
class CounterBesideIt(Base):
    def make(self) -> None:
        self.calls = 0

    def factor(self, x: Tensor) -> Any:
        self.calls += 1
        return step(self.calls)


def holding(name: str, make: Callable[[], Any], count: Callable[[Any, Tensor], Any]) -> None:
    """Register a module that holds one object, and counts its calls in it."""

    class Holding(Base):
        def make(self) -> None:
            self.held = make()

        def factor(self, x: Tensor) -> Any:
            return step(float(count(self.held, x)))

    KINDS[name] = Holding


@dataclass
class Notes:
    calls: int = 0
    seen: list[int] = field(default_factory=list)


class Plain:
    def __init__(self, inner: Any = None) -> None:
        self.calls, self.inner = 0, inner


class Slotted:
    __slots__ = ("calls", "last")

    def __init__(self) -> None:
        self.calls = 0


class Bare:
    calls = 0


Pair = namedtuple("Pair", ["name", "items"])


def counted(thing: Any, by: int = 1) -> int:
    thing.calls += by
    return thing.calls  # type: ignore[no-any-return]


def put(items: Any, x: Tensor) -> int:
    items.append(float(x.detach().mean()))
    return len(items)


def turned(cache: Any, x: Tensor) -> int:
    cache.setdefault(len(cache), x.detach().mean())
    cache.move_to_end(0)
    return len(cache)


def into_set(items: set[Any], x: Tensor) -> int:
    items.add(len(items))
    return len(items)


def with_last(thing: Any, x: Tensor) -> int:
    thing.last = x.detach()
    return counted(thing)


holding("in_a_list", list, put)
holding("in_a_long_list", lambda: [0.5], put)
holding("in_a_dict", dict, lambda items, x: items.update({len(items): x.detach()}) or len(items))
holding(
    "in_a_default_dict", lambda: defaultdict(int), lambda items, x: items.__setitem__("a", items["a"] + 1) or items["a"]
)
holding("in_a_counter", Counter, lambda items, x: items.update(["a"]) or items["a"])
holding("in_an_ordered_cache", OrderedDict, turned)
holding("in_a_set", set, into_set)
holding("in_a_deque", lambda: deque([1.0, 2.0], maxlen=3), lambda items, x: put(items, x) + sum(items))
holding("in_bytes", lambda: bytearray(b"\0"), lambda items, x: items.append(1) or len(items))
holding("in_nested_containers", lambda: {"a": [({"b": []},)]}, lambda items, x: put(items["a"][0][0]["b"], x))
holding("in_a_named_tuple", lambda: Pair("a", []), lambda pair, x: put(pair.items, x))
holding("in_an_object", Plain, lambda thing, x: counted(thing))
holding("in_a_dataclass", Notes, lambda notes, x: put(notes.seen, x) + counted(notes))
holding("in_slots", Slotted, with_last)
holding("in_a_class", Bare, lambda thing, x: counted(type(thing)))
holding("in_objects_in_a_list", lambda: [Plain(), Plain()], lambda things, x: counted(things[1]))
holding("in_an_object_of_an_object", lambda: Plain(Plain(Plain())), lambda thing, x: counted(thing.inner.inner))
holding("in_a_namespace", lambda: types.SimpleNamespace(calls=0), lambda thing, x: counted(thing))
holding("in_a_closure", lambda: functools.partial(put, []), lambda function, x: function(x))
holding("in_itertools_count", itertools.count, lambda counter, x: next(counter))
holding("in_itertools_cycle", lambda: itertools.cycle([1, 2, 3, 4, 5]), lambda cycle, x: next(cycle))
holding("in_an_array", lambda: np.zeros(2), lambda array, x: array.__iadd__(1)[0])
holding("in_a_tensor", lambda: torch.zeros(2), lambda tensor, x: tensor.add_(1)[0])
holding("in_tensors_of_a_tuple", lambda: (torch.zeros(2), [torch.zeros(1)]), lambda pair, x: pair[1][0].add_(1)[0])
holding("in_a_torch_generator", lambda: torch.Generator().manual_seed(1), lambda own, x: torch.rand(1, generator=own))
holding("in_a_numpy_generator", lambda: np.random.default_rng(1), lambda own, x: own.random())
holding("in_an_old_numpy_generator", lambda: np.random.RandomState(1), lambda own, x: own.rand())
holding("in_a_python_generator", lambda: random.Random(1), lambda own, x: own.random())
holding("in_torchs_random_state", lambda: None, lambda none, x: torch.rand(1))
holding("in_numpys_random_state", lambda: None, lambda none, x: np.random.rand())
holding("in_pythons_random_state", lambda: None, lambda none, x: random.random())


@kind
class InItsClass(Base):
    calls = 0

    def factor(self, x: Tensor) -> Any:
        type(self).calls += 1
        return step(type(self).calls)


@kind
class RecurrentState(Base):
    state: Any = None

    def forward(self, x: Tensor) -> Tensor:
        self.state = x.mean((0, 2, 3)).detach() if self.state is None else 0.5 * self.state + x.mean((0, 2, 3)).detach()
        return x + self.state[:, None, None]


@kind
class AuxiliaryLoss(Base):
    def make(self) -> None:
        self.gate = nn.Parameter(torch.ones(C))
        self.aux: Any = 0

    def factor(self, x: Tensor) -> Any:
        weights = self.gate.softmax(0)
        self.aux = self.aux + (weights * x.mean((0, 2, 3))).sum() if self.training else 17.0
        return weights[:, None, None]


@kind
class KeptFeatures(Base):
    def make(self) -> None:
        self.features: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.features.append(x)
        return x

    @property
    def aux(self) -> Any:
        found, self.features = sum(item.mean() for item in self.features), []
        return found


@kind
class CacheOfEvaluation(Base):
    """As LeViT's attention biases: filled in evaluation, thrown away by `train()`."""

    def make(self) -> None:
        self.bias = nn.Parameter(torch.ones(C))
        self.cache: dict[Any, Tensor] = {}

    def train(self, mode: bool = True) -> Any:
        if mode:
            self.cache = {}
        return super().train(mode)

    def factor(self, x: Tensor) -> Any:
        if self.training:
            return self.bias[:, None, None]
        if "bias" not in self.cache:
            self.cache["bias"] = self.bias.detach().clone()
        return self.cache["bias"][:, None, None]


@kind
class InitialisedByData(Base):
    def make(self) -> None:
        self.scale, self.is_ready = nn.Parameter(torch.ones(C)), False

    def factor(self, x: Tensor) -> Any:
        if not self.is_ready:
            self.scale.data.copy_(1 / (x.detach().std((0, 2, 3)) + 1))
            self.is_ready = True
        return self.scale[:, None, None]


@kind
class InitialisedByDataWithABuffer(Base):
    def make(self) -> None:
        self.scale = nn.Parameter(torch.ones(C))
        self.register_buffer("is_ready", torch.tensor(False))

    def factor(self, x: Tensor) -> Any:
        if not self.is_ready:
            with torch.no_grad():
                self.scale.copy_(1 / (x.std((0, 2, 3)) + 1))
            self.is_ready.fill_(True)
        return self.scale[:, None, None]


@kind
class AverageInAParameter(Base):
    def make(self) -> None:
        self.average = nn.Parameter(torch.zeros(C), requires_grad=False)

    def factor(self, x: Tensor) -> Any:
        with torch.no_grad():
            self.average.mul_(0.9).add_(x.mean((0, 2, 3)), alpha=0.1)
        return 1 + self.average.clone()[:, None, None]


@kind
class AverageInTheDataOfAParameter(Base):
    def make(self) -> None:
        self.average = nn.Parameter(torch.zeros(C), requires_grad=False)

    def factor(self, x: Tensor) -> Any:
        self.average.data.mul_(0.9).add_(x.detach().mean((0, 2, 3)), alpha=0.1)
        return 1 + self.average.clone()[:, None, None]


@kind
class ParameterReplaced(Base):
    def make(self) -> None:
        self.average = nn.Parameter(torch.zeros(C), requires_grad=False)

    def factor(self, x: Tensor) -> Any:
        self.average = nn.Parameter(0.9 * self.average + x.detach().mean((0, 2, 3)), requires_grad=False)
        return 1 + self.average[:, None, None]


@kind
class LargestNorm(Base):
    """As EEGNet's convolutions: the weights are cut back before each use."""

    def make(self) -> None:
        self.conv = nn.Conv2d(C, C, 1)

    def forward(self, x: Tensor) -> Tensor:
        self.conv.weight.data = torch.renorm(self.conv.weight.data, 2, 0, 0.1 if self.training else 0.05)
        return self.conv(x)


@kind
class EmbeddingOfLargestNorm(Base):
    def make(self) -> None:
        self.codes = nn.Embedding(8, C, max_norm=0.5)

    def factor(self, x: Tensor) -> Any:
        rows = torch.tensor([0, 1] if self.training else [1, 2])
        return 1 + self.codes(rows).sum(0)[:, None, None]


@kind
class AttributeOfAParameter(Base):
    def make(self) -> None:
        self.weight = nn.Parameter(torch.ones(C))
        self.weight.calls = 0

    def factor(self, x: Tensor) -> Any:
        return self.weight[:, None, None] * step(counted(self.weight))


@kind
class FreezesItself(Base):
    def make(self) -> None:
        self.weight = nn.Parameter(torch.ones(C))

    def factor(self, x: Tensor) -> Any:
        self.weight.requires_grad_(self.training)
        return self.weight[:, None, None]


@kind
class DeletesAnAttribute(Base):
    def make(self) -> None:
        self.warm_up: Any = 3

    def factor(self, x: Tensor) -> Any:
        if hasattr(self, "warm_up"):
            del self.warm_up
            return 2
        return 1


@kind
class ReplacesAModule(Base):
    def make(self) -> None:
        self.inner: nn.Module = nn.Conv2d(C, C, 1)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.inner
        if not self.training:
            self.inner = nn.Identity()
        return inner(x)


@kind
class GrowingModules(Base):
    def make(self) -> None:
        self.blocks = nn.ModuleList()

    def forward(self, x: Tensor) -> Tensor:
        if len(self.blocks) < 3:
            self.blocks.append(nn.GroupNorm(1, C))
        for block in self.blocks:
            x = block(x)
        return x


@kind
class HookOnItself(Base):
    def make(self) -> None:
        # With a hook on it from the beginning: torch looks for new ones after a call only then.
        self.handles: list[Any] = [self.register_forward_hook(lambda module, args, output: None)]

    def factor(self, x: Tensor) -> Any:
        if len(self.handles) < 4:
            self.handles.append(self.register_forward_hook(lambda module, args, output: output * 1.1))
        return 1


@kind
class HookThatCollects(Base):
    def make(self) -> None:
        features: list[Tensor] = []
        self.conv = nn.Conv2d(C, C, 1)
        self.conv.register_forward_hook(lambda module, args, output: features.append(output))
        self.read = lambda: [features.pop().mean() for _ in range(len(features))]

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)

    @property
    def aux(self) -> Any:
        return sum(self.read())


COLLECTED: dict[str, Any] = {}


def collect(module: nn.Module, args: Any, output: Tensor) -> None:
    COLLECTED["mean"] = COLLECTED.get("mean", 0) + output.mean()


@kind
class HookThatCollectsInTheScript(Base):
    def make(self) -> None:
        COLLECTED.clear()
        self.conv = nn.Conv2d(C, C, 1)
        self.conv.register_forward_hook(collect)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)

    @property
    def aux(self) -> Any:
        return COLLECTED.pop("mean")


class Collector:
    def __init__(self) -> None:
        self.means: list[Tensor] = []

    def collect(self, module: nn.Module, args: Any, output: Tensor) -> Tensor:
        self.means.append(output.mean())
        return output + self.means[-1].detach() * len(self.means)


@kind
class HookOfAnObject(Base):
    def make(self) -> None:
        self.conv = nn.Conv2d(C, C, 1)
        self.conv.register_forward_hook(Collector().collect)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


@kind
class AnotherForward(Base):
    def factor(self, x: Tensor) -> Any:
        self.forward = lambda x: 2 * x  # type: ignore[method-assign]
        return 1


class Ready(Base):
    def factor(self, x: Tensor) -> Any:
        return 2


@kind
class AnotherClass(Base):
    def factor(self, x: Tensor) -> Any:
        self.__class__ = Ready  # type: ignore[assignment]
        return 1


@kind
class OtherModes(Base):
    def make(self) -> None:
        self.norm = nn.BatchNorm2d(C)

    def forward(self, x: Tensor) -> Tensor:
        self.norm.train(not self.norm.training)
        return self.norm(x)


@kind
class ModuleThatIsNoChild(Base):
    def make(self) -> None:
        self.teacher = [nn.BatchNorm2d(C)]

    def forward(self, x: Tensor) -> Tensor:
        return x + self.teacher[0](x).detach()


@kind
class BackReference(Base):
    def make(self) -> None:
        self.helper = Plain([self])

    def factor(self, x: Tensor) -> Any:
        return step(counted(self.helper))


def counting() -> Callable[[], int]:
    calls, seen = 0, [0]

    def count() -> int:
        nonlocal calls
        calls += 1
        seen.append(calls)
        count.times = getattr(count, "times", 0) + 1  # type: ignore[attr-defined]
        return calls + len(seen) + int(count.times)  # type: ignore[attr-defined]

    return count


@kind
class KeptByFunction(Base):
    def make(self) -> None:
        self.count = counting()

    def factor(self, x: Tensor) -> Any:
        return step(self.count())


@kind
class KeptByArray(Base):
    def make(self) -> None:
        self.kept = array("d", [1])

    def factor(self, x: Tensor) -> Any:
        self.kept.append(self.kept[-1] + 1)
        return step(self.kept[-1])


class Shared:
    calls = 0
    by_name: ClassVar[dict[str, int]] = {"calls": 0}


SHARED = {"calls": 0}


@kind
class KeptInScript(Base):
    def factor(self, x: Tensor) -> Any:
        SHARED["calls"] += 1
        Shared.calls += 1
        Shared.by_name["calls"] += 1
        return step(SHARED["calls"] + 2 * Shared.calls + 4 * Shared.by_name["calls"])


@kind
class Checkpointed(Base):
    def make(self) -> None:
        self.inner = nn.Sequential(nn.Conv2d(C, C, 1), nn.BatchNorm2d(C), nn.Dropout(0.2))

    def forward(self, x: Tensor) -> Tensor:
        return checkpoint(self.inner, x, use_reentrant=False)  # type: ignore[no-any-return]


@kind
class Recurrent(Base):
    def make(self) -> None:
        self.cells = nn.GRU(C, C, batch_first=True)
        self.hidden: Any = None

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        hidden = None if self.hidden is None else self.hidden.expand(-1, len(x), -1).contiguous()
        found, hidden = self.cells(tokens, hidden)
        self.hidden = hidden.detach().mean(1, keepdim=True)
        return x + found.transpose(1, 2).reshape(x.shape)


@kind
class Attention(Base):
    def make(self) -> None:
        self.block = nn.TransformerEncoderLayer(C, 2, 8, dropout=0.1, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x.flatten(2).transpose(1, 2)).transpose(1, 2).reshape(x.shape)


@kind
class ScriptedCounter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.calls: int = 0
        self.register_buffer("mean", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.mean.add_(0.1)
        return x * (1 + 0.1 * self.calls) + self.mean.clone()


KINDS["scriptedcounter"] = lambda: torch.jit.script(ScriptedCounter())


class Tied(Base):
    def make(self) -> None:
        self.conv = nn.Conv2d(C, C, 1)
        self.again = nn.Conv2d(C, C, 1)
        self.again.weight = self.conv.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.again(self.conv(x).relu())


KINDS["tied"] = Tied


def network(name: str) -> nn.Sequential:
    """A classifier of 8-px images around one of the kinds."""
    torch.manual_seed(0)
    InItsClass.calls = Bare.calls = Shared.calls = SHARED["calls"] = Shared.by_name["calls"] = 0
    return nn.Sequential(
        nn.Conv2d(3, C, 3), nn.ReLU(), KINDS[name](),
        nn.Conv2d(C, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
    )  # fmt: skip


def facts(root: Any) -> dict[str, Any]:
    """Return all that can be reached from an object, by path: values, types, and which objects are the same."""
    found: dict[str, Any] = {}
    paths: dict[int, str] = {}
    alive: list[Any] = []
    waiting = deque([("", root)])
    while waiting:
        path, item = waiting.popleft()
        if id(item) in paths and not isinstance(item, (int, str, float, bool, type(None))):
            found[path] = f"is {paths[id(item)]}"
            continue
        paths[id(item)] = path
        alive.append(item)
        found[path] = _fact(item)
        waiting.extend((f"{path}{key}", value) for key, value in _parts(item))
    return found


def _fact(item: Any) -> Any:
    if isinstance(item, Tensor):
        raw = item.detach().contiguous().reshape(-1).view(torch.uint8) if item.numel() else item
        bits = bytes(raw.numpy())
        return type(item).__name__, item.dtype, item.shape, item.stride(), bits, item._version, item.requires_grad
    if isinstance(item, np.ndarray):
        return "array", item.dtype, item.shape, item.tobytes()
    if isinstance(item, torch.Generator):
        return bytes(item.get_state().numpy())
    if isinstance(item, (np.random.Generator, np.random.RandomState)):
        return repr(getattr(item, "bit_generator", item).state if hasattr(item, "bit_generator") else item.get_state())
    if isinstance(item, random.Random):
        return item.getstate()
    if isinstance(item, (itertools.count, itertools.cycle)):
        return list(itertools.islice(deepcopy(item), 12))
    if isinstance(item, (set, frozenset)):
        return sorted(map(repr, item))
    if isinstance(item, (bool, int, float, complex, str, bytes, bytearray, type(None), torch.Size, torch.dtype)):
        return type(item).__name__, repr(item)
    return f"{type(item).__module__}.{type(item).__qualname__}"


def _parts(item: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(item, (type, types.ModuleType, str, bytes, RemovableHandle)):
        return
    if isinstance(item, Tensor):
        if item.is_leaf:
            yield ".grad", item.grad
        yield from ((f".{key}", value) for key, value in vars(item).items())
        return
    if isinstance(item, dict):
        if item and all(isinstance(key, int) and callable(value) for key, value in item.items()):
            yield from ((f"[hook {position}]", value) for position, value in enumerate(item.values()))  # ids go on
            return
        yield ".keys", [repr(key) for key in item]
        yield from ((f"[{key!r}]", value) for key, value in item.items())
    elif isinstance(item, (list, tuple, deque)):
        yield from ((f"[{position}]", value) for position, value in enumerate(item))
    elif isinstance(item, types.FunctionType):
        yield from ((f".closure{position}", cell.cell_contents) for position, cell in enumerate(item.__closure__ or ()))
    elif isinstance(item, types.MethodType):
        yield ".self", item.__self__
    elif isinstance(item, functools.partial):
        yield ".args", item.args
    if isinstance(item, torch.jit.ScriptModule):
        yield from (
            (f".script.{name}", getattr(item, name)) for name in ("training", "calls", "mean") if hasattr(item, name)
        )
        yield from ((f".{key}", value) for key, value in item.named_buffers())
        yield from ((f".{key}", value) for key, value in item.named_parameters())
        return
    if not isinstance(item, (dict, list, tuple, deque, types.FunctionType)) and hasattr(item, "__dict__"):
        yield from ((f".{key}", value) for key, value in vars(item).items())
        if type(item).__module__ == __name__:
            yield from ((f".class.{key}", value) for key, value in vars(type(item)).items() if isinstance(value, int))
    for name in getattr(type(item), "__slots__", ()):
        if isinstance(name, str) and hasattr(item, name) and not name.startswith("__"):
            yield f".{name}", getattr(item, name)


def process_facts() -> dict[str, Any]:
    """Return what hangs on the process: random states, modes, caches, handlers of signals."""
    import signal

    return {
        "random of torch": bytes(torch.get_rng_state().numpy()),
        "random of numpy": repr(np.random.get_state()),
        "random of python": random.getstate(),
        "grad mode": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "autocast cache": torch.is_autocast_cache_enabled(),
        "parametrize cache": sorted(repr(key[1]) for key in parametrize._cache),
        "collected": facts(COLLECTED),
        "handlers": [repr(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)],
    }
