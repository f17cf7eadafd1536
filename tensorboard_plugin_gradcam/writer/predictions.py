"""What the model said: classes and probabilities from its outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.aliases import Numbers
from tensorboard_plugin_gradcam.arrays import numbers, to_numpy
from tensorboard_plugin_gradcam.explanation import is_detection
from tensorboard_plugin_gradcam.records import Task
from tensorboard_plugin_gradcam.writer import tasks


class Known(TypedDict, total=False):
    """What may be known of predictions without the model's outputs; see `predictions_of`."""

    probabilities: Numbers | None
    predictions: Numbers | None
    losses: Numbers | None


@dataclass(frozen=True, eq=False)
class Truth:
    """What samples are labelled with; see `labels.Label`."""

    classes: NDArray[np.int32] | None = None
    sets: Sequence[Sequence[int] | None] | None = None
    has_values: bool = False


NO_TRUTH = Truth()


def task_of(outputs: Any, truth: Truth, task: Task | None = None) -> Task:
    """Return what a model does: as one says, or as its outputs and labels tell."""
    if task is not None:
        return task
    if is_detection(outputs):
        return "detection"
    if len(getattr(outputs, "shape", ())) > 3:
        return "segmentation"
    if truth.sets is not None:
        return "multilabel"
    return "regression" if truth.has_values else "classification"


def predictions_of(
    count: int,
    *,
    outputs: Any = None,
    probabilities: Numbers | None = None,
    predictions: Numbers | None = None,
    losses: Numbers | None = None,
    truth: Truth = NO_TRUTH,
    task: Task = "classification",
    top_k: int = 0,
) -> dict[str, NDArray[Any]]:
    """Return the arrays of `records.Predictions` that can be told; those of detections are `tasks.detection`'s.

    Args:
        count: N.
        outputs: ``(N, C)`` before softmax, or before sigmoid where the task is "multilabel"; ``(N,)`` or ``(N, 1)``
            before a sigmoid; ``(N, D)`` values of a regression; ``(N, C, ...)`` of a segmentation. Used without
            probabilities.
        probabilities: ``(N, C)`` of all classes, or ``(N,)`` of the predicted one.
        predictions: ``(N,)``, class index; the most probable class by default.
        losses: ``(N,)``.
        truth: what the samples are labelled with.
        task: what the model does.
        top_k: how many of the most probable classes to store; 0 for none but the first.
    """
    found: dict[str, NDArray[Any] | None] = {
        "prediction": numbers(predictions, "predictions", (count,), np.int32),
        "loss": numbers(losses, "losses", (count,)),
    }
    if task == "regression":
        found |= {} if outputs is None else tasks.regression(outputs, count)
    elif task == "segmentation":
        found |= {} if outputs is None or len(outputs.shape) < 4 else tasks.segmentation(outputs)
    elif task == "multilabel":
        found |= _of_sets(count, outputs, probabilities, truth)
    elif task == "classification":
        found |= _of_one_class(count, outputs, probabilities, found["prediction"], truth.classes, top_k)
    return {name: array for name, array in found.items() if array is not None}


def _of_sets(count: int, outputs: Any, probabilities: Numbers | None, truth: Truth) -> dict[str, NDArray[Any]]:
    if probabilities is None and outputs is None:
        return {}
    array = to_numpy(outputs if probabilities is None else probabilities, "outputs").astype(np.float64)
    if array.shape == (count,):
        array = array[:, None]
    if array.ndim != 2 or len(array) != count:
        raise ValueError(f"expected outputs of shape ({count}, C) for task='multilabel', got {array.shape}")
    chances = tasks.sigmoid(array) if probabilities is None else array
    return tasks.multilabel(chances, truth.sets or [None] * count)


def _of_one_class(
    count: int,
    outputs: Any,
    probabilities: Numbers | None,
    predictions: NDArray[Any] | None,
    labels: NDArray[np.int32] | None,
    top_k: int,
) -> dict[str, NDArray[Any] | None]:
    scores = None if outputs is None or probabilities is not None else _scores(outputs, count)
    all_classes, own = (_softmax(scores), None) if scores is not None else _probabilities(count, probabilities)
    if all_classes is None:
        return {"probability": own}
    # Ranked by scores where there are some: small differences vanish in the softmax.
    ranking = all_classes if scores is None else scores
    return _of_classes(all_classes, ranking, predictions, labels, top_k)


