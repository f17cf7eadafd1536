"""Find the labels in a batch, by shape and values, the number of samples and the number of the model's scores.

Data sets return anything beside their images: classes in any shape, one-hot and multi-hot rows, values, masks, boxes,
mappings of these, strings, nothing. What can be read as labels is used; for the rest, a sentence says why not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.arrays import to_numpy
from tensorboard_plugin_gradcam.writer.predictions import scores_in

_SAYS_LABEL = re.compile(r"(?:^|[^a-z])(?:y|gt|cls|label|class|target|category|truth)(?:e?s)?(?:$|[^a-z])")
_IGNORED = (-100, -1, 255)  # what losses take as "no label"


@dataclass(frozen=True)
class Truth:
    """Ground truth that was found in a batch.

    Attributes:
        labels: as `prepare_samples` takes them; None if there are none.
        masks: masks ``(N, ...)``, 0 outside; None if there are none.
        left_out: a sentence that says why entries of the batch are not used; empty if all are.
    """

    labels: Any = None
    masks: NDArray[Any] | None = None
    left_out: str = ""


@dataclass(frozen=True)
class _Column:
    """One entry of a batch: its name, and either labels, masks, or the reason why it is neither."""

    name: str
    labels: Any = None
    masks: NDArray[Any] | None = None
    problem: str = ""

    @property
    def says_label(self) -> bool:
        words = re.sub(r"([a-z])([A-Z])", r"\1_\2", self.name).lower()
        return _SAYS_LABEL.search(words) is not None


def truth_in(
    batch: Any, count: int, scores: int | None = None, task: str | None = None, class_names: Sequence[str] = ()
) -> Truth:
    """Return the ground truth of a batch of N samples.

    Args:
        batch: the inputs alone, or a tuple or mapping with them, nested in any way.
        count: N.
        scores: number of the model's scores per sample; None if its output is not ``(N,)`` or ``(N, scores)``.
        task: the task that the user named. For "regression" numbers are values, for "segmentation" masks are classes.
        class_names: strings that are read as classes.
    """
    read = (_read(name, value, count, scores, task, class_names) for name, value in _beside_inputs(batch, count))
    columns = [column for column in read if column is not None]
    readable = [column for column in columns if column.labels is not None or column.masks is not None]
    chosen = _chosen(readable)
    if chosen is not None:
        return Truth(chosen.labels, chosen.masks)
    if readable:
        names = " and ".join(repr(column.name) for column in readable)
        return Truth(left_out=f"labels left out: {names} both look like labels: pass labels= to choose")
    problems = "; ".join(f"{column.name}: {column.problem}" for column in columns if column.problem)
    return Truth(left_out=f"labels left out: {problems}" if problems else "")


def _chosen(readable: Sequence[_Column]) -> _Column | None:
    """Return the entry with a label's name, else the first of a tuple, else the only one; labels before masks."""
    for choice in (
        [column for column in readable if column.says_label],
        [column for column in readable if column.name.isdigit()][:1],
        readable,
    ):
        labels = [column for column in choice if column.labels is not None] or choice
        if len(labels) == 1:
            return labels[0]
    return None


def _beside_inputs(batch: Any, count: int) -> Iterator[tuple[str, Any]]:
    """Yield the entries beside the inputs with their names; in a tuple the name is the index, from "1"."""
    whole = _as_mapping(batch)
    if whole is not None:
        yield from _columns("", whole, count)
    elif isinstance(batch, (tuple, list)):
        if _are_samples(batch, count):
            batch = [list(rows) for rows in zip(*batch, strict=True)]
        elif len(batch) == count and all(_as_mapping(row) is not None for row in batch):
            yield from _columns("", batch, count)
            return
        for place, part in enumerate(batch[1:], 1):
            yield from _columns(str(place), part, count)


def _are_samples(batch: Sequence[Any], count: int) -> bool:
    """Say whether a batch is a list of N pairs of an image and its label, as from a loader that does not collate."""
    if len(batch) != count or not all(isinstance(row, (tuple, list)) and len(row) > 1 for row in batch):
        return False
    return len({len(row) for row in batch}) == 1 and all(len(getattr(row[0], "shape", ())) >= 2 for row in batch)


def _columns(name: str, value: Any, count: int) -> Iterator[tuple[str, Any]]:
    """Yield the leaves of a nested entry with their names."""
    parts = _as_mapping(value)
    if isinstance(value, (list, tuple)) and len(value) == count and value and parts is None:
        rows = [_as_mapping(row) for row in value]
        if all(row is not None for row in rows):
            parts = _transposed([row for row in rows if row is not None])
        elif not any(row is not None for row in rows) and not _are_columns(value, count):
            yield name, value
            return
    if parts is not None:
        for key, part in parts.items():
            yield from _columns(f"{name}.{key}" if name else str(key), part, count)
    elif isinstance(value, (list, tuple)):
        for place, part in enumerate(value):
            yield from _columns(f"{name}.{place}" if name else str(place), part, count)
    else:
        yield name, value


def _transposed(rows: Sequence[Mapping[Any, Any]]) -> dict[Any, list[Any]]:
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: [row.get(key) for row in rows] for key in keys}


