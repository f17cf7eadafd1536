"""Measures against quantus, where it defines the same number.

What is left out, and why: quantus's ROAD fails on colour pictures and fills removed pixels from their neighbours; its
PixelFlipping takes away single channels of a pixel, so only pictures of one channel compare, and its curves can't start
at the whole picture; its sensitivities (`MaxSensitivity`, `AvgSensitivity`) ask how a map changes with noise on the
picture, which no measure here does; its `TopKIntersection` takes a fixed number of cells, `iou` those from half of the
maximum.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tensorboard_plugin_gradcam import CAM, metrics
from tensorboard_plugin_gradcam.measures import MEASURES, Measure, concentration, evidence_shares, share_in_quarter

pytestmark = pytest.mark.slow
quantus = pytest.importorskip("quantus")

SIZE, LAYER = 16, "2"
PICTURES = torch.rand(5, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(2))
INPUTS = PICTURES.numpy()
RAW: dict[str, Any] = {"abs": False, "normalise": False, "disable_warnings": True}


def network(classes: int) -> nn.Module:
    """Return a network whose maps have a cell for each pixel, as quantus wants them."""
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(8 * SIZE * SIZE, classes),
    ).eval()  # fmt: skip


def measured(model: nn.Module, measures: str | Measure, **options: Any) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the numbers by name, and the classes."""
    result = CAM(model, LAYER, measures=measures, **options)(PICTURES)
    return {name: of["grad_cam", LAYER].numpy() for name, of in result.measures.items()}, result.targets.numpy()


def explained(model: nn.Module, inputs: np.ndarray, targets: np.ndarray, **_: Any) -> np.ndarray:
    """Explain as quantus asks for it: raw maps ``(N, 1, h, w)`` of classes."""
    result = CAM(model, LAYER)(torch.as_tensor(inputs), targets.tolist())
    return result.maps["grad_cam", LAYER][:, None].numpy()


def evidence(model: nn.Module, inputs: np.ndarray, targets: np.ndarray, **_: Any) -> np.ndarray:
    """Explain by what is positive."""
    return np.maximum(explained(model, inputs, targets), 0)


def entropy(a: np.ndarray, **_: Any) -> float:
    """Return quantus's entropy, which wants to know the picture's shape and is not told."""
    return float(quantus.complexity_func.entropy(a, a))


def at_random(model: nn.Module) -> nn.Module:
    """Return the copy that quantus makes, all its layers re-initialised."""
    wrapped = quantus.helpers.model.pytorch_model.PyTorchModel(model, channel_first=True)
    *_, (_, copied) = wrapped.get_random_layer_generator("bottom_up", 42)
    return copied.eval()


@pytest.mark.parametrize("steps", [2, 4, 8])
def test_the_gain_is_what_pixel_flipping_leaves_between_the_two_orders(steps: int) -> None:
    model = network(4)
    measure = MEASURES["gain"].using(steps, "zero")
    found, targets = measured(model, measure)
    maps = explained(model, INPUTS, targets)
    flipping = quantus.PixelFlipping(
        features_in_step=SIZE * SIZE // steps, perturb_baseline=0.0, return_auc_per_sample=False, **RAW
    )
    least, most = (
        np.array(flipping(model, INPUTS, targets, order, softmax=False)) for order in (maps.max() - maps, maps)
    )
    assert least.shape == (5, steps)
    gain = (least - most).sum(axis=1) / steps  # both curves begin at one score and end at one
    np.testing.assert_allclose(found[f"{measure.name}_logits"], gain, atol=1e-5)


def test_class_sensitivity_is_what_random_logit_leaves_where_there_is_one_other_class() -> None:
    model = network(2)
    found, targets = measured(model, "class_sensitivity")
    pearson = quantus.similarity_func.correlation_pearson
    logit = quantus.RandomLogit(similarity_func=pearson, num_classes=2, **RAW)
    alike = logit(model, INPUTS, targets, explained(model, INPUTS, targets), explain_func=explained)
    np.testing.assert_allclose(found["class_sensitivity"], 1 - np.array(alike), atol=1e-5)


def test_randomisation_is_the_last_correlation_of_mprt() -> None:
    model = network(4)
    found, targets = measured(model, "randomisation", randomised=at_random(model))
    spearman = quantus.similarity_func.correlation_spearman
    mprt = quantus.MPRT(
        similarity_func=spearman,
        layer_order="bottom_up",
        seed=42,
        skip_layers=True,
        return_last_correlation=True,
        **RAW,
    )
    alike = mprt(model, INPUTS, targets, explained(model, INPUTS, targets), explain_func=explained)
    np.testing.assert_allclose(found["randomisation"], alike, atol=1e-5)


def test_its_entropy_is_that_of_efficient_mprt() -> None:
    model = network(4)
    found, targets = measured(model, "randomisation", randomised=at_random(model))
    mprt = quantus.EfficientMPRT(
        complexity_func=entropy, complexity_func_kwargs={"n_bins": 1},
        layer_order="bottom_up", seed=42, **RAW,
    )  # fmt: skip
    rise = mprt(model, INPUTS, targets, evidence(model, INPUTS, targets), explain_func=evidence)
    np.testing.assert_allclose(found["randomisation_entropy"], rise, atol=1e-5)


MAPS = np.random.default_rng(4).normal(size=(6, 1, 96, 96))
UNUSED = network(2), np.zeros((6, 1, 96, 96), np.float32), np.zeros(6, int)  # asked for, and not looked at


def test_concentration_is_quantus_sparseness() -> None:
    sparse = quantus.Sparseness(**RAW)(*UNUSED, np.maximum(MAPS, 0))
    np.testing.assert_allclose(concentration(evidence_shares(MAPS[:, 0])), sparse, atol=1e-5)


def test_the_share_in_a_quarter_is_quantus_focus() -> None:
    places = [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (1, 0, 0, 0), (0, 0, 0, 1)]
    focus = quantus.Focus(**RAW)(*UNUSED, MAPS.copy(), custom_batch=places)
    np.testing.assert_allclose(share_in_quarter(MAPS[:, 0], [place.index(1) for place in places]), focus, atol=1e-5)


def test_energy_and_pointing_game_are_those_of_quantus() -> None:
    truths = np.random.default_rng(5).random((6, 1, 96, 96)) > 0.6
    positive = np.maximum(MAPS, 0)
    mass, pointing = (
        kind(**RAW)(*UNUSED, positive.copy(), s_batch=truths)
        for kind in (quantus.RelevanceMassAccuracy, quantus.PointingGame)
    )
    found = [
        (metrics.energy_inside(map_, truth), metrics.pointing_game(map_, truth))
        for map_, truth in zip(positive[:, 0], truths[:, 0], strict=True)
    ]
    np.testing.assert_allclose(found, np.stack([mass, pointing], axis=1), atol=1e-5)
