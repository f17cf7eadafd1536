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
        global_step: of the training, a whole number from 0 to 2^53.
        walltime: seconds since 1970; now by default.
        method: that made the maps, in snake case.
        layer: that was explained.
        kind: "positive" where positive values are evidence, "signed" where both signs are meant, "rgb" for colours.
        targets: class that is explained, an int, ``(N,)`` or ``(N, T)``; -1 for none.
        target_names: names of targets that are not classes, N or T of them.
        scores: of the targets before softmax, shaped like them.
        outputs: ``(N, C)`` before softmax: predictions and probabilities are read from them. Before sigmoid where the
            task is "multilabel", ``(N, D)`` values of a regression, ``(N, C, ...)`` of a segmentation, or a detector's
            N mappings with `boxes`, `labels` and `scores`.
        probabilities: ``(N, C)``, or ``(N,)`` of the predicted class.
        predictions: ``(N,)``, class index; the most probable by default.
        labels: as for `prepare_samples`.
        losses: ``(N,)``.
        numbers: of your own for each sample, by their names: ``{"uncertainty": values}``, each ``(N,)``, NaN for none.
        measures: what to measure of each map: "concentration", "randomisation" (against the first step that is logged),
            "steadiness", and against ground truth "pointing_game", "energy_inside" and "iou"; or numbers of your own
            for each map, by their names: ``{"gain": values}``, each ``(N,)`` or shaped like `targets`, or a mapping to
            such arrays, like that of `maps`.
        top_k: how many of the most probable classes to log.
        class_names: by class index.
        ids: each sample's id in its data set.
        captions: free text.
        boxes: ground truth, for each sample a list of ``(x0, y0, x1, y1)`` or None.
        boxes_in: "pixels" or "fractions".
        box_classes: for each sample a list of its boxes' class indices, or None.
        truth_masks: ground truth, for each sample ``(h, w)``, of a volume ``(d, h, w)``, or None.
        masks: the former name of `truth_masks`.
        transform: how images were normalized, to be undone.
        mean: of each channel, where images were normalized by it and `std`.
        std: of each channel.
        dataformats: as for `prepare_samples`, where the shape of images doesn't tell: "NCHW", "NDHW" for volumes, ...
        image_format: "png", "jpeg" or "webp".
        max_image_size: longer edge above which images are scaled down; None for never.
        precision: "uint8" keeps values within (maximum - minimum) / 510 of each map; "float16" or "float32" keep more.
        max_map_size: longer edge above which maps are averaged down; None for never.
        task: what the model does: "classification", "multilabel" (labels and predictions are sets), "regression",
            "detection" or "segmentation"; by default outputs and labels tell all but regression.
        epoch: of the training, also a fraction.
        mode: what becomes of what stands in the run. "resume": a training goes on from here, and later steps of what is
            logged are replaced. "add": this is added, and replaces only its own step. By default, what the run does not
            have yet (a method, a layer) adds to it, its predictions too; what it has resumes.
        keep_maps: of how many steps the samples' own maps are kept, as for `GradCAMLogger.add`.
        on_error: where the storage can't be written (a full disk, an unwritable directory): "warn", and the training
            goes on, or "raise".

    Raises:
        ValueError: an argument's shape or values; a normalized tensor that is passed as an image is told as such.
        TypeError: an argument's type.
        OSError: it could not be written, with ``on_error="raise"``.
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
