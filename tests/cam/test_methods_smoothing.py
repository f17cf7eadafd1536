"""`aug_smooth`, `eigen_smooth` and fusion against grad-cam."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pytorch_grad_cam import GradCAM, LayerCAM, RefineCAM, ScoreCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

from tensorboard_plugin_gradcam import CAM
from tests.cam.networks import convnet, out_of_place, photographs
from tests.cam.peers import peer_masks


@pytest.mark.parametrize(("method", "peer"), [("grad_cam", GradCAM), ("score_cam", ScoreCAM)])
def test_aug_smooth_equals_grad_cams(method: str, peer: Any) -> None:
    inputs = photographs(40)
    model = convnet(inputs)
    found = CAM(model, "7", method, aug_smooth=True)(inputs, [4, 0, 2])
    masks = peer_masks(peer, model, ["7"], inputs, [4, 0, 2], aug_smooth=True)
    plain = CAM(model, "7", method)(inputs, [4, 0, 2])
    np.testing.assert_allclose(found.masks().numpy(), masks, atol=1e-5)
    assert float((found.masks() - plain.masks()).abs().max()) > 0.02
    assert torch.equal(found.scores, plain.scores)
    views = [
        CAM(model, "7", method)(view, [4, 0, 2]).maps[method, "7"] for view in (inputs, inputs * 0.9, inputs * 1.1)
    ]
    turned = [CAM(model, "7", method)(view.flip(3), [4, 0, 2]) for view in (inputs, inputs * 0.9, inputs * 1.1)]
    views += [view.maps[method, "7"].flip(2) for view in turned]
    torch.testing.assert_close(found.maps[method, "7"], torch.stack(views).mean(0))


@pytest.mark.parametrize(("method", "peer"), [("grad_cam", GradCAM), ("layer_cam", LayerCAM), ("score_cam", ScoreCAM)])
def test_eigen_smooth_equals_grad_cams_up_to_sign(method: str, peer: Any) -> None:
    inputs = photographs(40)
    model = convnet(inputs)
    found = CAM(model, "7", method, eigen_smooth=True)(inputs, [4, 0, 2]).maps[method, "7"]
    twin = out_of_place(model)
    with peer(model=twin, target_layers=[twin[7]]) as cam:
        raw: list[np.ndarray] = []
        image = cam.get_cam_image
        cam.get_cam_image = lambda *args, **kwargs: raw.append(image(*args, **kwargs)) or raw[-1]
        cam(inputs, [ClassifierOutputTarget(index) for index in (4, 0, 2)], eigen_smooth=True)
    theirs = torch.from_numpy(raw[0])
    sign = torch.sign((found * theirs).sum((1, 2), keepdim=True))
    assert float(theirs.abs().max()) > 1e-3
    torch.testing.assert_close(found, theirs * sign, rtol=1e-3, atol=1e-4)


def test_the_masks_of_several_layers_are_fused_as_grad_cams() -> None:
    inputs = photographs(40)
    model = convnet(inputs)
    result = CAM(model, ["3", "4", "7"])(inputs, [4, 0, 2])
    masks = peer_masks(GradCAM, model, ["3", "4", "7"], inputs, [4, 0, 2])
    np.testing.assert_allclose(result.masks().numpy(), masks, atol=1e-5)
    twin = out_of_place(model)
    refine = RefineCAM(twin, [twin[3], twin[4], twin[7]], base_method=GradCAM)
    expected = refine(inputs, [ClassifierOutputTarget(index) for index in (4, 0, 2)])
    np.testing.assert_allclose(result.masks(fusion="product").numpy(), expected, atol=1e-5)


def test_aug_smooth_refuses_capture() -> None:
    inputs = photographs(40, 1)
    with pytest.raises(ValueError, match="aug_smooth needs forward passes"):
        CAM(convnet(inputs), "7", aug_smooth=True).capture()
