"""A convolutional network in NumPy, with what Grad-CAM needs: activations and the gradients of a score by them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
LAYERS = ("conv2", "conv3")  # that are explained


@dataclass
class Convolution:
    """3 x 3 cells, stride 2, one cell of padding, then a ReLU; arrays are ``(N, height, width, channels)``."""

    weights: Floats  # (9 * inputs, outputs)
    biases: Floats
    _columns: Floats = field(init=False, repr=False)
    _shape: tuple[int, ...] = field(init=False, repr=False)
    outputs: Floats = field(init=False, repr=False)

    def forward(self, x: Floats) -> Floats:
        """Return what the layer gives."""
        self._shape = x.shape
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))[:, ::2, ::2]
        self._columns = windows.reshape(*windows.shape[:3], -1)
        self.outputs = np.maximum(self._columns @ self.weights + self.biases, 0)
        return self.outputs

    def backward(self, slopes: Floats) -> tuple[Floats, list[Floats]]:
        """Return the gradients by what went in, and by weights and biases, from those by what came out."""
        slopes = slopes * (self.outputs > 0)
        flat = slopes.reshape(-1, slopes.shape[-1])
        own = [self._columns.reshape(len(flat), -1).T @ flat, flat.sum(0)]
        columns = (slopes @ self.weights.T).reshape(*slopes.shape[:3], -1, 3, 3)
        count, height, width, channels = self._shape
        padded = np.zeros((count, height + 2, width + 2, channels), np.float32)
        for y in range(3):
            for x in range(3):
                padded[:, y : y + height : 2, x : x + width : 2] += columns[..., y, x]
        return padded[:, 1:-1, 1:-1], own


class Network:
    """Three convolutions, the mean over all places, and a linear layer."""

    def __init__(self, classes: int, seed: int, widths: tuple[int, ...] = (12, 24, 32)) -> None:
        """Draw the weights."""
        random = np.random.default_rng(seed)
        self.convolutions = [
            Convolution(_drawn(random, 9 * inputs, outputs), np.zeros(outputs, np.float32))
            for inputs, outputs in zip((1, *widths), widths, strict=False)
        ]
        self.weights = _drawn(random, widths[-1], classes)
        self.biases = np.zeros(classes, np.float32)
        self._moments: list[list[Floats]] = []
        self._updates = 0

    @property
    def _parameters(self) -> list[Floats]:
        own = [array for layer in self.convolutions for array in (layer.weights, layer.biases)]
        return [*own, self.weights, self.biases]

    def forward(self, x: Floats) -> Floats:
        """Return the scores ``(N, classes)`` of pictures ``(N, height, width, 1)``."""
        for layer in self.convolutions:
            x = layer.forward(x)
        self._pooled = x.mean((1, 2))
        scores: Floats = self._pooled @ self.weights + self.biases
        return scores

    def backward(self, slopes: Floats) -> tuple[list[Floats], list[Floats]]:
        """Return the gradients by each layer's outputs, first to last, and by all weights, from those by the scores."""
        own = [self._pooled.T @ slopes, slopes.sum(0)]
        _, height, width, _ = self.convolutions[-1].outputs.shape
        by_pooled = slopes @ self.weights.T / (height * width)
        by_outputs = np.broadcast_to(by_pooled[:, None, None], self.convolutions[-1].outputs.shape).astype(np.float32)
        of_layers: list[Floats] = []
        for layer in reversed(self.convolutions):
            of_layers.insert(0, by_outputs)
            by_outputs, of_layer = layer.backward(by_outputs)
            own = of_layer + own
        return of_layers, own

    def learn(self, x: Floats, labels: NDArray[np.int64], rate: float = 4e-3) -> tuple[float, float]:
        """Take one step of Adam (Kingma & Ba, 2015, algorithm 1); return loss and accuracy before it."""
        scores = self.forward(x)
        odds = softmax(scores)
        rows = np.arange(len(labels))
        loss = -np.log(odds[rows, labels] + 1e-9).mean()
        slopes = odds.copy()
        slopes[rows, labels] -= 1
        _, gradients = self.backward(slopes / np.float32(len(labels)))
        self._update(gradients, rate)
        return float(loss), float((scores.argmax(1) == labels).mean())

    def _update(self, gradients: list[Floats], rate: float) -> None:
        self._moments = self._moments or [[np.zeros_like(one), np.zeros_like(one)] for one in gradients]
        self._updates += 1
        for array, gradient, moments in zip(self._parameters, gradients, self._moments, strict=True):
            for at, (moment, decay) in enumerate(((gradient, 0.9), (gradient**2, 0.999))):
                moments[at] = decay * moments[at] + (1 - decay) * moment
            mean, square = (moments[at] / (1 - decay**self._updates) for at, decay in enumerate((0.9, 0.999)))
            array -= rate * mean / (np.sqrt(square) + 1e-8)

    def explain(self, x: Floats) -> tuple[Floats, dict[str, Floats]]:
        """Return the scores, and Grad-CAM of the top class at the last two layers (Selvaraju et al., 2017, eq. 1-2)."""
        scores = self.forward(x)
        tops = np.eye(scores.shape[1], dtype=np.float32)[scores.argmax(1)]
        slopes, _ = self.backward(tops)
        maps = {
            name: (slope.mean((1, 2), keepdims=True) * layer.outputs).sum(-1)
            for name, slope, layer in list(zip(("conv1", *LAYERS), slopes, self.convolutions, strict=True))[1:]
        }
        return scores, maps


def softmax(scores: Floats) -> Floats:
    """Return probabilities."""
    odds = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(odds / odds.sum(1, keepdims=True), np.float32)


def _drawn(random: np.random.Generator, inputs: int, outputs: int) -> Floats:
    return np.asarray(random.standard_normal((inputs, outputs)) * np.sqrt(2 / inputs), np.float32)
