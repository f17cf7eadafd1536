"""`GradCAMCallback` for Hugging Face's `Trainer`. Tested with Transformers 4.48 to 5.23."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import torch

try:
    from transformers import TrainerCallback
    from transformers.integrations import TensorBoardCallback
except ModuleNotFoundError as error:
    from tensorboard_plugin_gradcam.installing import missing

    raise missing(__name__, error.name, "transformers") from error

from tensorboard_plugin_gradcam.faults import warn
from tensorboard_plugin_gradcam.integrations.batches import truth_in
from tensorboard_plugin_gradcam.integrations.hooks import faults_of, never_ends_training, rehearse, split
from tensorboard_plugin_gradcam.writer import GradCAMLogger
from tensorboard_plugin_gradcam.writer.every import Every, interval


class GradCAMCallback(TrainerCallback):
    """Log maps of a data set's first samples while `Trainer` trains an image model.

    The training is not changed, bit for bit, and never ended.

    Example:
        >>> trainer = Trainer(model, args, ..., callbacks=[GradCAMCallback(eval_dataset, image_processor)])

    Args:
        dataset: mappings with "pixel_values" ``(C, H, W)``; its first samples are explained. Labels are found among the
            other entries ("labels", "label", ...): a class, several classes, or a mask.
        image_processor: tells how "pixel_values" were normalized, which is undone for the pictures.
        count: number of samples.
        every: None logs the untrained model, and then each evaluation; a number of steps (50) or a time ("30s", "5min",
            a `timedelta`) logs each time that it has passed.
        tag: name of the series.
        targets: what to explain, as for `CAM`. None: the top class; "label": the label; "both": the top class, and the
            label if it is another class.
        writer: as for `add_gradcam`, or a `TensorBoardCallback` that comes before this one among the callbacks. By
            default each training gets a run in the output directory: ``runs/gradcam``, ``runs/gradcam-2`` and so on; a
            resumed training continues the last one.
        options: further arguments of `GradCAMLogger` (layers, methods, class_names, metrics, ...) and of its `probe`
            (ids, captions, boxes, boxes_in, truth_masks, images). Class names come from the model's configuration by
            default.

    Raises:
        ValueError: an option, the inputs or the samples' labels and ground truth are invalid, or samples have no
            "pixel_values". Once the training has begun, errors are warnings.
    """

    def __init__(
        self,
        dataset: Any,
        image_processor: Any = None,
        *,
        count: int = 16,
        every: Every = None,
        tag: str = "validation",
        targets: Any = None,
        writer: Any = None,
        **options: Any,
    ) -> None:
        interval(every)  # raises now rather than in training
        items = _first(dataset, count)
        if not items or "pixel_values" not in items[0]:
            raise ValueError(f"expected a data set of mappings with 'pixel_values', got {items[:1] or 'an empty one'}")
        self._inputs = torch.stack([torch.as_tensor(item["pixel_values"]) for item in items])
        self._known, self._options = split(options)
        truth = truth_in([_without_pixels(item) for item in items], len(items), task=self._options.get("task"))
        if truth.left_out:
            warn(f"Grad-CAM, samples of the data set: {truth.left_out}")
        self._known = {"labels": truth.labels, "truth_masks": truth.masks, "targets": targets} | self._known
        self._options |= {"transform": image_processor, "every": every}
        self._faults = faults_of(self._options)
        rehearse(tag, self._inputs, self._known, self._options)
        self._every, self._tag, self._writer = every, tag, writer
        self._probe: Any = None

    @never_ends_training
    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Register the samples and log the model before its first step."""
        if not state.is_world_process_zero:
            return
        self._probe = None
        names = getattr(getattr(model, "config", None), "id2label", None) or {}
        options = {"class_names": [names[index] for index in sorted(names)]} | self._options
        logger = GradCAMLogger(self._where(args, is_resumed=state.global_step > 0), model, **options)
        self._probe = logger.probe(self._tag, self._inputs.to(args.device), **self._known)
        self._log(state)

    @never_ends_training
    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Log if `every` has passed."""
        if self._every is not None:
            self._log(state)

    @never_ends_training
    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Log the evaluation, unless `every` says otherwise."""
        if self._every is None:
            self._log(state)

    def _log(self, state: Any) -> None:
        if self._probe is not None:
            self._probe.log(state.global_step, epoch=state.epoch)

    def _where(self, args: Any, is_resumed: bool) -> Any:
        if isinstance(self._writer, TensorBoardCallback):
            return self._writer.tb_writer
        return self._writer or _own_run(Path(args.output_dir) / "runs", is_resumed)


def _own_run(runs: Path, is_resumed: bool) -> Path:
    """Return a training's run: the last one if it is resumed, else the next one without a log."""
    number = 1
    while any(_numbered(runs, number).glob("*tfevents*")):
        number += 1
    return _numbered(runs, max(number - 1, 1) if is_resumed else number)


def _numbered(runs: Path, number: int) -> Path:
    return runs / ("gradcam" if number == 1 else f"gradcam-{number}")


def _first(dataset: Any, count: int) -> list[Any]:
    if hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__"):
        return [dataset[index] for index in range(min(count, len(dataset)))]
    return list(islice(dataset, count))  # an iterable one


def _without_pixels(item: Any) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "pixel_values"}
