"""CAM methods: one function each.

Most map one layer's activations ``A`` and the gradients ``dY/dA`` of the target scores, both ``(M, C, ...)`` with any
number of spatial axes, to maps ``(M, ...)``; those that need forward passes of their own are given a `Scene` instead.
The maps are signed and in the layer's own resolution and scale: rectifying, scaling and resizing belong to whoever
looks at them.

A new method is one function and one line above it::

    @method(needs="gradients")
    def grad_cam(activations, gradients): ...
"""

from . import ablation, attention, factorization, formulas, guided, higher, masking, pyramid, reciprocal, whole
from .registry import METHODS, MapKind, Method, Needs, find_methods, method

__all__ = [
    "METHODS",
    "MapKind",
    "Method",
    "Needs",
    "ablation",
    "attention",
    "factorization",
    "find_methods",
    "formulas",
    "guided",
    "higher",
    "masking",
    "method",
    "pyramid",
    "reciprocal",
    "whole",
]
