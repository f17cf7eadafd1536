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
    """Log what a model looks at while `fit` trains it, which stays exactly as it would be without.

    Example:
        >>> model.fit(x, y, epochs=10, callbacks=[GradCAMCallback("runs/digits", x_val[:16], y_val[:16])])

    Args:
        log_dir: a log directory, or a writer as for `add_gradcam`.
        images: ``(N, H, W, C)``: the model's inputs, or where `inputs` are given, the pictures of them.
        labels: ``(N,)`` or ``(N, 1)``, class index, or one-hot ``(N, classes)``, or as else for `prepare_samples`.
        every: None logs at the end of each epoch, and steps are epochs, as in Keras's own TensorBoard callback. So many
            batches (50) or so much time ("30s", "5min", a `timedelta`) logs the untrained model, and then whenever that
            has passed; steps are batches.
        tag: name of the series.
        inputs: of the model, where they are not `images`.
        targets: what to explain: None for the top class, "label", "both" of them, an int, ``(N,)`` or ``(N, T)``.
        layers: as for `KerasCAM`: found automatically by default.
        methods: as for `KerasCAM`.
        measures: as for `KerasCAM`, and those of a log, such as "steadiness".
        options: further arguments of `GradCAMLogger` (class_names, mean, std, metrics, top_k, ...) and of samples: ids,
            captions, boxes, boxes_in, truth_masks.

    Raises:
        ValueError: an option, or what is said of the samples. Once the training has begun, errors are warnings.
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
        """Register the samples, and log the untrained model where steps are batches."""
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
        """Note how many batches came before: `batch` counts from the epoch's first."""
        self._batches_before_epoch = self._batches

    @never_ends_training
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Log where it is due."""
        self._batches = self._batches_before_epoch + int(batch) + 1
        if self._every is not None:
            self._log(self._batches)

    @never_ends_training
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Log where steps are epochs."""
        if self._every is None:
            self._log(epoch, epoch=epoch + 1)

    def _log(self, step: int, epoch: float | None = None) -> None:
        if self._probe is not None:
            self._probe.log(step, epoch=epoch)


def _batches_of(model: Any) -> int:
    """Return how many batches a model was trained with; 0 where it has no optimizer that counts."""
    return int(getattr(getattr(model, "optimizer", None), "iterations", 0))
