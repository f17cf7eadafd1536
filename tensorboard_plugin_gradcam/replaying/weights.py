"""Which of a checkpoint's tensors are the model's weights, and whether they fit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tensorboard_plugin_gradcam.replaying.inert import Inert, module_state

if TYPE_CHECKING:
    from torch import Tensor, nn

# Where several sets of weights fit, the first of these keys is taken: averages before what they are averages of.
ORDER = ("state_dict_ema", "model_ema", "state_dict", "model", "", "network_weights", "ema", "teacher", "module")
WHOLE = "the whole file"  # where the weights are all that a checkpoint holds
_DEPTH = 3  # mappings within mappings that are looked into
_WRAPPERS = re.compile(  # that torch puts anywhere within a name
    r"(?:^|(?<=\.))(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|_forward_module|_fpw_module)\."
)
_SHOWN = 5  # keys that an error names


class DoesNotFit(ValueError):
    """A checkpoint whose weights are not the model's; the message names the keys that differ."""


@dataclass(frozen=True)
class Fit:
    """One way to take a model's weights from a checkpoint.

    Attributes:
        key: where in the checkpoint they stand, such as "state_dict"; empty where it is the weights and nothing else.
        prefix: before each of their names, such as "module.".
        inner: before each of the model's own names, where the checkpoint lacks it.
        tensors: by the model's names.
        missing: names that the model has and the checkpoint lacks.
        unexpected: names that the checkpoint has and the model lacks.
        misshapen: names whose shapes differ, with both.
    """

    key: str
    prefix: str
    inner: str
    tensors: Mapping[str, Tensor] = field(repr=False)
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    misshapen: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether nothing differs."""
        return not (self.missing or self.unexpected or self.misshapen)

    @property
    def name(self) -> str:
        """What to call these weights; `--weights` takes the same name."""
        return ".".join(part for part in (self.key, self.prefix.rstrip(".")) if part) or WHOLE

    @property
    def other_classes(self) -> int | None:
        """The number of classes that the checkpoint has, where that alone differs: in the last axis of outputs."""
        counts = {ours[0] for theirs, ours in self.misshapen.values() if theirs[1:] == ours[1:]}
        alike = all(theirs[1:] == ours[1:] for theirs, ours in self.misshapen.values())
        return counts.pop() if alike and len(counts) == 1 and not self.missing and not self.unexpected else None

    def differences(self) -> str:
        """Say which keys differ."""
        said = []
        if self.missing:
            said.append(f"lacks {some(self.missing)}")
        if self.misshapen:
            shapes = [f"{name} is {ours}, not {theirs}" for name, (theirs, ours) in self.misshapen.items()]
            said.append(f"of another shape: {some(shapes)}")
        if self.unexpected:
            said.append(f"has {some(self.unexpected)}, which the model lacks")
        return "; ".join(said)


def chosen(content: Any, model: nn.Module, key: str | None = None, strict: bool = True) -> Fit:
    """Return the weights of a checkpoint that a model is given.

    Args:
        content: of the checkpoint.
        model: that the weights have to fit.
        key: which weights, as `Fit.name` says; None takes the first in `ORDER` that fit.
        strict: whether weights that the model lacks are an error.

    Raises:
        DoesNotFit: none fit; named are the keys by which the nearest differ.
    """
    found = fits(content, model)
    if key is not None:
        found = [fit for fit in found if key in (fit.name, fit.key, fit.prefix.rstrip("."))]
    if not found:
        there = ", ".join(name or WHOLE for name, _ in _mappings(content)) or "none"
        asked = "" if key is None else f" {key!r}"
        raise DoesNotFit(
            f"expected weights{asked} of the model, got none that share a name with it (tensors in: {there})"
        )
    whole = [fit for fit in found if fit.is_whole or (not strict and not fit.missing and not fit.misshapen)]
    if not whole:
        nearest = min(found, key=lambda fit: len(fit.missing) + len(fit.misshapen) + len(fit.unexpected))
        raise DoesNotFit(f"{nearest.name} does not fit the model: it {nearest.differences()}")
    return min(whole, key=_rank)


def fits(content: Any, model: nn.Module) -> list[Fit]:
    """Return every set of weights in a checkpoint that shares names with a model."""
    own = {name: value for name, value in model.state_dict().items() if hasattr(value, "shape")}
    shapes = {name: tuple(value.shape) for name, value in own.items()}
    tied = _tied(own)
    trained = {name for name, _ in model.named_parameters()}
    found = []
    for key, tensors in _mappings(content):
        clean = {_WRAPPERS.sub("", name): value for name, value in tensors.items()}
        for prefix, inner in _prefixes(clean, list(shapes)):
            if inner and any(not name.startswith(inner) for name in trained):
                continue  # weights of the model would stay as they were made
            found.append(_fit(key, prefix, inner, clean, shapes, tied))
    return found


def load(fit: Fit, model: nn.Module) -> None:
    """Give a model the weights."""
    model.load_state_dict(dict(fit.tensors), strict=False)


def _fit(
    key: str,
    prefix: str,
    inner: str,
    clean: Mapping[str, Any],
    shapes: Mapping[str, tuple[int, ...]],
    tied: Mapping[str, frozenset[str]],
) -> Fit:
    asked = {name: prefix + name[len(inner) :] for name in shapes if name.startswith(inner)}
    tensors = {name: clean[theirs] for name, theirs in asked.items() if theirs in clean}
    misshapen = {
        name: (shapes[name], tuple(value.shape))
        for name, value in tensors.items()
        if tuple(value.shape) != shapes[name]
    }
    absent = [name for name in asked if name not in tensors and not (tied.get(name, frozenset()) & tensors.keys())]
    # Counters that BatchNorm got in torch 0.4.1, which nothing but its training uses.
    missing = [name for name in absent if not name.endswith("num_batches_tracked")]
    known = set(asked.values())
    unexpected = [name for name in clean if name.startswith(prefix) and name not in known]
    return Fit(key, prefix, inner, tensors, tuple(missing), tuple(unexpected), misshapen)


def _mappings(content: Any, key: str = "", depth: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every mapping of names to tensors, with where it stands; of modules, their `state_dict`."""
    if isinstance(content, Inert):
        if content.is_module:
            yield key, {name: value for name, value in module_state(content).items() if _is_tensor(value)}
        else:
            yield from _mappings(content.items or content.attributes, key, depth)
    elif hasattr(content, "state_dict") and hasattr(content, "named_parameters"):  # where code was trusted
        yield key, {name: value for name, value in content.state_dict().items() if _is_tensor(value)}
    elif isinstance(content, Mapping) and depth <= _DEPTH:
        tensors = {name: value for name, value in content.items() if isinstance(name, str) and _is_tensor(value)}
        if tensors:
            yield key, tensors
        for name, value in content.items():
            if isinstance(name, str) and not _is_tensor(value):
                yield from _mappings(value, f"{key}.{name}" if key else name, depth + 1)


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "untyped_storage")


