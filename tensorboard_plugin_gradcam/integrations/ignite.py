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
    """Log what a model looks at in a fixed batch, whenever the event fires that it is attached to.

    Example:
        >>> tb_logger.attach(
        ...     trainer,
        ...     log_handler=GradCAMHandler(model, images, labels=labels, class_names=names, transform=normalize),
        ...     event_name=Events.ITERATION_COMPLETED(every=50),
        ... )

    Args:
        model: a torch model or a `CAM`.
        inputs: of the model, ``(N, C, H, W)``, on its device.
        labels: ``(N,)``, class index.
        tag: name of the series.
        targets: what to explain, as for `CAM`: the top class by default, "label" for the label's,
            "both" for the top class's and, where that is wrong, the label's too.
        global_step_transform: takes the engine and the event and returns the step; by default the number of the event:
            iterations or epochs, as with Ignite's own handlers.
        options: further arguments of `GradCAMLogger` (layers, methods, class_names, transform, metrics, ...) and of
            samples (ids, captions, boxes, boxes_in, truth_masks, images).

    Raises:
        ValueError: an option, a layer, or what is said of the samples. From the first event on, errors are warnings.
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
        """Explain the batch with the model as it is now."""
        if self._logger is None:
            if not hasattr(logger, "writer"):
                raise TypeError(f"expected to be attached to a TensorboardLogger, got {type(logger).__name__}")
            self._logger = GradCAMLogger(logger.writer, self._model, **self._options)
        if self._probe is None:
            self._probe = self._logger.probe(self._tag, self._inputs, **self._known)
        self._probe.log(self._step(engine, event_name), epoch=engine.state.epoch)


def _count(engine: Engine, event_name: Any) -> int:
    return int(engine.state.get_event_attrib_value(event_name))
