"""What a model itself tells of its classes and of how its inputs are normalized.

timm's models carry a `pretrained_cfg`, Hugging Face's a `config`, torchvision's weights (passed as `transform`) their
categories.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_SIZES = ("out_features", "out_channels", "num_classes", "num_columns")


def class_names_of(model: Any, transform: Any = None) -> tuple[str, ...]:
    """Return the names of a model's classes, by index; nothing where they are not told, or are of other classes.

    Args:
        model: a torch model, or None.
        transform: of its inputs; torchvision's weights name the classes that they were trained for.
    """
    if not hasattr(model, "named_modules"):  # none, or one of Keras
        return ()
    for names in (_of_weights(transform), _hugging_face(model), _timm(model)):
        if names and _has_outputs(model, len(names)):
            return tuple(map(str, names))
    return ()


def transform_of(model: Any) -> object | None:
    """Return how a model's inputs are normalized, as `prepare_samples` understands it; None where it is not told.

    Of Hugging Face's models it is the image processor that lies beside the weights; nothing is downloaded.
    """
    cfg = getattr(model, "pretrained_cfg", None)
    if isinstance(cfg, Mapping) and cfg.get("mean") and cfg.get("std"):
        return {"mean": cfg["mean"], "std": cfg["std"]}
    path = getattr(getattr(model, "config", None), "_name_or_path", None)
    if not isinstance(path, str) or not path:
        return None
    try:
        from transformers import AutoImageProcessor

        processor: object = AutoImageProcessor.from_pretrained(path, local_files_only=True)
    except (ImportError, OSError, ValueError):
        return None
    return processor


def _of_weights(transform: Any) -> Sequence[Any]:
    meta = getattr(transform, "meta", None)
    return meta.get("categories") or () if isinstance(meta, Mapping) else ()


def _hugging_face(model: Any) -> Sequence[Any]:
    names = getattr(getattr(model, "config", None), "id2label", None)
    if not isinstance(names, Mapping) or all(name == f"LABEL_{index}" for index, name in names.items()):
        return ()  # placeholders
    return [names[index] for index in sorted(names)]


def _timm(model: Any) -> Sequence[Any]:
    cfg = getattr(model, "pretrained_cfg", None)
    if not isinstance(cfg, Mapping):
        return ()
    if cfg.get("label_names"):
        return list(cfg["label_names"])
    try:
        from timm.data import ImageNetInfo, infer_imagenet_subset
    except ImportError:
        return ()
    subset = infer_imagenet_subset(model)
    if subset is None:
        return ()
    info = ImageNetInfo(subset)
    return [info.index_to_description(index) for index in range(info.num_classes())]


def _has_outputs(model: Any, count: int) -> bool:
    """Say whether a model has that many classes: weights may have been made for others than its new head."""
    return any(
        count in (getattr(module, size, None) for size in _SIZES)
        for name, module in model.named_modules()
        if "aux" not in name.lower()  # which keeps its classes when the main head is replaced
    )
