"""Every registered method leaves a training as it was, also when it raises half-way."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import METHODS
from tests.cam.training import (
    Network,
    Recipe,
    Transformer,
    WithPyramid,
    WithToken,
    differences,
    identities_of,
    state_of,
    trained,
)


class HalfWayError(Exception):
    """Raised by a target."""


def raising(at_call: int) -> Callable[[Tensor], Tensor]:
    calls = itertools.count(1)

    def target(output: Tensor) -> Tensor:
        if next(calls) == at_call:
            raise HalfWayError
        return output[1]

    return target


OF_THEIR_OWN = {"grad_eclip": WithToken, "odam": WithPyramid}


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_training_is_bit_identical(name: str) -> None:
    layers = "body" if METHODS[name].place == "layer" else None
    network = Transformer if METHODS[name].place == "attention" else Network
    recipe = Recipe(OF_THEIR_OWN.get(name, network), autocast=torch.bfloat16)
    seen: list[float] = []

    def look(model: nn.Module, optimizer: torch.optim.Optimizer, inputs: Tensor) -> None:
        state, identities = state_of(model, optimizer), identities_of(model)
        result = CAM(model, layers, name)(inputs[:2], 1)
        seen.extend(float(maps.abs().max()) for maps in result.maps.values())
        for at_call in (2, 4):  # of the two images' scores the last, and the last of a method's own next pass
            try:
                CAM(model, layers, name)(inputs[:2], raising(at_call))
                # Rollout asks nothing of the scores.
                assert METHODS[name].needs != "passes" or name == "attention_rollout"
            except HalfWayError:
                pass
            except ValueError:
                assert name in ("cam", "finer_cam")  # which explain classes alone
        assert differences(state, state_of(model, optimizer)) == []
        assert identities_of(model) == identities

    assert differences(trained(recipe), trained(recipe, look)) == []
    assert max(seen) > 0
