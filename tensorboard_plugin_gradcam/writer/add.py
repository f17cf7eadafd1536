"""`add_gradcam`: maps of any framework, beside the scalars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tensorboard_plugin_gradcam.aliases import (
    DataFormats,
    Images,
    Labels,
    Maps,
    Measures,
    Numbers,
    PerSample,
    Step,
    Writer,
)
from tensorboard_plugin_gradcam.arrays import to_numpy
from tensorboard_plugin_gradcam.faults import Faults, OnError, checked_on_error
from tensorboard_plugin_gradcam.misnamed import told
from tensorboard_plugin_gradcam.records import MapKind, Precision, Task
from tensorboard_plugin_gradcam.writer.batch import MAX_MAP_SIZE, Storing, batch_of
from tensorboard_plugin_gradcam.writer.checks import names
from tensorboard_plugin_gradcam.writer.history import Mode, checked_mode
from tensorboard_plugin_gradcam.writer.own_maps import by_series, own_maps
from tensorboard_plugin_gradcam.writer.own_measures import OwnMeasures, measures_of_call
from tensorboard_plugin_gradcam.writer.own_numbers import OwnNumbers, own_numbers
from tensorboard_plugin_gradcam.writer.pictures import ImageFormat
from tensorboard_plugin_gradcam.writer.run_log import log_of
from tensorboard_plugin_gradcam.writer.samples import (
    MAX_IMAGE_SIZE,
    BoxesIn,
    Samples,
    prepare_samples,
)
from tensorboard_plugin_gradcam.writer.steps import checked_tag, step_of
from tensorboard_plugin_gradcam.writer.turns import checked_keep

_faults = Faults()  # of all calls: each cause is warned of once


@told
def add_gradcam(
    writer: Writer,
    tag: str,
    images: Images | Samples | None,
    maps: Maps,
    global_step: Step,
    walltime: float | None = None,
    *,
    method: str = "grad_cam",
    layer: str = "",
    kind: MapKind = "positive",
    targets: Numbers | None = None,
    target_names: Sequence[str] | None = None,
    scores: Numbers | None = None,
    outputs: Any = None,
    probabilities: Numbers | None = None,
    predictions: Numbers | None = None,
    labels: Labels | None = None,
    losses: Numbers | None = None,
    numbers: OwnNumbers | None = None,
    measures: Measures | OwnMeasures = (),
    top_k: int = 0,
    class_names: Sequence[str] = (),
    ids: PerSample | None = None,
    captions: Sequence[str | None] | None = None,
    boxes: PerSample | None = None,
    boxes_in: BoxesIn = "pixels",
    box_classes: PerSample | None = None,
    truth_masks: PerSample | None = None,
    masks: PerSample | None = None,
    transform: object | None = None,
    mean: Numbers | None = None,
    std: Numbers | None = None,
    dataformats: DataFormats | None = None,
    image_format: ImageFormat = "png",
    max_image_size: int | None = MAX_IMAGE_SIZE,
    precision: Precision = "uint8",
    max_map_size: int | None = MAX_MAP_SIZE,
    task: Task | None = None,
    epoch: float | None = None,
    mode: Mode | None = None,
    keep_maps: int | None = None,
    on_error: OnError = "warn",
) -> None:
    """Log maps from any framework and library, together with the images they explain.

    Several calls for one tag and step add up: they add methods, layers, targets or samples. Each image is stored once,
    no matter how often you pass it; with `prepare_samples` it is also encoded only once. Only one process may write a
    series of a run.

    Example:
        >>> add_gradcam("runs/dogs", "val", images, maps, step, labels=labels, outputs=logits, mean=MEAN, std=STD)

    Args:
        writer: a `SummaryWriter` of torch or tensorboardX, a `tf.summary` writer, Lightning's `TensorBoardLogger` or a
            log directory.
        tag: name of the series, such as "val".
        images: uint8, or floating point in [0, 1], as for `prepare_samples`, or its result; None for no pictures.
        maps: raw values ``(N, h, w)`` at any resolution, or with one channel, ``(N, 1, h, w)``;
            ``(N, d, h, w)`` for volumes; ``(N, h, w, 3)`` for kind "rgb"; ``(N, T, h, w)`` if `targets` is
            ``(N, T)``. Or a mapping from layers, or from pairs ``(method, layer)``, to such arrays.
        global_step: step of the training, a whole number from 0 to 2^53.
        walltime: seconds since 1970; now by default.
        method: the method that made the maps, in snake case.
        layer: the explained layer.
        kind: "positive" if only positive values are evidence, "signed" if both signs are, "rgb" for colors.
        targets: explained class: an int, ``(N,)`` or ``(N, T)``; -1 for none.
        target_names: N or T names of targets that are not classes.
        scores: the targets' scores before softmax, shaped like `targets`.
        outputs: ``(N, C)`` before softmax; predictions and probabilities are computed from them. For other tasks:
            ``(N, C)`` before sigmoid ("multilabel"), ``(N, D)`` values ("regression"), ``(N, C, ...)``
            ("segmentation"), or a detector's N mappings with `boxes`, `labels` and `scores`.
        probabilities: ``(N, C)`` in [0, 1], or ``(N,)`` for the predicted class.
        predictions: ``(N,)``, class indices; by default the most probable class.
        labels: as for `prepare_samples`.
        losses: ``(N,)``, one loss per sample.
        numbers: your own numbers per sample, by name: ``{"uncertainty": values}``, each ``(N,)``, NaN for none.
        measures: what to measure on each map: "concentration", "randomisation" (against the first logged step),
            "steadiness", and, with ground truth, "pointing_game", "energy_inside" and "iou"; or your own numbers
            per map, by name: ``{"gain": values}``, each ``(N,)`` or shaped like `targets`, or a
            mapping to such arrays, with the keys of `maps`.
        top_k: number of most probable classes to log.
        class_names: by class index.
        ids: each sample's id in the data set.
        captions: free text.
        boxes: ground truth: for each sample a list of ``(x0, y0, x1, y1)`` or None.
        boxes_in: "pixels" or "fractions".
        box_classes: for each sample a list of its boxes' class indices, or None.
        truth_masks: ground truth: for each sample ``(h, w)``, or ``(d, h, w)`` for a volume; or None.
        masks: the former name of `truth_masks`.
        transform: how the images were normalized, so that it can be undone.
        mean: per channel, if the images were normalized by `mean` and `std`.
        std: per channel.
        dataformats: as for `prepare_samples`, if the images' shape is ambiguous: "NCHW", "NDHW" for volumes, ...
        image_format: "png", "jpeg" or "webp".
        max_image_size: longer edge in pixels; larger images are scaled down. None keeps every size.
        precision: "uint8" keeps values within (maximum - minimum) / 510 of each map; "float16" or "float32" keep more.
        max_map_size: longer edge in cells; larger maps are averaged down. None keeps every size.
        task: what the model does: "classification", "multilabel" (labels and predictions are sets), "regression",
            "detection" or "segmentation"; by default it follows from outputs and labels, except for
            regression.
        epoch: epoch of the training; fractions are allowed.
        mode: what happens to earlier records of the run. "resume": training continues from this step, and later steps
            of the same series are replaced. "add": the step is added, and replaces only itself. By default, a method
            or layer that the run does not have yet is added, with its predictions; one that it has is resumed.
        keep_maps: number of steps whose maps of single samples are kept, as for `GradCAMLogger.add`.
        on_error: if the storage can't be written (full disk, read-only directory): "warn" and let training continue,
            or "raise".

    Raises:
        ValueError: an argument has the wrong shape or values; the error says so if an image looks normalized.
        TypeError: an argument has the wrong type.
        OSError: the log could not be written, and `on_error` is "raise".
    """
    checked_tag(tag)
    checked_on_error(on_error)
    checked_mode(mode)
    checked_keep(keep_maps)
    step = step_of(global_step, "global_step")
    class_names = names("class_names", class_names)
    _expect_batch(images, maps)
    if isinstance(images, Samples):
        samples = images
    else:
        samples = prepare_samples(
            images,
            count=len(to_numpy(next(iter(by_series(maps, method, layer).values())), "maps")),
            labels=labels,
            ids=ids,
            captions=captions,
            boxes=boxes,
            boxes_in=boxes_in,
            box_classes=box_classes,
            truth_masks=truth_masks,
            task=task,
            masks=masks,
            class_names=class_names,
            transform=transform,
            mean=mean,
            std=std,
            dataformats=dataformats,
            image_format=image_format,
            max_image_size=max_image_size,
        )
    asked, own = measures_of_call(measures, method, layer)
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
        measures=own,
    )
    batch = batch_of(
        samples,
        explanation,
        Storing(precision, max_map_size, top_k, task, asked),
        probabilities=probabilities,
        predictions=predictions,
        losses=losses,
    )
    batch = replace(batch, numbers=own_numbers(numbers, len(samples)))
    log = log_of(writer)
    try:
        log.add(tag, batch, step, class_names, asked, epoch=epoch, wall_time=walltime, mode=mode, keep_maps=keep_maps)
    except OSError as error:
        if on_error == "raise":
            raise
        _faults.tell(f"step {step} of {tag!r} could not be written", error)


def _expect_batch(images: Any, maps: Any) -> None:
    """Raise an error for one colour picture and its one map, which would be read as a batch of rows."""
    picture, map_ = (tuple(getattr(value, "shape", ())) for value in (images, maps))
    if len(picture) == 3 and len(map_) == 2 and {picture[0], picture[-1]} & {3, 4}:
        raise ValueError(
            f"expected a batch of images and maps, got one image {picture} and one map {map_}: "
            "pass images[None] and maps[None]"
        )
