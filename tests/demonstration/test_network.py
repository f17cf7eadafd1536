"""The demo's network: its gradients against differences, and what a log of it says."""

from __future__ import annotations

import numpy as np

from tensorboard_plugin_gradcam.demonstration.network import Network


def test_gradients_are_those_of_finite_differences() -> None:
    random = np.random.default_rng(0)
    network = Network(3, seed=0, widths=(2, 3, 4))
    for layer in network.convolutions:
        layer.weights, layer.biases = layer.weights.astype(np.float64), layer.biases + 0.1
    x = random.standard_normal((2, 8, 8, 1))
    slopes = random.standard_normal((2, 3))
    network.forward(x)
    _, found = network.backward(slopes)
    for array, gradient in zip(network._parameters, found, strict=True):
        at = np.unravel_index(random.integers(array.size), array.shape)
        values = []
        for change in (1e-5, -2e-5):
            array[at] += change
            values.append((network.forward(x) * slopes).sum())
        array[at] += 1e-5
        np.testing.assert_allclose(gradient[at], (values[0] - values[1]) / 2e-5, rtol=2e-3, atol=1e-5)


def test_grad_cam_of_the_last_layer_is_cam_by_its_class_weights() -> None:
    """Behind a mean over places, Grad-CAM is CAM / Z (Selvaraju et al., 2017, sec. 3.1)."""
    network = Network(3, seed=0)
    scores, maps = network.explain(np.random.default_rng(0).standard_normal((2, 64, 64, 1)).astype(np.float32))
    outputs = network.convolutions[-1].outputs
    cam = np.einsum("nhwc,nc->nhw", outputs, network.weights.T[scores.argmax(1)]) / 64
    assert maps["conv3"].shape == (2, 8, 8)
    np.testing.assert_allclose(maps["conv3"], cam, rtol=1e-4, atol=1e-6)
