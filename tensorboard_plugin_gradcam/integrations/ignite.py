"""`GradCAMHandler` for PyTorch Ignite's `TensorboardLogger`. Tested with Ignite 0.5.0 to 0.5.5."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

try:
    from ignite.engine import Engine, Events
    from ignite.handlers.base_logger import BaseHandler
except ModuleNotFoundError as error:
    from tensorboard_plugin_gradcam.installing import missing

    raise missing(__name__, error.name, "ignite") from error

from tensorboard_plugin_gradcam.integrations.hooks import faults_of, never_ends_training, split
from tensorboard_plugin_gradcam.writer import GradCAMLogger


class GradCAMHandler(BaseHandler):
    """Log maps of a fixed batch each time the event fires to which the handler is attached.

    The training is not changed, bit for bit, and never ended.

    Example:
        >>> tb_logger.attach(
        ...     trainer,
        ...     log_handler=GradCAMHandler(model, images, labels=labels, class_names=names, transform=normalize),
        ...     event_name=Events.ITERATION_COMPLETED(every=50),
        ... )

    Args:
        model: a torch model or a `CAM`.
        inputs: the model's inputs ``(N, C, H, W)``, on its device.
        labels: class indices ``(N,)``.
        tag: name of the series.
        targets: what to explain, as for `CAM`. None: the top class; "label": the label; "both": the top class, and the
            label if it is another class.
        global_step_transform: a function from the engine and the event to the step. By default the step is the event's
            count, in iterations or epochs, as in Ignite's own handlers.
        options: further arguments of `GradCAMLogger` (layers, methods, class_names, transform, metrics, ...) and of its
            `probe` (ids, captions, boxes, boxes_in, truth_masks, images).

    Raises:
        ValueError: an option, a layer, the inputs or the samples' labels and ground truth are invalid. From the first
            event on, errors are warnings.
    """

    def __init__(
        self,
        model: Any,
        inputs: Any,
        labels: Any = None,
        *,
        tag: str = "validation",
        targets: Any = None,
        global_step_transform: Callable[[Engine, Events], int] | None = None,
        **options: Any,
    ) -> None:
        self._model, self._inputs, self._tag = model, inputs, tag
        self._step = global_step_transform or _count
        self._known, self._options = split(options)
        self._known |= {"labels": labels, "targets": targets}
        self._faults = faults_of(self._options)
        GradCAMLogger(None, model, **self._options).probe(tag, inputs, **self._known)  # raises now if ever
        self._logger: GradCAMLogger | None = None
        self._probe: Any = None

    @never_ends_training
    def __call__(self, engine: Engine, logger: Any, event_name: Any) -> None:
        """Explain the batch with the model's present weights, and log the maps."""
        if self._logger is None:
            if not hasattr(logger, "writer"):
                raise TypeError(f"expected to be attached to a TensorboardLogger, got {type(logger).__name__}")
            self._logger = GradCAMLogger(logger.writer, self._model, **self._options)
        if self._probe is None:
            self._probe = self._logger.probe(self._tag, self._inputs, **self._known)
        self._probe.log(self._step(engine, event_name), epoch=engine.state.epoch)


def _count(engine: Engine, event_name: Any) -> int:
    return int(engine.state.get_event_attrib_value(event_name))
