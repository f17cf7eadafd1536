"""Activations and gradients of a Keras model's layers, by the automatic differentiation of each backend.

A *forward* is a function that runs the model and passes each target layer's output through the `tap` that it is given;
it returns the scores ``(N, classes)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.arrays import to_numpy

Tap = Callable[[str, Any], Any]
Forward = Callable[[Tap], Any]
Arrays = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Pass:
    """One forward pass.

    Attributes:
        scores: ``(N, classes)``.
        activations: by target layer, its output as it is.
        gradients: a function from weights ``(N, classes)`` to the gradients of the scores' weighted sum with respect to
            each layer's activations.
    """

    scores: NDArray[np.float32]
    activations: Arrays
    gradients: Callable[[NDArray[np.float32]], Arrays]


def run(backend: str, forward: Forward) -> Pass:
    """Run the model once; gradients are recorded from the target layers on."""
    return {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[backend](forward)


def _tensorflow(forward: Forward) -> Pass:
    import tensorflow as tf

    taps: dict[str, Any] = {}
    tape = tf.GradientTape(persistent=True, watch_accessed_variables=False)

    def tap(name: str, output: Any) -> Any:
        tape.watch(output)
        taps[name] = output
        return output

    with tape:
        scores = forward(tap)

    def gradients(weights: NDArray[np.float32]) -> Arrays:
        found = tape.gradient(scores, taps, tf.constant(weights, scores.dtype), unconnected_gradients="zero")
        return _floats(found)

    return Pass(_float(scores), _floats(taps), gradients)


def _torch(forward: Forward) -> Pass:
    import torch

    taps: dict[str, Any] = {}

    def tap(name: str, output: Any) -> Any:
        taps[name] = output if output.requires_grad else output.detach().clone().requires_grad_()
        return taps[name]

    with torch.enable_grad():
        scores = forward(tap)

    def gradients(weights: NDArray[np.float32]) -> Arrays:
        cotangent = torch.as_tensor(weights).to(scores)
        found = torch.autograd.grad(scores, list(taps.values()), cotangent, retain_graph=True, allow_unused=True)
        pairs = zip(taps.items(), found, strict=True)
        return _floats({name: torch.zeros_like(at) if one is None else one for (name, at), one in pairs})

    return Pass(_float(scores), _floats(taps), gradients)


def _jax(forward: Forward) -> Pass:
    import jax

    def differentiable(shifts: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        taps: dict[str, Any] = {}

        def tap(name: str, output: Any) -> Any:
            taps[name] = output
            return output + shifts[name] if name in shifts else output

        return forward(tap), taps

    _, shapes = jax.eval_shape(differentiable, {})
    zeros = {name: jax.numpy.zeros(shape.shape, shape.dtype) for name, shape in shapes.items()}
    scores, pull_back, taps = jax.vjp(differentiable, zeros, has_aux=True)

    def gradients(weights: NDArray[np.float32]) -> Arrays:
        (found,) = pull_back(jax.numpy.asarray(weights, scores.dtype))
        return _floats(found)

    return Pass(_float(scores), _floats(taps), gradients)


def _float(tensor: Any) -> NDArray[np.float32]:
    return to_numpy(tensor, "scores").astype(np.float32)


def _floats(tensors: dict[str, Any]) -> Arrays:
    return {name: to_numpy(tensor, name).astype(np.float32) for name, tensor in tensors.items()}
