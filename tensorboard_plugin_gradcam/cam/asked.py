"""What is asked of a model's outputs: the scores to explain: which target, of which image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tensorboard_plugin_gradcam.explanation import Distinct

from .boxes import REMEDY, DetectedBox, MatchedBox, NothingDetected, best_of_class, is_skipping
from .outputs import Outputs
from .targets import BinaryScore, Classes, ClassInMask, ClassScore, Contrast, Custom, Probability, Target


@dataclass(frozen=True)
class Asked:
    """The scores that were asked for, M of them: which image each belongs to, and which target."""

    samples: tuple[int, ...]
    targets: tuple[Target, ...]

    def scores(self, outputs: Outputs) -> Tensor:
        """Return the M scalars, ``(M,)``, attached to the graph of `outputs`, N of them."""
        if not self.samples:
            return torch.empty(0)
        return torch.stack(
            [_scalar(target, outputs[sample]) for sample, target in zip(self.samples, self.targets, strict=True)]
        )


def _scalar(target: Target, output: Any) -> Tensor:
    value = target(output)
    if not isinstance(value, Tensor) or value.numel() != 1:
        got = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value)
        raise ValueError(f"expected target {target.name!r} to return one number, a tensor with a graph, got {got}")
    return value.reshape(()).float()


def find_targets(targets: Any, outputs: Outputs, count: int, rank: int = 2) -> Asked:
    """Return what `targets` asks of a model's scores; see `CAM.__call__`.

    Args:
        targets: what was asked for.
        outputs: ``(N, K)``, ``(N,)`` of single logits, ``(N, K, ...)`` of a segmentation, or a detector's N dicts.
        count: of images, N.
        rank: of the images: how many spatial axes a segmentation has.

    Raises:
        ValueError: for a class that does not exist, or a list of the wrong length.
    """
    if len(outputs) != count:
        shape = f"shape {tuple(outputs.shape)}" if isinstance(outputs, Tensor) else f"{len(outputs)} of them"
        raise ValueError(f"expected outputs for each of {count} images, the batch axis first, got {shape}")
    rows = list(_for_each_image(targets, count))
    if isinstance(outputs, Tensor) and any(item is None for items in rows for item in items):
        rows = [_with_top(items, top) for items, top in zip(rows, _top_classes(outputs), strict=True)]
    asked = [(sample, item) for sample, items in enumerate(rows) for item in items]
    if isinstance(outputs, Tensor):
        found = [_one(item, outputs, rank) for _, item in asked]
    else:
        asked = [pair for pair in asked if pair[1] is not None or len(outputs[pair[0]]["scores"])]
        pairs = [(sample, _box_or_none(item, outputs[sample])) for sample, item in asked]
        asked = [(sample, box) for sample, box in pairs if box is not None]
        if not asked:
            raise NothingDetected(f"expected a detected box in one of {count} images, got none: {REMEDY}")
        found = [box for _, box in asked]
    return Asked(tuple(sample for sample, _ in asked), tuple(found))


def _for_each_image(targets: Any, count: int) -> Iterator[Sequence[Any]]:
    """Yield for each image what is asked of it."""
    targets = _plain(targets)
    if isinstance(targets, Classes) or not isinstance(targets, (list, tuple)):
        targets = [targets] * count
    if len(targets) != count:
        raise ValueError(f"expected {count} targets, one for each image, got {len(targets)}")
    for asked in targets:
        asked = _plain(asked)
        if isinstance(asked, (list, tuple)) and not asked:
            raise ValueError("expected at least one target for each image, got an empty list")
        yield asked if isinstance(asked, (list, tuple)) else [asked]


def _with_top(items: Sequence[Any], top: int) -> list[Any]:
    others = items.without_top(top) if isinstance(items, Distinct) else items
    return [top if item is None else item for item in others]


def _plain(targets: Any) -> Any:
    """Return arrays and tensors as numbers or lists."""
    if not isinstance(targets, Tensor) and not hasattr(targets, "__array__"):
        return targets
    array = targets if isinstance(targets, Tensor) else targets.__array__()
    if array.ndim > 1:
        raise ValueError(
            f"expected classes of shape (N,), got {tuple(array.shape)}: of one-hot labels pass labels.argmax(1)"
        )
    return array.tolist()


def _box_or_none(item: Any, output: Any) -> Target | None:
    try:
        return _of_boxes(item, output)
    except NothingDetected:
        if not is_skipping():
            raise
        return None


def _of_boxes(item: Any, output: Any) -> Target:
    if item is None:
        return DetectedBox().find(output)
    if isinstance(item, (DetectedBox, MatchedBox)):
        return item.find(output)
    if _is_class(item):
        return best_of_class(int(item), output)
    return _of_callable(item)


def _top_classes(outputs: Tensor) -> list[int]:
    if outputs.ndim > 2:
        raise ValueError(
            f"expected targets= for outputs of shape {tuple(outputs.shape)}: "
            "for segmentation a class, or one ClassInMask(index, mask) for each image; otherwise a callable"
        )
    scores = outputs.detach()
    tops: list[int] = ((scores.reshape(-1) > 0).long() if _is_binary(scores) else scores.argmax(dim=1)).tolist()
    return tops


def _one(item: Any, outputs: Tensor, rank: int) -> Target:
    if not _is_class(item) and not isinstance(item, ClassScore):
        _check_classes(item, outputs)
        return _of_callable(item)
    index = item.index if isinstance(item, ClassScore) else int(item)
    if _is_binary(outputs):
        if index not in (0, 1):
            raise ValueError(f"expected class 0 or 1 of a single logit, got {index}")
        return BinaryScore(index)
    _check_class(index, outputs)
    if outputs.ndim == 2:
        return ClassScore(index)
    if outputs.ndim != rank + 2:
        raise ValueError(
            f"expected scores (N, K), or (N, K, ...) with {rank} spatial axes, got shape {tuple(outputs.shape)}: "
            f"pass targets=, a callable from one image's output to a scalar, instead of class {index}"
        )
    return ClassInMask(index)


def _is_class(item: Any) -> bool:
    return hasattr(item, "__index__") and not isinstance(item, bool)


def _is_binary(outputs: Tensor) -> bool:
    return outputs.ndim == 1 or outputs.shape[1:] == (1,)


def _of_callable(item: Any) -> Target:
    if isinstance(item, (DetectedBox, MatchedBox)):
        raise TypeError(f"expected a detector, whose outputs are boxes, labels and scores, for {item}")
    if not callable(item):
        raise TypeError(f"expected a class index (a whole number), a target or a callable, got {item!r}")
    return item if hasattr(item, "index") and hasattr(item, "name") else Custom(item)


def _check_classes(target: Any, outputs: Tensor) -> None:
    if isinstance(target, (BinaryScore, Probability, Contrast, ClassInMask)):
        _check_class(target.index, outputs)
    if isinstance(target, Contrast):
        _check_class(target.other, outputs)


def _check_class(index: int, outputs: Tensor) -> None:
    classes = 2 if _is_binary(outputs) else outputs.shape[1]  # a single logit has two sides
    if not 0 <= index < classes:
        raise ValueError(f"expected a class from 0 to {classes - 1}, got {index}")
