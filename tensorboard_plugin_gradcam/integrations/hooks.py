"""What all callbacks share: hooks that never end a training, and options split between the logger and its probe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

from tensorboard_plugin_gradcam.faults import Faults
from tensorboard_plugin_gradcam.writer import GradCAMLogger
from tensorboard_plugin_gradcam.writer.pictures import look_normalized
from tensorboard_plugin_gradcam.writer.samples import SampleOptions
from tensorboard_plugin_gradcam.writer.steps import checked_tag

Hook = TypeVar("Hook", bound=Callable[..., Any])


def never_ends_training(hook: Hook) -> Hook:
    """Turn what a hook raises into a warning, once for each cause: the rule of `faults`, by the object's `_faults`."""

    @wraps(hook)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        with self._faults.caught(f"{type(self).__name__}.{hook.__name__}"):
            return hook(self, *args, **kwargs)

    return guarded  # type: ignore[return-value]


def faults_of(options: Mapping[str, Any]) -> Faults:
    """Return how a callback treats errors, by the `on_error` that it passes on to its logger."""
    return Faults(options.get("on_error", "warn"))


def split(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split options into those of `GradCAMLogger.probe` and those of `GradCAMLogger`."""
    names = {*SampleOptions.__annotations__, "images"}
    of_samples = {name: value for name, value in options.items() if name in names}
    return of_samples, {name: value for name, value in options.items() if name not in names}


def rehearse(tag: str, inputs: Any, known: dict[str, Any], options: dict[str, Any], dataformats: str = "NCHW") -> None:
    """Raise errors in the options and samples before the training, as far as they can be found without the model.

    Raises:
        ValueError: an option, the tag, the inputs, or the samples' labels and ground truth are invalid.
    """
    of_logger = {name: value for name, value in options.items() if name not in ("layers", "methods", "distributed")}
    checked_tag(tag)
    logger = GradCAMLogger(None, **of_logger)
    said_how = any(options.get(name) is not None for name in ("transform", "mean"))
    # Else the model may say how inputs were normalized, or which of them are the pictures.
    if known.get("images") is not None or (hasattr(inputs, "dtype") and (said_how or not look_normalized(inputs))):
        known = {name: value for name, value in known.items() if name != "targets"}
        logger.probe(tag, inputs, **({"dataformats": dataformats} | known))
