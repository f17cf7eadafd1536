"""`GradCAMCallback` for fastai's `Learner`. Tested with fastai 2.8."""

from __future__ import annotations

from typing import Any

try:
    from fastai.callback.core import Callback
    from fastai.torch_core import rank_distrib
except ModuleNotFoundError as error:
    from tensorboard_plugin_gradcam.installing import missing

    raise missing(__name__, error.name, "fastai") from error

from tensorboard_plugin_gradcam.integrations.hooks import faults_of, never_ends_training, rehearse, split
from tensorboard_plugin_gradcam.writer import GradCAMLogger
from tensorboard_plugin_gradcam.writer.every import Every, interval


class GradCAMCallback(Callback):
    """Log maps of fixed samples while a `Learner` fits a model.

    The training is not changed, bit for bit, and never ended.

    Example:
        >>> learn.fit(5, cbs=GradCAMCallback("runs/pets", images, labels, class_names=learn.dls.vocab))

    Args:
        writer: a log directory or a `SummaryWriter`, as for `add_gradcam`.
        inputs: the model's inputs ``(N, C, H, W)``, on its device.
        labels: class indices ``(N,)``.
        every: None logs at the end of each epoch; a number of batches (50) or a time ("30s", "5min", a `timedelta`)
            logs each time that it has passed. In both cases the untrained model is logged first. Steps are batches.
        tag: name of the series.
        targets: what to explain, as for `CAM`. None: the top class; "label": the label; "both": the top class, and the
            label if it is another class.
        options: further arguments of `GradCAMLogger` (layers, methods, class_names, transform, metrics, ...) and of its
            `probe` (ids, captions, boxes, boxes_in, truth_masks, images).

    Raises:
        ValueError: an option, the inputs or the samples' labels and ground truth are invalid. Once the training has
            begun, errors are warnings.
    """

    def __init__(
        self,
        writer: Any,
        inputs: Any,
        labels: Any = None,
        *,
        every: Every = None,
        tag: str = "validation",
        targets: Any = None,
        **options: Any,
    ) -> None:
        super().__init__()
        interval(every)  # raises now rather than in training
        self._writer, self._inputs, self._every, self._tag = writer, inputs, every, tag
        known, self._options = split(options)
        self._known = known | {"labels": labels, "targets": targets}
        self._faults = faults_of(self._options)
        rehearse(tag, inputs, self._known, self._options)
        self._batches = 0
        self._probe: Any = None

    @never_ends_training
    def before_fit(self) -> None:
        """Register the samples and log the model as it is; a later `fit` continues the count of batches."""
        self.run = not hasattr(self.learn, "lr_finder") and not hasattr(self, "gather_preds") and not rank_distrib()
        if not self.run:
            return
        self._probe = None
        logger = GradCAMLogger(self._writer, self.learn.model, every=self._every, **self._options)
        self._probe = logger.probe(self._tag, self._inputs, **self._known)
        self._log()

    @never_ends_training
    def after_batch(self) -> None:
        """Count a batch, and log if `every` has passed."""
        if not self.training:
            return
        self._batches += 1
        if self._every is not None:
            self._log()

    @never_ends_training
    def after_epoch(self) -> None:
        """Log the epoch, unless `every` says otherwise."""
        if self._every is None:
            self._log(epoch=self.learn.epoch + 1)

    def _log(self, epoch: float | None = None) -> None:
        if self._probe is not None:
            self._probe.log(self._batches, epoch=epoch)
