"""`add_gradcam`: maps of any framework, beside the scalars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from numpy.typing import ArrayLike

from tensorboard_plugin_gradcam.arrays import to_numpy
from tensorboard_plugin_gradcam.records import MapKind, Precision
from tensorboard_plugin_gradcam.writer.batch import MAX_MAP_SIZE, Storing, batch_of
from tensorboard_plugin_gradcam.writer.own_maps import MapsOrLayers, by_series, own_maps
from tensorboard_plugin_gradcam.writer.pictures import ImageFormat
from tensorboard_plugin_gradcam.writer.run_log import log_of
from tensorboard_plugin_gradcam.writer.samples import MAX_IMAGE_SIZE, Samples, prepare_samples


def add_gradcam(
    writer: Any,
    tag: str,
    images: Any,
    maps: MapsOrLayers,
    global_step: int,
    walltime: float | None = None,
    *,
    method: str = "grad_cam",
    layer: str = "",
    kind: MapKind = "positive",
    targets: ArrayLike | None = None,
    target_names: Sequence[str] | None = None,
    scores: ArrayLike | None = None,
    outputs: Any = None,
    probabilities: ArrayLike | None = None,
    predictions: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    losses: ArrayLike | None = None,
    top_k: int = 0,
    class_names: Sequence[str] = (),
    ids: Sequence[object] | None = None,
    captions: Sequence[str] | None = None,
    boxes: Sequence[Any] | None = None,
    boxes_in: Literal["pixels", "fractions"] = "pixels",
    masks: Sequence[Any] | None = None,
    transform: object | None = None,
    mean: ArrayLike | None = None,
    std: ArrayLike | None = None,
    dataformats: str | None = None,
    image_format: ImageFormat = "png",
    max_image_size: int | None = MAX_IMAGE_SIZE,
    precision: Precision = "uint8",
    max_map_size: int | None = MAX_MAP_SIZE,
    epoch: float | None = None,
) -> None:
    """Log maps, of any framework and any library, with the images they explain.

    Calls for one tag and step add up: further methods, layers, targets or samples. Images are stored once, however
    often they are passed; `prepare_samples` also saves looking at them. One process writes a series of one run.

    Example:
        >>> add_gradcam("runs/dogs", "val", images, maps, step, labels=labels, outputs=logits, mean=MEAN, std=STD)

    Args:
        writer: a `SummaryWriter` of torch or tensorboardX, a `tf.summary` writer, Lightning's `TensorBoardLogger` or a
            log directory.
        tag: name of the series.
        images: uint8, or floating point in [0, 1], as for `prepare_samples`, or its result; None where there are none.
        maps: raw values ``(N, h, w)`` at any resolution, or with an axis of one channel, ``(N, 1, h, w)``;
            ``(N, d, h, w)`` for volumes; ``(N, h, w, 3)`` for kind "rgb"; ``(N, T, h, w)`` where `targets` is
            ``(N, T)``. Or a mapping to such arrays from layers, or from pairs ``(method, layer)``.
        global_step: of the training.
        walltime: seconds since 1970; now by default.
        method: that made the maps, in snake case.
        layer: that was explained.
        kind: "positive" where positive values are evidence, "signed" where both signs are meant, "rgb" for colours.
        targets: class that is explained, an int, ``(N,)`` or ``(N, T)``; -1 for none.
        target_names: names of targets that are not classes, N or T of them.
        scores: of the targets before softmax, shaped like them.
        outputs: ``(N, C)`` before softmax: predictions and probabilities are read from them.
        probabilities: ``(N, C)``, or ``(N,)`` of the predicted class.
        predictions: ``(N,)``, class index; the most probable by default.
        labels: ``(N,)``, class index; -1 where there is none.
        losses: ``(N,)``.
        top_k: how many of the most probable classes to log.
        class_names: by class index.
        ids: each sample's id in its data set.
        captions: free text.
        boxes: ground truth, for each sample a list of ``(x0, y0, x1, y1)`` or None.
        boxes_in: "pixels" or "fractions".
        masks: ground truth, for each sample ``(h, w)`` or None.
        transform: how images were normalized, to be undone.
        mean: of each channel, where images were normalized by it and `std`.
        std: of each channel.
        dataformats: as for `prepare_samples`, where the shape of images doesn't tell: "NCHW", "NDHW" for volumes, ...
        image_format: "png", "jpeg" or "webp".
        max_image_size: longer edge above which images are scaled down; None for never.
        precision: "uint8" keeps values within (maximum - minimum) / 510 of each map; "float16" or "float32" keep more.
        max_map_size: longer edge above which maps are averaged down; None for never.
        epoch: of the training.

    Raises:
        ValueError: an argument's shape or values; a normalized tensor that is passed as an image is told as such.
        TypeError: an argument's type.
        OSError: it could not be written (a full disk, an unwritable directory). Training can go on.
    """
    check_place(tag, global_step)
    _expect_batch(images, maps)
    samples = images
    if not isinstance(images, Samples):
        samples = prepare_samples(
            images,
            count=len(to_numpy(next(iter(by_series(maps, method, layer).values())), "maps")),
            labels=labels,
            ids=ids,
            captions=captions,
            boxes=boxes,
            boxes_in=boxes_in,
            masks=masks,
            transform=transform,
            mean=mean,
            std=std,
            dataformats=dataformats,
            image_format=image_format,
            max_image_size=max_image_size,
        )
    explanation = own_maps(
        maps,
        len(samples),
        samples.axes,
        method=method,
        layer=layer,
        kind=kind,
        targets=targets,
        scores=scores,
        names=target_names,
        outputs=outputs,
    )
    batch = batch_of(
        samples,
        explanation,
        Storing(precision, max_map_size, top_k),
        probabilities=probabilities,
        predictions=predictions,
        losses=losses,
    )
    log_of(writer).add(tag, batch, int(global_step), class_names, epoch=epoch, wall_time=walltime)


def check_place(tag: str, step: Any) -> None:
    """Raise an error unless tag and step name a place in a log."""
    if not isinstance(tag, str) or not tag.strip("/ "):
        raise ValueError(f"expected a tag, such as 'val', got {tag!r}")
    if int(step) < 0:
        raise ValueError(f"expected global_step of 0 or above, got {step}")


def _expect_batch(images: Any, maps: Any) -> None:
    """Raise an error for one colour picture and its one map, which would be read as a batch of rows."""
    picture, map_ = (tuple(getattr(value, "shape", ())) for value in (images, maps))
    if len(picture) == 3 and len(map_) == 2 and {picture[0], picture[-1]} & {3, 4}:
        raise ValueError(
            f"expected a batch of images and maps, got one image {picture} and one map {map_}: "
            "pass images[None] and maps[None]"
        )
