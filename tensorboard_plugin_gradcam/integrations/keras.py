"""Grad-CAM in `model.fit`: `GradCAMCallback`, and `KerasCAM` for loops of your own. Tested with Keras 3.15."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

try:
    import keras
except ModuleNotFoundError as error:
    from tensorboard_plugin_gradcam.installing import missing

    backends = ", and tensorflow, jax or torch as Keras's backend (set KERAS_BACKEND to its name)"
    raise missing(__name__, error.name, "keras", backends) from error

from tensorboard_plugin_gradcam.integrations.hooks import faults_of, never_ends_training, rehearse, split
from tensorboard_plugin_gradcam.integrations.keras_cam import KerasCAM, KerasResult
from tensorboard_plugin_gradcam.writer import GradCAMLogger
from tensorboard_plugin_gradcam.writer.every import Every, interval

__all__ = ["GradCAMCallback", "KerasCAM", "KerasResult"]


class GradCAMCallback(keras.callbacks.Callback):
    """Log maps of fixed samples while `fit` trains a model.

    The training is not changed, bit for bit, and never ended.

    Example:
        >>> model.fit(x, y, epochs=10, callbacks=[GradCAMCallback("runs/digits", x_val[:16], y_val[:16])])

    Args:
        log_dir: a log directory, or a writer as for `add_gradcam`.
        images: the model's inputs ``(N, H, W, C)``; with `inputs=`, the pictures to show for them.
        labels: class indices ``(N,)`` or ``(N, 1)``, one-hot ``(N, classes)``, or anything else that `prepare_samples`
            takes.
        every: None logs at the end of each epoch, and steps are epochs, as in Keras's own TensorBoard callback. A
            number of batches (50) or a time ("30s", "5min", a `timedelta`) logs the untrained model, and then each time
            that it has passed; steps are batches.
        tag: name of the series.
        inputs: the model's inputs, if they are not `images`.
        targets: what to explain. None: the top class; "label": the label; "both": the top class, and the label if it is
            another class; a class, classes ``(N,)``, or T classes of each sample ``(N, T)``.
        layers: as for `KerasCAM`: found automatically by default.
        methods: as for `KerasCAM`.
        measures: as for `KerasCAM`, and those that compare steps, such as "steadiness".
        options: further arguments of `GradCAMLogger` (class_names, mean, std, metrics, top_k, ...) and of its `probe`
            (ids, captions, boxes, boxes_in, truth_masks).

    Raises:
        ValueError: an option, the inputs or the samples' labels and ground truth are invalid. Once the training has
            begun, errors are warnings.
    """

    def __init__(
        self,
        log_dir: Any,
        images: Any,
        labels: ArrayLike | None = None,
        *,
        every: Every = None,
        tag: str = "validation",
        inputs: Any = None,
        targets: Any = None,
        layers: Any = None,
        methods: Any = "grad_cam",
        measures: Any = (),
        **options: Any,
    ) -> None:
        super().__init__()
        interval(every)  # raises now rather than in training
        self.async_safe = every is None  # then batches end without us, and Keras need not wait
        self._every, self._writer, self._tag = every, log_dir, tag
        self._inputs = images if inputs is None else inputs
        self._known, self._options = split({"measures": measures, **options})
        self._known |= {"labels": labels, "targets": targets}
        if inputs is not None:
            self._known["images"] = images
        self._faults = faults_of(self._options)
        rehearse(tag, self._inputs, self._known, self._options, dataformats="NHWC")
        self._cam_options = {"layers": layers, "methods": methods, "measures": measures}
        self._probe: Any = None
        self._batches = self._batches_before_epoch = 0

    @never_ends_training
    def on_train_begin(self, logs: Any = None) -> None:
        """Register the samples; if steps are batches, log the model before its first batch."""
        model = self.model
        self._probe = None
        self._batches = self._batches_before_epoch = _batches_of(model)
        cam = KerasCAM(model, **self._cam_options)
        self._logger = GradCAMLogger(self._writer, cam, every=self._every, **self._options)
        self._probe = self._logger.probe(self._tag, self._inputs, **self._known)
        if self._every is not None:
            self._log(self._batches)

    @never_ends_training
    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note how many batches earlier epochs had: Keras counts from 0 in each epoch."""
        self._batches_before_epoch = self._batches

    @never_ends_training
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count the batch, and log if `every` has passed."""
        self._batches = self._batches_before_epoch + int(batch) + 1
        if self._every is not None:
            self._log(self._batches)

    @never_ends_training
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Log the epoch, if steps are epochs."""
        if self._every is None:
            self._log(epoch, epoch=epoch + 1)

    def _log(self, step: int, epoch: float | None = None) -> None:
        if self._probe is not None:
            self._probe.log(step, epoch=epoch)


def _batches_of(model: Any) -> int:
    """Return how many batches a model was trained with, by its optimizer's count; 0 without one."""
    return int(getattr(getattr(model, "optimizer", None), "iterations", 0))
