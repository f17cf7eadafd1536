"""Smooth Grad-CAM++, Shapley-CAM and Finer-CAM, KPCA-CAM and Deep Feature Factorization, against loops and grad-cam."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from pytorch_grad_cam import KPCA_CAM, FinerCAM, ShapleyCAM
from pytorch_grad_cam.feature_factorization.deep_feature_factorization import dff
from pytorch_grad_cam.utils.model_targets import ClassifierOutputSoftmaxTarget
from torch import Tensor, nn

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import Probability
from tensorboard_plugin_gradcam.cam.methods.factorization import factorized
from tests.cam.networks import convnet, out_of_place, photographs


def gradients_at(model: nn.Sequential, layer: int, images: Tensor, index: int) -> tuple[Tensor, Tensor]:
    activations = model[: layer + 1](images).detach().requires_grad_()
    model[layer + 1 :](activations)[:, index].sum().backward()
    assert activations.grad is not None
    return activations.detach(), activations.grad


def test_smooth_grad_cam_plus_plus_equals_the_papers_sum() -> None:
    inputs = photographs(40, 2)
    model = convnet(inputs)
    found = CAM(model, "7", "smooth_grad_cam_plus_plus")(inputs, 3).maps["smooth_grad_cam_plus_plus", "7"]
    generator = torch.Generator().manual_seed(0)
    noisy = [inputs + 0.3 * torch.randn(inputs.shape, generator=generator) for _ in range(4)]
    gradients = [gradients_at(model, 7, images, 3)[1] for images in noisy]
    activations = gradients_at(model, 7, inputs, 3)[0]
    expected = torch.zeros_like(found)
    for image in range(2):
        for channel in range(12):
            weight, total = 0.0, float(activations[image, channel].sum())
            for y, x in np.ndindex(*activations.shape[2:]):
                slopes = [float(gradient[image, channel, y, x]) for gradient in gradients]
                first, second, third = (sum(slope**power for slope in slopes) / 4 for power in (1, 2, 3))
                weight += second / (2 * second + total * third + 1e-6) * max(first, 0)
            expected[image] += weight * activations[image, channel]
    assert float(expected.abs().max()) > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_shapley_cam_equals_grad_cams() -> None:
    inputs = photographs(40)
    model = convnet(inputs)
    with torch.no_grad():
        model[-1].weight.div_(10)  # probabilities that are not 0 or 1, so that there is curvature
    found = CAM(model, "7", ["shapley_cam", "grad_cam"])(inputs, Probability(2))
    twin = out_of_place(model)
    with ShapleyCAM(model=twin, target_layers=[twin[7]]) as cam:
        masks = cam(inputs.clone(), [ClassifierOutputSoftmaxTarget(2)] * 3)
    np.testing.assert_allclose(found.masks(method="shapley_cam").numpy(), masks, atol=1e-5)
    assert float((found.masks(method="shapley_cam") - found.masks(method="grad_cam")).abs().max()) > 1e-3


def test_finer_cam_equals_grad_cams() -> None:
    inputs = photographs(40)
    model = convnet(inputs)
    found = CAM(model, "7", ["finer_cam", "grad_cam"])(inputs, 1)
    twin = out_of_place(model)
    with FinerCAM(model=twin, target_layers=[twin[7]]) as cam:
        masks = cam(inputs.clone(), target_idx=1)
    np.testing.assert_allclose(found.masks(method="finer_cam").numpy(), masks, atol=1e-5)
    assert float((found.masks(method="finer_cam") - found.masks(method="grad_cam")).abs().max()) > 1e-3


def test_kpca_cam_equals_grad_cams_up_to_sign() -> None:
    inputs = photographs(40)
    model = convnet(inputs)
    found = CAM(model, "7", "kpca_cam")(inputs, 1).maps["kpca_cam", "7"]
    activations = gradients_at(model, 7, inputs, 1)[0]
    twin = out_of_place(model)
    with KPCA_CAM(model=twin, target_layers=[twin[7]]) as cam:
        theirs = torch.from_numpy(cam.get_cam_image(None, None, None, activations.numpy(), None, False))
    sign = torch.sign((found * theirs).sum((1, 2), keepdim=True))
    torch.testing.assert_close(found, theirs * sign, rtol=1e-3, atol=1e-4)
    assert bool(((found - found.mean((1, 2), keepdim=True)) * activations.mean(1)).sum((1, 2)).gt(0).all())


def test_deep_feature_factorization_equals_grad_cams() -> None:
    inputs = photographs(40)
    model = convnet(inputs)
    result = CAM(model, "7", "deep_feature_factorization")(inputs, 1)
    maps = result.maps["deep_feature_factorization", "7"]
    activations = gradients_at(model, 7, inputs, 1)[0]
    concepts, places = dff(activations.numpy().copy(), n_components=3)
    np.testing.assert_allclose(factorized(activations, 3)[0].numpy(), concepts, atol=1e-4)
    np.testing.assert_allclose(
        maps.movedim(-1, 1).numpy(), places / places.max(axis=(0, 2, 3))[:, None, None], atol=1e-4
    )
    assert result.kinds == {"deep_feature_factorization": "rgb"}
    assert float(maps.std()) > 0.05


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = photographs(40, 1)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match='needs scikit-learn: pip install "scikit-learn>='):
        CAM(convnet(inputs), "7", "kpca_cam")(inputs, 1)
