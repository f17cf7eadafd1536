"""`probed`: what a model's modules give for one image that is changed a little, and how the score's graph runs through.

The numbers go to `layer_finding`, which decides.
"""

from __future__ import annotations

import math
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tensorboard_plugin_gradcam.layer_finding import (
    Arrangement,
    Candidate,
    Places,
    Sampling,
    arranged,
    inherited,
    path_shares,
    ramp,
    step_of,
)

from .borrowing import borrowing
from .hooks import hookable, hooked, map_tensors
from .inputs import Inputs
from .outputs import Outputs
from .taps import PLAIN, parts_of

NEXT_TO_NOTHING = 1e-3  # parameters up to this hide what is behind them: zero heads, layer scales
FEW_COLOURS = 4
STEP_OF_BYTES = 8.0
BYTE = 1 / 256

Key = tuple[str, int, str | None]  # module, run, part


@dataclass(eq=False)
class _Entry:
    """A tensor that a module gave, under the names of all modules that gave it, the innermost first."""

    key: Key
    shape: tuple[int, ...]
    order: int
    is_part: bool
    keys: list[tuple[Key, bool]] = field(default_factory=list)
    node: Any = None
    output: int = 0
    values: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    felt: NDArray[np.float64] | None = None


class _Watch:
    """Hooks that note what modules give in one pass: at sampled cells, and where in the graph."""

    def __init__(self, model: nn.Module, rank: int, known: Mapping[Key, _Entry] | None = None) -> None:
        self._model, self._rank, self._known = model, rank, known
        self._runs: Counter[str] = Counter()
        self._seen: dict[int, tuple[Callable[[], Any], int | None, _Entry]] = {}
        self._indices: dict[tuple[Any, ...], Tensor] = {}
        self._order = 0
        self.entries: dict[Key, _Entry] = {}
        self.kept: list[tuple[_Entry, Tensor]] = []
        self.leaves: list[Tensor] = []
        self.changed: set[Key] | None = None  # where the graph may begin, when it can't at the image

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note what the modules give within the block."""
        handles = [module.register_forward_hook(self._hook(name)) for name, module in hookable(self._model)]
        with hooked(*handles):
            yield

    def _hook(self, name: str) -> Callable[..., Any]:
        def hook(module: nn.Module, args: Any, output: Any) -> Any:
            self._runs[name] += 1
            self._order += 1
            parts = parts_of(output)
            maps = sum(tensor.ndim >= 3 for tensor in parts.values())
            replaced = None
            for part, tensor in parts.items():
                if tensor.ndim >= 2 and tensor.numel() and not tensor.is_quantized:
                    alone = part is None or (maps == 1 and tensor.ndim >= 3)
                    found = self._note((name, self._runs[name], part), tensor, not alone)
                    if found is not None and part is None:
                        replaced = found
            return replaced

        return hook

    def _note(self, key: Key, tensor: Tensor, is_part: bool) -> Tensor | None:
        if self._known is not None:
            entry = self._known.get(key)
            if entry is not None and entry.shape == tuple(tensor.shape):
                self._keep(entry, tensor)
            return None
        version = None if tensor.is_inference() else tensor._version
        reference, seen_version, same = self._seen.get(id(tensor), (lambda: None, None, None))
        if same is not None and reference() is tensor and seen_version == version:
            same.keys.append((key, is_part))
            same.order = self._order
            return None
        entry = _Entry(key, tuple(tensor.shape), self._order, is_part, [(key, is_part)])
        self.entries[key] = entry
        replaced = None
        if self.changed is not None and key in self.changed and not self._begins_before(tensor):
            tensor = tensor.detach().clone().requires_grad_()
            self.leaves.append(tensor)
            replaced = tensor.clone()
            tensor = replaced
        self._seen[id(tensor)] = (weakref.ref(tensor), tensor._version if version is not None else None, entry)
        entry.node, entry.output = tensor.grad_fn, tensor.output_nr
        self._keep(entry, tensor)
        return replaced

    def _begins_before(self, tensor: Tensor) -> bool:
        """Say whether the graph of a tensor leads to one of the leaves."""
        if not self.leaves or tensor.grad_fn is None:
            return False
        leaves = {torch.autograd.graph.get_gradient_edge(leaf).node for leaf in self.leaves}
        waiting, seen = [tensor.grad_fn], set()
        while waiting:
            node = waiting.pop()
            if node in leaves:
                return True
            if node not in seen:
                seen.add(node)
                waiting.extend(follower for follower, _ in node.next_functions if follower is not None)
        return False

    def _keep(self, entry: _Entry, tensor: Tensor) -> None:
        self.kept.append((entry, self.sampled(entry, tensor.detach())))

    def sampled(self, entry: _Entry, tensor: Tensor) -> Tensor:
        """Return the tensor at the cells that are looked at."""
        key = (entry.shape, tensor.device)
        if key not in self._indices:
            flat = Sampling.of(entry.shape, self._rank).flat
            self._indices[key] = torch.from_numpy(flat).to(tensor.device)
        return torch.take(tensor, self._indices[key]).float()

    def read(self, name: str) -> None:
        """Give each entry its values of this pass, in one transfer."""
        for entry, values in zip(
            [entry for entry, _ in self.kept], _arrays([kept for _, kept in self.kept]), strict=True
        ):
            entry.values[name] = values
        self.kept = []


def _arrays(tensors: Sequence[Tensor]) -> list[NDArray[np.float64]]:
    if not tensors:
        return []
    device = tensors[0].device
    flat = torch.cat([tensor.to(device) for tensor in tensors]).cpu().double().numpy()
    return np.split(flat, np.cumsum([len(tensor) for tensor in tensors])[:-1])


@dataclass(eq=False)
class Probe:
    """What was measured of one image.

    Attributes:
        candidates: each tensor that a module gave, in the order in which the outermost such module ended.
        aliases: labels of all modules that gave the same tensor, by label of the one that stands for them.
        is_dense: whether the output has space itself, or is boxes.
        axes: which axes of the images, without the batch's, are space.
    """

    candidates: tuple[Candidate, ...]
    aliases: dict[str, str]
    is_dense: bool
    axes: tuple[int, ...]

    def of(self, label: str) -> Candidate | None:
        """Return what was measured of a module's output."""
        label = self.aliases.get(label, label)
        return next((item for item in self.candidates if item.label == label), None)


