"""Labels in every form that data sets have, read as classes, sets of classes, or values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.arrays import to_numpy
from tensorboard_plugin_gradcam.records import Task

MOST_CLASS = 2**31 - 1


@dataclass(frozen=True)
class Label:
    """What is known of one sample: a class, a set of classes, or values to be predicted; nothing of it by default."""

    index: int | None = None
    indices: tuple[int, ...] | None = None
    values: tuple[float, ...] = ()


NONE = Label()


def read_labels(
    labels: Any, count: int, task: Task | None = None, class_names: Sequence[str] = (), notes: list[str] | None = None
) -> list[Label]:
    """Return the label of each of N samples.

    Args:
        labels: class indices ``(N,)`` or ``(N, 1)`` of any type of number that is whole, -1 or None for none; names of
            classes; one-hot or soft ``(N, C)``; multi-hot ``(N, C)`` or N lists of classes, which are sets; with the
            task "regression", values ``(N,)`` or ``(N, D)``.
        count: N.
        task: None to tell sets by the labels.
        class_names: by class index, for labels that are names.
        notes: where to say which labels were left out; without it, they raise.

    Raises:
        ValueError: the shape or a value is no label's.
        TypeError: the type is none.
    """
    if labels is None:
        return [NONE] * count
    rows = _rows(labels, count)
    if rows is None:
        problem = f"expected labels of shape ({count},), class indices, got {_described(labels)}"
        if notes is None:
            raise ValueError(problem)
        notes.append(f"labels left out: {problem}")
        return [NONE] * count
    read = _reader(rows, task, class_names)
    found, problems = [], []
    for row in rows:
        try:
            found.append(read(row))
        except (ValueError, TypeError) as error:
            if notes is None:
                raise
            problems.append(str(error))
            found.append(NONE)
    if notes is not None and problems:
        notes.append(f"labels of {len(problems)} of {count} samples left out: {problems[0]}")
    return found


def _rows(labels: Any, count: int) -> list[Any] | None:
    """Return what is said of each sample: a number, a text, None, or an array."""
    if isinstance(labels, (list, tuple)):
        rows = [_plain(row) for row in labels]
    else:
        array = np.asarray(labels) if _is_text(labels) else to_numpy(labels, "labels")
        if array.ndim not in (1, 2):
            return None
        rows = list(array.reshape(count, -1)[:, 0]) if array.shape == (count, 1) else list(array)
    return rows if len(rows) == count else None


def _plain(row: Any) -> Any:
    if row is None or isinstance(row, (str, int, float)):
        return row
    array = to_numpy(row, "labels") if len(getattr(row, "shape", (1,))) or hasattr(row, "__len__") else row
    if getattr(array, "shape", None) in ((), (1,)):
        return to_numpy(array, "labels").reshape(())[()]
    return array


def _is_text(labels: Any) -> bool:
    return getattr(getattr(labels, "dtype", None), "kind", "") in "US" and hasattr(labels, "dtype")


def _reader(rows: Sequence[Any], task: Task | None, class_names: Sequence[str]) -> Callable[[Any], Label]:
    if task == "regression":
        return _values
    arrays = [row for row in rows if isinstance(row, np.ndarray) and row.ndim == 1]
    lists = (bool(arrays) and len({len(row) for row in arrays}) > 1) or any(len(row) == 0 for row in arrays)
    if task == "multilabel" or lists or any(_is_multi_hot(row) for row in arrays):
        width = {len(row) for row in arrays}
        hot = not lists and len(width) == 1 and all(_is_hot(row) for row in arrays)
        return _hot_set if hot else _set_of_indices
    names = {name: index for index, name in enumerate(class_names)}
    return lambda row: _class(row, names)


def _is_hot(row: NDArray[Any]) -> bool:
    return bool(np.isin(row, (0, 1)).all())


def _is_multi_hot(row: NDArray[Any]) -> bool:
    return len(row) > 1 and _is_hot(row) and row.sum() != 1


def _class(row: Any, names: dict[str, int]) -> Label:
    if row is None:
        return NONE
    if isinstance(row, str):
        if row not in names:
            raise ValueError(f"expected labels as class indices, or among class_names, got {row!r}")
        return Label(names[row])
    if isinstance(row, np.ndarray):
        if row.ndim != 1 or not len(row) or not math.isclose(float(row.sum()), 1, abs_tol=0.01) or row.min() < 0:
            raise ValueError(f"expected labels as class indices, or one-hot, got an array {row.shape}: {row.tolist()}")
        return Label(int(row.argmax()))
    value = float(row)
    if not value.is_integer():
        raise ValueError(
            f"expected labels as class indices, whole numbers, got {value:g}: pass task='regression' for values"
        )
    return NONE if value == -1 else Label(_index(int(row)))


def _index(index: int) -> int:
    if not 0 <= index <= MOST_CLASS:
        raise ValueError(f"expected labels from 0 to {MOST_CLASS}, or -1 for none, got {index}")
    return index


def _hot_set(row: Any) -> Label:
    return NONE if row is None else Label(indices=tuple(np.flatnonzero(np.asarray(row)).tolist()))


def _set_of_indices(row: Any) -> Label:
    if row is None:
        return NONE
    classes = np.atleast_1d(np.asarray(row))
    if classes.ndim != 1 or not (classes == classes.astype(np.int64)).all():
        raise ValueError(f"expected labels as a set of class indices, got {classes.tolist()}")
    return Label(indices=tuple(sorted({_index(int(index)) for index in classes if index != -1})))


def _values(row: Any) -> Label:
    if row is None:
        return NONE
    if isinstance(row, str):
        raise ValueError(f"expected labels as numbers for task='regression', got {row!r}")
    numbers = np.atleast_1d(np.asarray(row, dtype=np.float64))
    if numbers.ndim != 1 or not np.isfinite(numbers).all():
        raise ValueError(f"expected labels as finite numbers, one or D per sample, got {numbers.tolist()}")
    return Label(values=tuple(numbers.tolist()))


def _described(labels: Any) -> str:
    shape = getattr(labels, "shape", None)
    return f"shape {tuple(shape)}" if shape is not None else f"{type(labels).__name__} of {len(labels)}"
