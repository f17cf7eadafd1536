"""`GradCAMCallback` for Hugging Face's `Trainer`. Tested with Transformers 4.48 to 5.23."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch

try:
    from transformers import TrainerCallback
    from transformers.integrations import TensorBoardCallback
except ModuleNotFoundError as error:
    raise ImportError(
        f"tensorboard_plugin_gradcam.integrations.transformers needs {error.name}: "
        "pip install 'tensorboard-plugin-gradcam[transformers]'"
    ) from error

from tensorboard_plugin_gradcam.integrations.options import split
from tensorboard_plugin_gradcam.writer import GradCAMLogger
from tensorboard_plugin_gradcam.writer.every import Every, interval


class GradCAMCallback(TrainerCallback):
    """Log what an image classifier looks at while `Trainer` trains it, which stays exactly as it would be without.

    Example:
        >>> trainer = Trainer(model, args, ..., callbacks=[GradCAMCallback(eval_dataset, image_processor)])

    Args:
        dataset: its first samples are explained: mappings with "pixel_values" ``(C, H, W)`` and "labels" or "label".
        image_processor: how they were normalized, undone for the pictures.
        count: how many samples.
        every: None logs the untrained model, and then at each evaluation; so many steps (50) or so much time ("30s",
            "5min", a `timedelta`) whenever that has passed.
        tag: name of the series.
        targets: what to explain, as for `CAM`: the top class by default, "label" for the label's.
        writer: as for `add_gradcam`, or a `TensorBoardCallback` that stands before this one among the callbacks; by
            default a run of its own, ``runs/gradcam`` in the output directory.
        options: further arguments of `GradCAMLogger` (layers, methods, class_names, metrics, ...) and of samples (ids,
            captions, boxes, boxes_in, masks, images). Class names are the model configuration's by default.
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
        items = [dataset[index] for index in range(min(count, len(dataset)))]
        if not items or "pixel_values" not in items[0]:
            raise ValueError(f"expected a data set of mappings with 'pixel_values', got {items[:1] or 'an empty one'}")
        self._inputs = torch.stack([torch.as_tensor(item["pixel_values"]) for item in items])
        labels = [item.get("labels", item.get("label")) for item in items]
        self._known, self._options = split(options)
        self._known |= {"labels": None if None in labels else labels, "targets": targets}
        self._options |= {"transform": image_processor, "every": every}
        self._every, self._tag, self._writer = every, tag, writer
        self._probe: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Register the samples, and log the untrained model."""
        if not state.is_world_process_zero:
            return
        names = getattr(model.config, "id2label", None) or {}
        options = {"class_names": [names[index] for index in sorted(names)]} | self._options
        logger = GradCAMLogger(self._where(args), model, **options)
        self._probe = logger.probe(self._tag, self._inputs.to(args.device), **self._known)
        self._log(state)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Log where it is due."""
        if self._every is not None:
            self._log(state)

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Log where evaluations are what counts."""
        if self._every is None:
            self._log(state)

    def _log(self, state: Any) -> None:
        if self._probe is None:
            return
        try:
            self._probe.log(state.global_step, epoch=state.epoch)
        except OSError as error:  # a full disk is no reason to end a training
            warnings.warn(f"Grad-CAM of step {state.global_step} could not be written: {error}", stacklevel=2)

    def _where(self, args: Any) -> Any:
        if isinstance(self._writer, TensorBoardCallback):
            return self._writer.tb_writer
        return self._writer or Path(args.output_dir) / "runs" / "gradcam"
