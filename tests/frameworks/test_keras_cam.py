"""The Keras engine against the torch engine, on one network with one set of weights; runs on any Keras backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("keras")

import keras

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.integrations.keras import KerasCAM, KerasResult
from tests.frameworks import keras_models as models

pytestmark = pytest.mark.slow

FORMULAS = ("grad_cam", "grad_cam_plus_plus", "layer_cam", "hires_cam", "xgrad_cam", "eigen_cam")


@pytest.fixture(params=models.FORMS)
def model(request: pytest.FixtureRequest) -> Any:
    keras.utils.set_random_seed(0)
    model = models.build(request.param)
    models.randomise(model)
    return model


def expected(model: Any, layer: str, **options: Any) -> Any:
    inputs = torch.tensor(models.photos()).permute(0, 3, 1, 2)
    return CAM(models.copied(model), layers=layer, methods=FORMULAS)(inputs, **options)


def check_close(found: KerasResult, name: str, oracle: Any, layer: str) -> None:
    for method in FORMULAS:
        maps = oracle.maps[method, layer].numpy()
        assert np.abs(maps).max() > 1e-2, method
        assert np.abs(maps[0] - maps[1]).max() > 1e-2 * np.abs(maps).max(), method
        np.testing.assert_allclose(found.maps[method, name], maps, atol=1e-4 * np.abs(maps).max(), err_msg=method)


def test_maps_scores_and_targets_equal_the_torch_engines(model: Any) -> None:
    found = KerasCAM(model, methods=FORMULAS)(models.photos())
    name = "backbone" if "backbone" in [layer.name for layer in model.layers] else "conv2"
    oracle = expected(model, "4")
    check_close(found, name, oracle, "4")
    np.testing.assert_allclose(found.outputs, oracle.outputs, atol=1e-4)
    np.testing.assert_allclose(found.scores, oracle.scores, atol=1e-4)
    np.testing.assert_array_equal(found.targets, oracle.targets)
    assert found.input_size == (20, 28)