def _probabilities(
    count: int, probabilities: Numbers | None
) -> tuple[NDArray[np.float64] | None, NDArray[np.float32] | None]:
    """Return the probabilities of all classes, or else those of the predicted class."""
    if probabilities is None:
        return None, None
    array = to_numpy(probabilities, "probabilities")
    if array.shape == (count,):
        return None, array.astype(np.float32)
    if array.ndim != 2 or len(array) != count:
        raise ValueError(f"expected probabilities of shape ({count},) or ({count}, C), got {array.shape}")
    return array.astype(np.float64), None


def _scores(outputs: Any, count: int) -> NDArray[np.float64]:
    array = to_numpy(outputs, "outputs").astype(np.float64)
    if array.shape in ((count,), (count, 1)):  # one score, for class 1 against class 0
        array = np.stack([np.zeros(count), array.reshape(count)], axis=1)
    if array.ndim != 2 or len(array) != count:
        raise ValueError(f"expected outputs of shape ({count}, C), got {array.shape}")
    return array


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        powers: NDArray[np.float64] = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)


def _of_classes(
    probabilities: NDArray[np.float64],
    ranking: NDArray[np.float64],
    predictions: NDArray[Any] | None,
    labels: NDArray[np.int32] | None,
    top_k: int,
) -> dict[str, NDArray[Any] | None]:
    # A network that diverged says NaN: it predicts nothing.
    sound: NDArray[np.bool_] = np.asarray(np.isfinite(probabilities).all(axis=1))
    prediction = np.where(sound, ranking.argmax(axis=1), -1).astype(np.int32) if predictions is None else predictions
    found: dict[str, NDArray[Any] | None] = {"prediction": prediction, "probability": _at(probabilities, prediction)}
    if labels is not None:
        found["label_probability"] = _at(probabilities, labels)
    if top_k > 0:
        order = np.argsort(-ranking, axis=1, kind="stable")[:, :top_k]
        found["top_classes"] = np.where(sound[:, None], order, -1).astype(np.int32)
        found["top_probabilities"] = np.take_along_axis(probabilities, order, axis=1).astype(np.float32)
    return found


def _at(probabilities: NDArray[np.float64], classes: NDArray[Any]) -> NDArray[np.float32]:
    known = (classes >= 0) & (classes < probabilities.shape[1])
    picked = probabilities[np.arange(len(classes)), np.where(known, classes, 0)]
    return np.where(known, picked, np.nan).astype(np.float32)


def scores_in(outputs: Any, count: int) -> Any:
    """Return the scores ``(N, ...)`` within a model's outputs, or its boxes; None where they are something else."""
    if is_detection(outputs):
        return outputs if len(outputs) == count else None
    for name in ("logits", "out"):
        found = outputs.get(name) if isinstance(outputs, Mapping) else getattr(outputs, name, None)
        if found is not None:
            outputs = found
            break
    if isinstance(outputs, (tuple, list)) and outputs and hasattr(outputs[0], "shape"):
        outputs = outputs[0]
    shape = tuple(getattr(outputs, "shape", ()))
    return outputs if shape[:1] == (count,) and len(shape) in (1, 2, 4, 5) else None


def own_outputs(outputs: Any, count: int) -> Any:
    """Return the scores ``(N, ...)`` within outputs that a user passes, or their boxes; None where there are none.

    A model may return what it likes (see `scores_in`); what is passed by hand has to hold scores.

    Raises:
        ValueError: it holds none of N samples.
        TypeError: it holds no numbers.
    """
    if outputs is None:
        return None
    if isinstance(outputs, (list, tuple)) and all(len(getattr(item, "shape", ())) < 2 for item in outputs):
        outputs = outputs if is_detection(outputs) else to_numpy(outputs, "outputs")
    found = scores_in(outputs, count)
    if found is None:
        raise ValueError(
            f"expected outputs of {count} samples, one for each map: scores ({count},), ({count}, C) or "
            f"({count}, C, ...), or {count} mappings with boxes, labels and scores; got {_described(outputs)}"
        )
    return found


def _described(outputs: Any) -> str:
    shape = getattr(outputs, "shape", None)
    if shape is not None:
        return f"shape {tuple(shape)}"
    if isinstance(outputs, Mapping):
        return f"{type(outputs).__name__} with the keys {sorted(map(str, outputs))}"
    return f"{type(outputs).__name__} of {len(outputs)}" if isinstance(outputs, (list, tuple)) else repr(outputs)