def probed(model: nn.Module, inputs: Inputs, scores_of: Callable[[Any], Outputs], with_graph: bool = True) -> Probe:
    """Run the model on the first image and on changed copies of it, and measure all that its modules gave.

    Args:
        model: what is probed; it is borrowed.
        inputs: of which the first image is taken.
        scores_of: finds the scores in what the model returns.
        with_graph: whether paths and dependence are measured too.

    Raises:
        ValueError: where the first image can't be told from the other arguments.
    """
    with borrowing(model) as borrowed, borrowed.interruptible(), lively(model):
        return _Probing(model, inputs.first(), scores_of).run(with_graph)


class _Probing:
    def __init__(self, model: nn.Module, inputs: Inputs, scores_of: Callable[[Any], Outputs]) -> None:
        self._model, self._inputs, self._scores_of = model, inputs, scores_of
        image = inputs.images[0]
        if image.is_meta:
            inputs.run(model)  # which tells what does not fit
            raise ValueError(
                "expected images with numbers, got a tensor on the meta device: layers are found by running the model"
            )
        self._is_list = isinstance(inputs.images, list)
        self._shape = tuple(image.shape)
        self._device, self._dtype = image.device, image.dtype
        self._axes = axes_to_measure(self._shape)
        self._rank = len(self._axes)
        self._base, self._change = _changes(image, _precision(model, image))
        self._order = {name: position for position, name in enumerate(dict(model.named_modules()))}

    def run(self, with_graph: bool) -> Probe:
        watch = _Watch(self._model, self._rank)
        if with_graph and self._dtype.is_floating_point:
            outputs, nodes = self._graph_pass(watch)
        else:
            outputs, nodes = self._pass(self._base, watch), None
            watch.read("base")
        entries = watch.entries
        self._compare(entries, "even", self._change)
        for position, axis in enumerate(self._axes):
            grown = self._change * torch.from_numpy(ramp(self._shape, axis)).to(self._change)
            self._compare(entries, f"ramp{position}", grown)
        if with_graph and nodes is None:
            watch = _Watch(self._model, self._rank)
            watch.changed = {key for key, entry in entries.items() if _has_changed(entry)}
            outputs, nodes = self._graph_pass(watch)
            for key, entry in watch.entries.items():
                if key in entries:
                    entries[key].node, entries[key].output, entries[key].felt = entry.node, entry.output, entry.felt
        return self._found(entries, nodes or {}, outputs)

    def _compare(self, entries: dict[Key, _Entry], name: str, change: Tensor) -> None:
        watch = _Watch(self._model, self._rank, entries)
        self._pass(self._changed(change), watch)
        watch.read(name)

    def _changed(self, change: Tensor) -> Tensor:
        if self._dtype.is_floating_point:
            return (self._base.double() + change).to(self._dtype)
        return (self._base.double() + change.round()).clamp(0, 255).to(self._dtype)

    def _pass(self, image: Tensor, watch: _Watch) -> Any:
        inputs = self._inputs.of_images([0], image[None])
        with borrowing(self._model) as borrowed, borrowed.interruptible(), watch.watching():
            return inputs.run(self._model)

    def _graph_pass(self, watch: _Watch) -> tuple[Any, dict[tuple[Any, int], float]]:
        """Run with a graph; note its nodes, the share of paths through each, and the score's gradient at each."""
        image = self._base[None]
        with borrowing(self._model) as borrowed, borrowed.interruptible(), torch.enable_grad():
            leaf = image.clone()
            if self._dtype.is_floating_point:
                leaf.requires_grad_()
                leaf = leaf.clone()
            inputs = self._inputs.of_images([0], leaf)
            gates = [module.register_forward_pre_hook(_with_gradients) for _, module in hookable(self._model)]
            with hooked(*gates), watch.watching():
                outputs = inputs.run_as_given(self._model)
            watch.read("base")
            scores = _tensors_to_explain(outputs, self._scores_of)
            starts = [score for score in scores if score.grad_fn is not None]
            ends = [leaf] if self._dtype.is_floating_point else watch.leaves
            shares = _shares(starts, ends)
            self._feel(watch, starts, ends, shares)
        return outputs, shares

    def _feel(
        self, watch: _Watch, starts: list[Tensor], ends: list[Tensor], shares: dict[tuple[Any, int], float]
    ) -> None:
        """Note at the sampled cells of each output on a path the score's gradient."""
        kept: list[tuple[_Entry, Tensor]] = []
        by_node: dict[Any, list[_Entry]] = {}
        for entry in watch.entries.values():
            if entry.node is not None and shares.get((entry.node, entry.output)):
                by_node.setdefault(entry.node, []).append(entry)

        def feeling(entries: list[_Entry]) -> Callable[..., None]:
            def feel(gradients: Any) -> None:
                for entry in entries:
                    gradient = gradients[entry.output]
                    if gradient is not None and tuple(gradient.shape) == entry.shape:
                        kept.append((entry, watch.sampled(entry, gradient.detach())))

            return feel

        if not starts or not shares:
            return
        handles = [node.register_prehook(feeling(entries)) for node, entries in by_node.items()]
        generator = torch.Generator().manual_seed(0)
        with hooked(*handles):
            weights = [torch.randn(start.shape, generator=generator).to(start) for start in starts]
            torch.autograd.grad(starts, ends, weights, allow_unused=True)
        for (entry, _), values in zip(kept, _arrays([one for _, one in kept]), strict=True):
            entry.felt = values if entry.felt is None else entry.felt + np.abs(values)

    def _found(self, entries: dict[Key, _Entry], shares: dict[tuple[Any, int], float], outputs: Any) -> Probe:
        modules = dict(self._model.named_modules())
        runs = Counter(key[0] for key in {key[:2] for entry in entries.values() for key, _ in entry.keys})
        axes = list(range(self._rank))
        measured = {entry.key: self._places(entry, axes) for entry in entries.values()}
        axes = _followed(self._shape, self._axes, [places for places in measured.values() if places is not None])
        rank = len(axes)
        if rank < self._rank:
            measured = {entry.key: self._places(entry, axes) for entry in entries.values()}
        ordered = sorted(entries.values(), key=lambda entry: entry.order)
        last = max((entry.order for entry in ordered), default=1)
        arrangements: dict[Key, tuple[Arrangement | None, bool]] = {}
        clear: list[Arrangement] = []
        convolved: set[tuple[int, ...]] = set()
        for entry in entries.values():
            places = measured[entry.key]
            found = arranged(places, rank, clear) if places is not None else None
            is_clear = found is not None
            is_plain = any(is_plain_output(modules[key[0]], entry.shape, rank) for key, _ in entry.keys)
            if places is not None and (found is None or not found.is_whole):
                older = inherited(places, rank, clear)
                if older is None and (is_plain or entry.shape[2:] in convolved):
                    older = Arrangement.channels_first(entry.shape)
                found, is_clear = older or found, older is None and is_clear
            if is_plain:  # what has the axes of a convolution's output is arranged as it is
                convolved.add(entry.shape[2:])
            if found is not None and is_clear:
                clear.append(found)
            arrangements[entry.key] = found, is_clear
        classes = _classes(outputs, self._scores_of)
        explained = {score.grad_fn for score in _tensors_to_explain(outputs, self._scores_of)}
        on_path = {
            entry.key: shares.get((entry.node, entry.output), 0.0) if entry.node is not None else 0.0
            for entry in ordered
        }
        weights = _orders_of_weights(modules, ordered, on_path)
        read = _read_by_attention([e for e in ordered if on_path[e.key]], shares)
        candidates: list[Candidate] = []
        aliases: dict[str, str] = {}
        is_dense = _has_space(outputs, self._scores_of, rank)
        for entry in ordered:
            found, _ = arrangements[entry.key]
            if entry.node is not None and entry.node in explained:
                is_dense |= found is not None and len(entry.shape) > 2 and found.cells > 1
        for entry in ordered:
            key, is_part = _standing_for(entry, modules)
            if not key[0]:
                continue
            label = _label(key, is_part, runs[key[0]])
            arrangement, is_clear = arrangements[entry.key]
            dependence, channels = self._dependence(entry, arrangement)
            candidates.append(
                Candidate(
                    label=label,
                    shape=entry.shape,
                    arrangement=arrangement,
                    is_clear=is_clear,
                    path=on_path[entry.key],
                    dependence=dependence,
                    channels=channels,
                    depth=entry.order / last,
                    has_weights=any(True for _ in modules[key[0]].parameters()),
                    is_score=(entry.node is not None and entry.node in explained)
                    or _is_score(arrangement, classes, is_dense, entry, weights, modules),
                    is_read_by_attention=entry.key in read,
                    of_image=measured[entry.key] is not None,
                    runs=runs[key[0]],
                    is_part=key[2] is not None,
                    weights_before=sum(order <= entry.order for order, _, _ in weights),
                )
            )
            for other, other_is_part in entry.keys:
                aliases[_label(other, other_is_part, runs[other[0]])] = label
        return Probe(tuple(candidates), aliases, is_dense, tuple(self._axes[axis] for axis in axes))

    def _places(self, entry: _Entry, axes: Sequence[int]) -> Places | None:
        names = ["base", "even", *(f"ramp{axis}" for axis in axes)]
        if any(name not in entry.values for name in names):
            return None
        base, even, *ramps = (entry.values[name] for name in names)
        return Places.of(entry.shape, Sampling.of(entry.shape, self._rank), base, even, ramps)

    def _dependence(self, entry: _Entry, arrangement: Arrangement | None) -> tuple[float, int]:
        """Return the share of cells with a gradient, and how many of the channels that were looked at have one."""
        if entry.felt is None or arrangement is None:
            return 0.0, 0
        sampling = Sampling.of(entry.shape, self._rank)
        shares, channels = [1.0], []
        for axis, values in sampling.by_axis(np.abs(entry.felt)).items():
            is_felt = np.asarray((values > 0).any(axis=1))
            before, behind = arrangement.skipped[axis]
            along = sampling.positions[axis]
            inside = np.flatnonzero((along >= before) & (along < entry.shape[axis] - behind))
            if any(factor.axis is not None for factor in arrangement.factors[axis]):
                shares.append(float(np.mean(is_felt[inside])))
            else:
                channels.append(int(is_felt.sum()))
        return min(shares), math.prod(channels)