def _prefixes(clean: Mapping[str, Any], names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the prefixes under which most of the model's names stand: in the checkpoint, or in the model itself."""
    theirs = [(prefix, "") for prefix in _before(clean, names)]
    ours = [("", prefix) for prefix in _before(names, list(clean)) if prefix]
    counts = {
        (prefix, inner): sum(prefix + name[len(inner) :] in clean for name in names if name.startswith(inner))
        for prefix, inner in theirs + ours
    }
    most = max(counts.values(), default=0)
    return [pair for pair, count in counts.items() if count == most > 0]


def _before(longer: Any, shorter: Sequence[str]) -> list[str]:
    """Return what stands before a few names of `shorter` where they are met in `longer`."""
    telling = sorted(shorter, key=lambda name: (name.count("."), len(name)))[-8:]
    found = Counter(
        one[: len(one) - len(name)] for name in telling for one in longer if one == name or one.endswith(f".{name}")
    )
    return list(found)


def _tied(own: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Return for each name the others of the same memory: files without pickles keep one of them."""
    groups: dict[tuple[Any, ...], set[str]] = {}
    for name, value in own.items():
        if value.numel() and value.data_ptr():
            groups.setdefault((value.data_ptr(), tuple(value.shape), value.stride()), set()).add(name)
    return {name: frozenset(group - {name}) for group in groups.values() if len(group) > 1 for name in group}


def _rank(fit: Fit) -> tuple[int, bool, int]:
    top = fit.key.split(".")[0]
    is_average = "ema" in re.split(r"[._]", fit.prefix)
    return ORDER.index(top) if top in ORDER else len(ORDER), not is_average, len(fit.prefix)


def some(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