def _are_columns(parts: Sequence[Any], count: int) -> bool:
    """Say whether a list of N holds a value for each sample N times, as [ids, labels] of two samples does."""
    if count < 2 or any(len(getattr(part, "shape", ())) != 1 or len(part) != count for part in parts):
        return False
    return not all(np.isin(to_numpy(part, "labels"), (0, 1)).all() for part in parts)  # else they are one-hot


def _as_mapping(value: Any) -> Mapping[Any, Any] | None:
    if isinstance(value, Mapping):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if hasattr(value, "_asdict"):  # a named tuple
        named: Mapping[Any, Any] = value._asdict()
        return named
    plain = hasattr(value, "__dict__") and not hasattr(value, "shape") and not hasattr(value, "__len__")
    return vars(value) if plain and not callable(value) else None


def _read(
    name: str, value: Any, count: int, scores: int | None, task: str | None, class_names: Sequence[str]
) -> _Column | None:
    """Read a leaf as labels or masks; None if it is empty."""
    if value is None or (isinstance(value, (list, tuple)) and all(row is None for row in value)):
        return None
    if _is_text(value):
        names = [None if row is None else str(row) for row in np.atleast_1d(np.asarray(value, dtype=object))]
        if len(names) == count and set(names) & set(class_names):
            return _Column(name, labels=names)
        return _Column(name, problem=f"text such as {names[0]!r}, not among class_names")
    try:
        array = to_numpy(value, name)
    except (TypeError, ValueError):
        return _of_uneven(name, value, count)
    except Exception as error:  # whatever a user's objects raise
        return _Column(name, problem=f"{type(error).__name__}: {error}")
    if array.ndim == 0 or len(array) != count:
        return _Column(name, problem=f"expected one for each of {count} samples, got shape {array.shape}")
    flat = array.reshape(count, -1)
    if flat.shape[1] == 1:
        return _of_numbers(name, flat[:, 0], scores, task)
    if array.ndim >= 3:
        plane = array.squeeze(1) if array.shape[1] == 1 and array.ndim > 3 else array
        if min(plane.shape[1:]) > 1:
            return _of_masks(name, plane, task)
    return _of_rows(name, flat, scores, task)


def _of_numbers(name: str, values: NDArray[Any], scores: int | None, task: str | None) -> _Column:
    if task == "regression" or values.dtype.kind == "b":
        return _Column(name, labels=values)
    known = values[np.isfinite(values) & ~np.isin(values, _IGNORED)] if values.dtype.kind == "f" else values
    known = known[~np.isin(known, _IGNORED)]
    if not np.array_equal(known, np.round(known)):
        return _Column(name, problem=f"values such as {known[0]:g}: pass task='regression'")
    classes = None if scores is None else max(scores, 2)
    if known.size and (known.min() < 0 or (classes is not None and known.max() >= classes)):
        told = "no classes" if classes is None else f"not among the model's {classes} classes"
        return _Column(name, problem=f"{known.min():g} to {known.max():g}, {told}")
    taken = np.isfinite(values) & np.isin(values, known)
    return _Column(name, labels=np.where(taken, np.where(np.isfinite(values), values, -1), -1).astype(np.int64))


def _of_rows(name: str, rows: NDArray[Any], scores: int | None, task: str | None) -> _Column:
    width = rows.shape[1]
    if task == "regression":
        return _Column(name, labels=rows)
    is_share = np.isfinite(rows).all() and bool((rows >= 0).all() and (rows <= 1).all())
    if not is_share or scores not in (None, width):
        fits = "" if scores in (None, width) else f" beside {scores} scores"
        return _Column(name, problem=f"{width} numbers per sample{fits}, not classes")
    hot = bool(np.isin(rows, (0, 1)).all())
    if hot or np.allclose(rows.sum(axis=1), 1, atol=0.01):
        return _Column(name, labels=rows)
    return _Column(name, problem=f"{width} values per sample: pass task='regression'")


def _of_masks(name: str, masks: NDArray[Any], task: str | None) -> _Column:
    values = np.unique(masks)
    if values.size and values[0] >= 0 and (np.isin(values, (0, 1, 255)).all() or task == "segmentation"):
        return _Column(name, masks=np.where(masks == 255, 0, masks) if values[-1:] == 255 and 1 in values else masks)
    told = "pass task='segmentation'" if masks.dtype.kind in "iu" else "not 0 and 1"
    return _Column(name, problem=f"an array of shape {masks.shape}: {told}")


def _of_uneven(name: str, value: Any, count: int) -> _Column:
    if not isinstance(value, (list, tuple)):
        return _Column(name, problem=f"{type(value).__name__}")
    if len(value) != count:
        return _Column(name, problem=f"expected one for each of {count} samples, got {len(value)}")
    return _Column(name, problem="several for each sample, such as boxes and their classes")


def _is_text(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(isinstance(row, str) for row in value)
    return isinstance(value, str) or getattr(getattr(value, "dtype", None), "kind", "") in ("U", "S")


def scores_of(outputs: Any, count: int) -> int | None:
    """Return the number of scores per sample in a model's outputs for N samples; None if they are not scores."""
    shape = tuple(getattr(scores_in(outputs, count), "shape", ()))
    if len(shape) not in (1, 2):
        return None
    return int(shape[1]) if len(shape) == 2 else 1
