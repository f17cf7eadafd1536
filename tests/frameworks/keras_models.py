"""One small network in every form that Keras has, and in torch."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
from keras import layers

SIZE = (20, 28, 3)  # height and width differ, so that nothing can mistake one for the other
CLASSES = 5


def parts(softmax: bool = True) -> list[Any]:
    """Return the layers in the order in which they run."""
    return [
        layers.Conv2D(8, 3, name="conv1"),
        layers.BatchNormalization(name="bn1"),
        layers.ReLU(name="relu1"),
        layers.Dropout(0.4, name="dropout"),
        layers.Conv2D(16, 3, strides=2, activation="relu", name="conv2"),
        layers.MaxPooling2D(name="pool"),
        layers.Flatten(name="flatten"),
        layers.Dense(CLASSES, activation="softmax" if softmax else None, name="dense"),
    ]


@keras.saving.register_keras_serializable("tests")
class Subclassed(keras.Model):
    """As people write them: layers as attributes, one of them in a list."""

    def __init__(self) -> None:
        super().__init__()
        *self.trunk, self.dense = parts()

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Run the layers."""
        for layer in self.trunk:
            has_modes = isinstance(layer, (layers.Dropout, layers.BatchNormalization))
            inputs = layer(inputs, training=training) if has_modes else layer(inputs)
        return self.dense(inputs)


def build(form: str) -> Any:
    """Return the network, built, in one of the forms."""
    inputs = keras.Input(SIZE)
    if form == "sequential":
        return keras.Sequential([inputs, *parts()])
    if form == "functional":
        outputs = inputs
        for layer in parts():
            outputs = layer(outputs)
        return keras.Model(inputs, outputs)
    if form == "subclassed":
        model = Subclassed()
        model(np.zeros((1, *SIZE), np.float32))
        return model
    trunk, head = parts()[:5], parts()[5:]
    backbone = keras.Sequential([keras.Input(SIZE), *trunk], name="backbone")
    outputs = backbone(inputs)
    for layer in head:
        outputs = layer(outputs)
    return keras.Model(inputs, outputs)


FORMS = ("sequential", "functional", "subclassed", "nested")


def randomise(model: Any, seed: int = 0) -> None:
    """Give all weights values at which the maps of two images differ."""
    random = np.random.default_rng(seed)
    for variable in model.weights:
        if "seed" in variable.path:
            continue
        value = random.normal(0, 0.3, variable.shape)
        variable.assign(np.abs(value) + 0.5 if "variance" in variable.path else value)


def copied(model: Any) -> nn.Sequential:
    """Return the network in torch, with the weights of `model`."""
    height, width = ((size - 4) // 2 // 2 for size in SIZE[:2])
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, eps=1e-3), nn.ReLU(), nn.Dropout(0.4),
        nn.Sequential(nn.Conv2d(8, 16, 3, stride=2), nn.ReLU()),
        nn.MaxPool2d(2), _ChannelsLast(), nn.Flatten(), nn.Linear(height * width * 16, CLASSES),
    )  # fmt: skip
    layer = {layer.name: layer for layer in model._flatten_layers()}
    for at, name in ((net[0], "conv1"), (net[4][0], "conv2")):
        at.weight.data = _tensor(layer[name].kernel).permute(3, 2, 0, 1).contiguous()
        at.bias.data = _tensor(layer[name].bias)
    norm = layer["bn1"]
    net[1].weight.data, net[1].bias.data = _tensor(norm.gamma), _tensor(norm.beta)
    net[1].running_mean, net[1].running_var = _tensor(norm.moving_mean), _tensor(norm.moving_variance)
    net[8].weight.data, net[8].bias.data = _tensor(layer["dense"].kernel).T.contiguous(), _tensor(layer["dense"].bias)
    return net.eval()


def _tensor(variable: Any) -> torch.Tensor:
    return torch.tensor(np.array(keras.ops.convert_to_numpy(variable.value)))


class _ChannelsLast(nn.Module):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Flatten in Keras's order."""
        return inputs.permute(0, 2, 3, 1)


def photos(count: int = 4, seed: int = 1) -> NDArray[np.float32]:
    """Return pictures ``(N, *SIZE)`` in [0, 1]: smooth, as photographs are."""
    random = np.random.default_rng(seed)
    coarse = random.random((count, 5, 7, 3)).astype(np.float32)
    return np.ascontiguousarray(coarse.repeat(4, axis=1).repeat(4, axis=2))