@contextmanager
def lively(model: nn.Module) -> Iterator[None]:
    """Let the model use noise in the place of parameters that are next to nothing, and so hide what is behind them.

    Zero heads, layer scales and last norms that start at zero are the usual first call. Vectors beside other weights
    are offsets, which hide nothing. The parameters themselves are not touched.
    """
    own: list[tuple[nn.Module, str, Any]] = []
    copies: dict[Any, nn.Parameter] = {}
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in model.modules():
            faint = {name: value for name, value in module._parameters.items() if _is_faint(value)}
            alive = [value for name, value in module._parameters.items() if value is not None and name not in faint]
            for name, value in faint.items():
                if value is not None and not (alive and value.ndim == 1):
                    if value not in copies:
                        spread = 0.5 if value.ndim == 1 else max(1, value.numel() // len(value)) ** -0.5
                        noise = torch.randn(value.shape, generator=generator) * spread
                        copies[value] = nn.Parameter(noise.to(value), requires_grad=value.requires_grad)
                    own.append((module, name, value))
    try:
        for module, name, value in own:
            module._parameters[name] = copies[value]
        yield
    finally:
        for module, name, value in own:
            module._parameters[name] = value


def is_plain_output(module: nn.Module, shape: Sequence[int], rank: int) -> bool:
    """Say whether a module's output is channels first by what the module is, and needs no measurement."""
    return type(module) in PLAIN and len(shape) == rank + 2


def _is_faint(value: Tensor | None) -> bool:
    if value is None or not value.is_floating_point() or not value.numel() or type(value) is not nn.Parameter:
        return False
    # Most are told by their first numbers.
    if float(value.detach().reshape(-1)[:8].abs().max()) > NEXT_TO_NOTHING:
        return False
    return float(value.detach().abs().max()) <= NEXT_TO_NOTHING


def _with_gradients(module: nn.Module, args: Any) -> None:
    if not torch.is_grad_enabled():  # a frozen trunk under no_grad has its paths as well
        torch.set_grad_enabled(True)


def axes_to_measure(shape: tuple[int, ...]) -> list[int]:
    """Return the axes of an image that may be space: all but the colours', where it is plain which they are."""
    few = _few(shape)
    return [axis for axis in range(len(shape)) if few != [axis]]


def _few(shape: tuple[int, ...]) -> list[int]:
    """Return the axes that are short enough for colours, of an image of two axes and more besides."""
    return [axis for axis, size in enumerate(shape) if size <= FEW_COLOURS]


def _followed(shape: tuple[int, ...], axes: Sequence[int], measured: Sequence[Places]) -> list[int]:
    """Return which of the measured axes of the image are space: outputs run along them, not along its colours."""
    if len(axes) < len(shape):
        return list(range(len(axes)))
    if len(shape) == 2:  # a signal of channels, or a picture without
        found = [arrangement for places in measured if (arrangement := arranged(places, 2)) is not None]
        whole = [arrangement for arrangement in found if arrangement.is_whole and min(arrangement.grid) > 1]
        return [0, 1] if 2 * len(whole) > len(found) else [1]
    counts = [0] * len(axes)
    for places in measured:
        for axis in range(len(axes)):
            found_along = arranged(places.along(axis), 1)
            counts[axis] += found_along is not None and found_along.cells > 1
    colours = min(_few(shape) or range(len(axes)), key=lambda axis: (counts[axis], axis))
    return [axis for axis in range(len(axes)) if axis != colours]


def _precision(model: nn.Module, image: Tensor) -> float:
    """Return the smallest relative difference of what the model computes in."""
    types = {parameter.dtype for parameter in model.parameters() if parameter.is_floating_point()}
    types |= {image.dtype} if image.is_floating_point() else set()
    with suppress(RuntimeError):  # there are devices without autocast
        if torch.is_autocast_enabled(image.device.type):
            types.add(torch.get_autocast_dtype(image.device.type))
    if any(type(module).__module__.startswith("torch.ao.nn.quantized") for module in model.modules()):
        return BYTE
    return max((torch.finfo(kind).eps if kind.itemsize > 1 else BYTE for kind in types), default=1e-7)


def _changes(image: Tensor, precision: float) -> tuple[Tensor, Tensor]:
    """Return the image that is probed, and the even change of it; an image without any content is given some."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(image.shape, generator=generator, dtype=torch.float64)
    signs = torch.where(noise < 0, -1.0, 1.0).double()
    values = image.detach().double().cpu()
    values = values.nan_to_num(0, 0, 0)
    step = step_of(values.numpy(), precision)
    if not image.is_floating_point():
        values = values.clamp(2 * STEP_OF_BYTES, 255 - 2 * STEP_OF_BYTES) if image.dtype == torch.uint8 else values
        return values.to(image), (signs * STEP_OF_BYTES).to(image.device)
    if float(values.std()) < 1e-3 * (float(values.abs().mean()) or 1.0):
        values = values + noise * (float(values.abs().mean()) or 1.0) * 0.3
    return values.to(image), (noise * step).to(image.device)


def _has_changed(entry: _Entry) -> bool:
    return "even" in entry.values and not np.array_equal(entry.values["even"], entry.values["base"])


def _tensors_to_explain(outputs: Any, scores_of: Callable[[Any], Outputs]) -> list[Tensor]:
    """Return the scores; of boxes their certainties; all tensors, where none are known as the scores."""
    found: list[Tensor] = []
    try:
        scores: Any = scores_of(outputs)
    except (TypeError, ValueError):
        scores = outputs
    if not isinstance(scores, Tensor) and isinstance(scores, Sequence):
        scores = [item["scores"] if isinstance(item, Mapping) and "scores" in item else item for item in scores]
    map_tensors(found.append, scores)
    return [tensor for tensor in found if tensor.is_floating_point()]


def _classes(outputs: Any, scores_of: Callable[[Any], Outputs]) -> int | None:
    try:
        scores = scores_of(outputs)
    except (TypeError, ValueError):
        return None
    return scores.shape[1] if isinstance(scores, Tensor) and scores.ndim >= 2 else None


def _has_space(outputs: Any, scores_of: Callable[[Any], Outputs], rank: int) -> bool:
    try:
        scores = scores_of(outputs)
    except (TypeError, ValueError):
        return False
    return not isinstance(scores, Tensor) or (scores.ndim == rank + 2 and math.prod(scores.shape[2:]) > 1)


def _shares(starts: Sequence[Tensor], ends: Sequence[Tensor]) -> dict[tuple[Any, int], float]:
    """Return the share of all paths that leads through each output of each node of the graph."""
    final = [torch.autograd.graph.get_gradient_edge(end).node for end in ends]
    following: dict[Any, list[tuple[Any, int]]] = {}

    def next_of(node: Any) -> list[tuple[Any, int]]:
        if node not in following:
            following[node] = [edge for edge in node.next_functions if edge[0] is not None]
        return following[node]

    edges = [torch.autograd.graph.get_gradient_edge(start) for start in starts]
    return path_shares([(edge.node, edge.output_nr) for edge in edges], final, next_of)


_READING = ("Bmm", "ScaledDotProduct", "Baddbmm", "EfficientAttention", "FlashAttention")
_REARRANGING = (
    "View", "Reshape", "Permute", "Transpose", "Split", "Unbind", "Select", "Slice", "Chunk", "Expand", "Clone", "Copy",
    "Mul", "Div", "Alias", "Squeeze", "Unsqueeze", "TBackward", "MT",
)  # fmt: skip


def _read_by_attention(entries: Iterable[_Entry], shares: Mapping[tuple[Any, int], float]) -> set[Key]:
    """Return the outputs that go into products of activations and nowhere else: queries, keys and values."""
    users: dict[tuple[Any, int], list[Any]] = {}
    for node in {node for node, _ in shares}:
        for follower, output in node.next_functions:
            if follower is not None:
                users.setdefault((follower, output), []).append(node)

    def is_read(node: Any, output: int, depth: int = 0) -> bool:
        following = users.get((node, output), [])
        if not following or depth > 12:
            return False
        return all(
            user.name().startswith(_READING)
            or (user.name().startswith(_REARRANGING) and _outputs_are_read(user, depth))
            for user in following
        )

    def _outputs_are_read(user: Any, depth: int) -> bool:
        outputs = [output for node, output in shares if node is user]
        return all(is_read(user, output, depth + 1) for output in outputs)

    return {entry.key for entry in entries if entry.node is not None and is_read(entry.node, entry.output)}


def _standing_for(entry: _Entry, modules: Mapping[str, nn.Module]) -> tuple[Key, bool]:
    """Return which of the modules that gave the same tensor stands for them.

    Rather one with weights, that gives nothing else, and the outermost of those.
    """
    inner = [pair for pair in entry.keys if pair[0][0]]
    weighty = [pair for pair in inner if next(modules[pair[0][0]].parameters(), None) is not None]
    for pairs in (weighty, inner):
        for alone in ([pair for pair in pairs if pair[0][2] is None], [pair for pair in pairs if not pair[1]], pairs):
            if alone:
                return alone[-1]
    return entry.keys[-1]


def _label(key: Key, is_part: bool, runs: int) -> str:
    name, run, part = key
    return f"{name}{f'[{part}]' if is_part else ''}{f'#{run}' if runs > 1 else ''}"


def _orders_of_weights(
    modules: Mapping[str, nn.Module], ordered: Sequence[_Entry], on_path: Mapping[Key, float]
) -> list[tuple[int, str, tuple[int, ...]]]:
    """Return when modules with weights of their own ended that lead to the score, and what shape they gave."""
    return [
        (entry.order, name, entry.shape)
        for entry in ordered
        if on_path[entry.key]
        for (name, _, _), _ in entry.keys[:1]
        if any(value is not None for value in modules[name]._parameters.values())
    ]


def _is_score(
    arrangement: Arrangement | None,
    classes: int | None,
    is_dense: bool,
    entry: _Entry,
    weights: Sequence[tuple[int, str, tuple[int, ...]]],
    modules: Mapping[str, nn.Module],
) -> bool:
    """Say whether nothing with weights follows an output, and its channels are the classes, made by a projection."""
    if arrangement is None or any(order > entry.order for order, _, _ in weights):
        return False
    if is_dense:
        return True
    if arrangement.channels != classes:
        return False
    made_by = [name for order, name, _ in weights if order <= entry.order][-1:]
    return any(_projects(modules[name], classes) for name in made_by)


def _projects(module: nn.Module, classes: int) -> bool:
    """Say whether a module's own weights turn another number of channels into that of the classes."""
    matrices = [value for value in module._parameters.values() if value is not None and value.ndim >= 2]
    return any(classes in matrix.shape[:2] and matrix.shape[0] != matrix.shape[1] for matrix in matrices)
