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
    """Log what an image classifier looks at while `Trainer` trains it, which stays exactly as it would be without.

    Example:
        >>> trainer = Trainer(model, args, ..., callbacks=[GradCAMCallback(eval_dataset, image_processor)])

    Args:
        dataset: its first samples are explained: mappings with "pixel_values" ``(C, H, W)``, and what else they say of
            the samples, such as "labels" or "label": classes, several of them, masks.
        image_processor: how they were normalized, undone for the pictures.
        count: how many samples.
        every: None logs the untrained model, and then at each evaluation; so many steps (50) or so much time ("30s",
            "5min", a `timedelta`) whenever that has passed.
        tag: name of the series.
        targets: what to explain, as for `CAM`: the top class by default, "label" for the label's,
            "both" for the top class's and, where that is wrong, the label's too.
        writer: as for `add_gradcam`, or a `TensorBoardCallback` that stands before this one among the callbacks; by
            default a run of its own in the output directory, ``runs/gradcam``, ``runs/gradcam-2`` and so on for each
            training; one that is resumed goes on in the last one's.
        options: further arguments of `GradCAMLogger` (layers, methods, class_names, metrics, ...) and of samples (ids,
            captions, boxes, boxes_in, truth_masks, images). Class names are the model configuration's by default.

    Raises:
        ValueError: an option, or what is said of the samples. Once the training has begun, errors are warnings.
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
        """Register the samples, and log the untrained model."""
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
        """Log where it is due."""
        if self._every is not None:
            self._log(state)

    @never_ends_training
    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Log where evaluations are what counts."""
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
    """Return a training's own run: the last one's where it is resumed, else the next that has no log yet."""
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
