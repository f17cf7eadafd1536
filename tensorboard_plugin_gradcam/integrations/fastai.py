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
    """Log what a model looks at while a `Learner` fits it, which stays exactly as it would be without.

    Example:
        >>> learn.fit(5, cbs=GradCAMCallback("runs/pets", images, labels, class_names=learn.dls.vocab))

    Args:
        writer: as for `add_gradcam`: a log directory, or a `SummaryWriter`.
        inputs: of the model, ``(N, C, H, W)``, on its device.
        labels: ``(N,)``, class index.
        every: None logs at the end of each epoch; so many batches (50) or so much time ("30s", "5min", a `timedelta`)
            whenever that has passed. Both log the untrained model first.
        tag: name of the series.
        targets: what to explain, as for `CAM`: the top class by default, "label" for the label's,
            "both" for the top class's and, where that is wrong, the label's too.
        options: further arguments of `GradCAMLogger` (layers, methods, class_names, transform, metrics, ...) and of
            samples (ids, captions, boxes, boxes_in, truth_masks, images).

    Raises:
        ValueError: an option, or what is said of the samples. Once the training has begun, errors are warnings.
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
        """Register the samples, and log the untrained model; a later `fit` goes on counting."""
        self.run = not hasattr(self.learn, "lr_finder") and not hasattr(self, "gather_preds") and not rank_distrib()
        if not self.run:
            return
        self._probe = None
        logger = GradCAMLogger(self._writer, self.learn.model, every=self._every, **self._options)
        self._probe = logger.probe(self._tag, self._inputs, **self._known)
        self._log()

    @never_ends_training
    def after_batch(self) -> None:
        """Count the batches of the training, and log where it is due."""
        if not self.training:
            return
        self._batches += 1
        if self._every is not None:
            self._log()

    @never_ends_training
    def after_epoch(self) -> None:
        """Log where epochs are what counts."""
        if self._every is None:
            self._log(epoch=self.learn.epoch + 1)

    def _log(self, epoch: float | None = None) -> None:
        if self._probe is not None:
            self._probe.log(self._batches, epoch=epoch)
