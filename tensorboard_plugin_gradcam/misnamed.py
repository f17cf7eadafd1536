"""Other spellings: of methods, which are understood, and of arguments, which are answered with ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import wraps
from inspect import Parameter, signature
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

# As grad-cam, torchcam, captum and TensorBoard call them, in the order in which ours are looked for.
_OURS: Mapping[str, tuple[str, ...]] = {
    "target_layers": ("layers",),
    "target_layer": ("layers", "layer"),
    "layer": ("layers",),
    "layers": ("layer",),
    "method": ("methods",),
    "methods": ("method",),
    "input_tensor": ("inputs", "images"),
    "input": ("inputs", "images"),
    "inputs": ("images",),
    "x": ("inputs", "images"),
    "target": ("targets",),
    "class_idx": ("targets",),
    "target_category": ("targets",),
    "step": ("global_step",),
    "global_step": ("step",),
    "label": ("labels",),
    "image": ("images",),
    "name": ("tag",),
    "log_dir": ("writer",),
    "logdir": ("writer",),
    "classes": ("class_names",),
    "names": ("class_names",),
    "reshape_transform": ("reshape",),
    "cams": ("maps",),
    "attributions": ("maps",),
    "heatmaps": ("maps",),
    "mask": ("truth_masks",),
    "wall_time": ("walltime",),
}
_WITHOUT = {"use_cuda": "maps are computed where the model is: move it with model.to(device)"}


def answer(unknown: str, known: Iterable[str]) -> str:
    """Return what to say of an argument that is none, with the name that was meant where that can be told."""
    names = [name for name in known if name != "self"]
    ours = next((name for name in _OURS.get(unknown, ()) if name in names), None)
    if ours is None and unknown not in _WITHOUT:
        ours = next(iter(get_close_matches(unknown, names, n=1)), None)
    if ours is not None:
        return f"expected {ours}=, got {unknown}="
    return f"expected no {unknown}=: {_WITHOUT.get(unknown, 'there are ' + ', '.join(names))}"


def told(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function answer arguments that it does not have by the name that was meant."""
    names = signature(function).parameters

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in names:
                raise TypeError(f"{function.__name__.strip('_')}: {answer(name, names)}")
        return function(*args, **kwargs)

    return call


def misfit(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    """Return why a function can't be called with arguments; None where it can."""
    parameters = signature(function).parameters
    takes_all = any(one.kind is Parameter.VAR_KEYWORD for one in parameters.values())
    try:
        signature(function).bind(*args, **kwargs)
    except TypeError as error:
        unknown = next((name for name in kwargs if name not in parameters), None)
        return str(error) if unknown is None else answer(unknown, parameters)
    unknown = next((name for name in kwargs if name not in parameters and not takes_all), None)
    return None if unknown is None else answer(unknown, parameters)


def method_name(item: object, known: Iterable[str]) -> str | None:
    """Return the method that is meant by a name as libraries and papers spell it, or by their class; None for none.

    Example:
        >>> method_name("GradCAM++", ["grad_cam_plus_plus"])
        'grad_cam_plus_plus'
    """
    name = item if isinstance(item, str) else getattr(item, "__name__", None)
    if not isinstance(name, str):
        return None
    return {_letters(one): one for one in known}.get(_letters(name))


def _letters(name: str) -> str:
    text = name.lower().replace("++", "plusplus")
    return re.sub(r"pp$", "plusplus", re.sub(r"[^a-z0-9]", "", text))
