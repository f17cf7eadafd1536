"""Where the model comes from whose checkpoints are replayed, and how its inputs are made from pictures."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

from tensorboard_plugin_gradcam.installing import missing
from tensorboard_plugin_gradcam.replaying.inert import TRUST, RefusedCheckpoint, load_trusted
from tensorboard_plugin_gradcam.replaying.reading import PICKLED

KINDS = "'package.module:function', 'torchvision:NAME', 'timm:NAME', 'transformers:DIRECTORY', or a pickled module"


@dataclass(frozen=True)
class Source:
    """A model, and what belongs to it.

    Attributes:
        model: of torch or Keras, with weights that the checkpoints replace.
        transform: from a PIL image to the model's input; None where the model names none.
        normalization: how inputs are normalized, as for `prepare_samples`; None where the model names none.
        with_classes: makes the model anew, for another number of classes; None where that can't be.
    """

    model: Any
    transform: Callable[[Any], Any] | None = None
    normalization: object | None = None
    with_classes: Callable[[int], Source] | None = field(default=None, repr=False)

    @property
    def is_keras(self) -> bool:
        """Whether it is a model of Keras."""
        return any(base.__module__.partition(".")[0] == "keras" for base in type(self.model).__mro__)


def source_of(spec: Any, options: Mapping[str, Any], trust: bool) -> Source:
    """Return the model that is asked for.

    Args:
        spec: a model, a function that makes one, or a text: `KINDS`.
        options: keyword arguments of the function that makes it.
        trust: whether a pickled module may be read, which runs its code.

    Raises:
        ValueError: it names no model, or one that needs trust.
        ImportError: the library that it names is not installed.
    """
    if not isinstance(spec, (str, os.PathLike)):
        is_maker = inspect.isfunction(spec) or inspect.isclass(spec) or inspect.isbuiltin(spec)
        return _checked(spec(**options) if is_maker else spec)
    text = os.fspath(spec)
    kind, colon, name = text.partition(":")
    if text.endswith(PICKLED):
        return _pickled(text, trust)
    if not colon or not name:
        raise ValueError(f"expected a model as {KINDS}, got {text!r}")
    made = {"torchvision": _torchvision, "timm": _timm, "transformers": _transformers, "keras": _keras}.get(kind)
    return _checked(imported(text)(**options)) if made is None else made(name, dict(options), trust)


def imported(text: str) -> Any:
    """Return what ``package.module:name`` names; modules of the working directory are found, too.

    Raises:
        ValueError: there is no such module or name.
    """
    module_name, _, name = text.partition(":")
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise ValueError(f"expected package.module:name, got {text!r}: there is no module {error.name}") from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise ValueError(f"expected package.module:name, got {text!r}: {module_name} has no {name}")
        found = getattr(found, part)
    return found


def _checked(found: Any) -> Source:
    """Return a source of what a user's function returned: a model, or a model and its transform."""
    model, transform = found if isinstance(found, tuple) and len(found) == 2 else (found, None)
    if not (hasattr(model, "load_state_dict") or hasattr(model, "load_weights")):
        raise ValueError(f"expected a model of torch or Keras, or a pair of it and its transform, got {model!r}")
    return Source(model, transform, transform)


def _pickled(path: str, trust: bool) -> Source:
    if not trust:
        raise ValueError(f"{path} is a pickled module, which can't be read without running its code: {TRUST}")
    found = load_trusted(path)
    for place in (found, *(found.values() if isinstance(found, Mapping) else ())):
        if hasattr(place, "load_state_dict") and hasattr(place, "named_modules"):
            return Source(place.float())
    raise ValueError(f"expected a pickled module in {path}, got {type(found).__name__}")


def _torchvision(name: str, options: dict[str, Any], _: bool) -> Source:
    try:
        from torchvision import models
    except ImportError as error:
        raise missing(f"torchvision:{name}", error.name, "torch") from error
    builder = models.get_model_builder(name)
    nothing = {
        key: None for key in ("weights", "weights_backbone") if key in inspect.signature(builder).parameters
    }  # or they are downloaded
    model = models.get_model(name, **(nothing | options))
    weights = models.get_model_weights(builder)
    preset = next(iter(weights)).transforms() if len(weights) else None
    return Source(model, preset, preset, _again(_torchvision, name, options))


def _timm(name: str, options: dict[str, Any], _: bool) -> Source:
    try:
        import timm
    except ImportError as error:
        raise missing(f"timm:{name}", error.name, "replay") from error
    model = timm.create_model(name, pretrained=False, **options)
    config = timm.data.resolve_model_data_config(model)
    return Source(model, timm.data.create_transform(**config), config, _again(_timm, name, options))


def _transformers(directory: str, options: dict[str, Any], trust: bool) -> Source:
    try:
        import transformers
    except ImportError as error:
        raise missing(f"transformers:{directory}", error.name, "transformers") from error
    if not os.path.isdir(directory):
        raise ValueError(f"expected transformers:DIRECTORY with a config.json, got no directory {directory!r}")
    config = transformers.AutoConfig.from_pretrained(directory, local_files_only=True, trust_remote_code=trust)
    for name, value in options.items():
        setattr(config, name, value)
    named = [getattr(transformers, name, None) for name in config.architectures or ()]
    of_images = transformers.AutoModelForImageClassification
    model = named[0](config) if named and named[0] else of_images.from_config(config, trust_remote_code=trust)
    processor = _processor(directory, trust)
    return Source(model, None if processor is None else _Processed(processor), processor)


@dataclass(frozen=True)
class _Processed:
    """A Hugging Face image processor, as a transform of one picture."""

    processor: Any

    def __call__(self, picture: Any) -> Any:
        return self.processor(picture.convert("RGB"), return_tensors="pt")["pixel_values"][0]


def _processor(directory: str, trust: bool) -> Any:
    if not os.path.exists(os.path.join(directory, "preprocessor_config.json")):
        return None
    from transformers import AutoImageProcessor

    return AutoImageProcessor.from_pretrained(directory, local_files_only=True, trust_remote_code=trust)


def _keras(path: str, options: dict[str, Any], trust: bool) -> Source:
    """Return a model that Keras saved whole. Its configuration names classes and functions, which Keras looks up."""
    try:
        import keras
    except ImportError as error:
        raise missing(f"keras:{path}", error.name, "keras") from error
    if not path.endswith(".keras") and not trust:
        raise RefusedCheckpoint(f"{path} is of a format that Keras reads without its safe mode: {TRUST}")
    return Source(keras.saving.load_model(path, compile=False, safe_mode=not trust, **options))


def _again(
    maker: Callable[[str, dict[str, Any], bool], Source], name: str, options: dict[str, Any]
) -> Callable[[int], Source] | None:
    if "num_classes" in options:
        return None

    def with_classes(count: int) -> Source:
        return replace(maker(name, options | {"num_classes": count}, False), with_classes=None)

    return with_classes
