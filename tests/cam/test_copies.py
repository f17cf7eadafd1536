"""A `CAM` can be pickled and copied, before its first call and after."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import METHODS


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))


COPIES: list[Callable[[Any], Any]] = [lambda cam: pickle.loads(pickle.dumps(cam)), copy.deepcopy, copy.copy]


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("layers", [None, "0", "1"])
@pytest.mark.parametrize("is_used", [False, True])
def test_a_copy_explains_as_the_first_does(copied: Callable[[Any], Any], layers: Any, is_used: bool) -> None:
    cam, inputs = CAM(network(), layers, ["grad_cam", "ablation_cam"]), torch.rand(2, 3, 16, 16)
    if is_used:
        cam(inputs, 1)
    other = copied(cam)
    found, expected = other(inputs, 1), cam(inputs, 1)
    assert found.maps.keys() == expected.maps.keys()
    assert all(torch.equal(found.maps[key], expected.maps[key]) for key in expected.maps)
    assert (other.model is cam.model) == (copied is copy.copy)


def test_a_result_can_be_pickled() -> None:
    result = CAM(network(), "0")(torch.rand(2, 3, 16, 16), 1)
    again = pickle.loads(pickle.dumps(result))
    assert torch.equal(again.masks(), result.masks())


@pytest.mark.parametrize("name", METHODS)
def test_every_method_can_be_pickled(name: str) -> None:
    assert pickle.loads(pickle.dumps(METHODS[name])) is METHODS[name]
