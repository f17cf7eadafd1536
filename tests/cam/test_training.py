"""A training with maps at every step ends in the same bits as one without."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_grad_cam import GradCAM
from torch import Tensor, nn

from tensorboard_plugin_gradcam import CAM
from tests.cam.training import Network, Recipe, captured, differences, every_way, train_on_rank, trained

RECIPES = {
    "plain": Recipe(),
    "accumulation": Recipe(accumulate=3),
    "bf16": Recipe(autocast=torch.bfloat16),
    "bf16 and accumulation": Recipe(autocast=torch.bfloat16, accumulate=2),
    "fp16 and a gradient scaler": Recipe(autocast=torch.float16),
    "gradient checkpoints": Recipe(checkpoints=True),
    "channels last": Recipe(memory_format=torch.channels_last),
    "DataParallel": Recipe(wrap=nn.DataParallel),
    "compiled": Recipe(wrap=partial(torch.compile, backend="aot_eager"), is_compiled=True, is_restless=False),
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_training_with_maps_is_bit_identical_to_one_without(recipe: str) -> None:
    plain, explained = trained(RECIPES[recipe]), trained(RECIPES[recipe], every_way, captured)
    assert differences(plain, explained) == []


@pytest.mark.slow
def test_a_training_that_inductor_compiled_is_bit_identical_with_maps() -> None:
    recipe = Recipe(wrap=torch.compile, is_compiled=True, is_restless=False)
    assert differences(trained(recipe), trained(recipe, every_way, captured)) == []


def test_two_processes_of_which_one_explains_train_as_two_that_do_not(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(train_on_rank, (str(tmp_path),), nprocs=2)
    states = [
        [torch.load(tmp_path / f"{name}-{rank}", weights_only=False) for name in ("plain", "explained")]
        for rank in (0, 1)
    ]
    assert [differences(*pair) for pair in states] == [[], []]
    between_ranks = differences(states[0][0], states[1][0])
    assert "random of torch" in between_ranks, "each rank has data of its own"
    assert "weight head.3.bias" not in between_ranks, "and they train one model"


def with_a_compiled_part(model: nn.Sequential) -> nn.Module:
    model[1] = torch.compile(model[1])
    return model


def with_a_part_compiled_in_place(model: nn.Sequential) -> nn.Module:
    model[1].compile()
    return model


@pytest.mark.parametrize(
    "wrap", [lambda model: model.compile() or model, with_a_compiled_part, with_a_part_compiled_in_place]
)
def test_a_compiled_training_pass_stays_compiled_and_is_not_explained(wrap: Callable[[nn.Module], Any]) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    compiled = wrap(model)
    inputs = torch.rand(2, 3, 8, 8)
    with CAM(model, "0").capture() as capture:
        assert not model._forward_hooks
        assert compiled(inputs).requires_grad
    with pytest.raises(ValueError, match="compiled"):
        capture.result()
    with torch.no_grad(), CAM(model, "0").capture() as capture:
        compiled(inputs)
    assert capture.result(1).layers == ("0",)


def test_a_training_pass_of_a_compiled_wrapper_runs_eagerly_with_a_warning() -> None:
    """Which wrappers there are of a model can't be known before one calls it."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    compiled = torch.compile(model)
    with pytest.warns(UserWarning, match="runs eagerly"), CAM(model, "0").capture() as capture:
        assert compiled(torch.rand(2, 3, 8, 8)).requires_grad
    with pytest.raises(ValueError, match="compiled"):
        capture.result()


def test_a_compiled_pass_of_a_frozen_model_trains_nothing_and_is_explained() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).requires_grad_(False)
    inputs = torch.rand(2, 3, 8, 8)
    expected = CAM(model, "0")(inputs, 1).maps["grad_cam", "0"]
    with CAM(model, "0").capture() as capture:
        torch.compile(model, backend="eager")(inputs)
    assert torch.equal(capture.result(1).maps["grad_cam", "0"], expected)


def test_maps_of_a_model_in_training_are_those_of_evaluation() -> None:
    torch.manual_seed(0)
    model, inputs = Network(is_restless=False), torch.rand(4, 3, 12, 12)
    found = CAM(model.train(), "body")(inputs, 2).maps["grad_cam", "body"]
    torch.testing.assert_close(CAM(model.eval(), "body")(inputs, 2).maps["grad_cam", "body"], found)


def theirs(model: nn.Module, optimizer: torch.optim.Optimizer, inputs: Tensor) -> None:
    with GradCAM(model=model, target_layers=[model.get_submodule("body")]) as cam:
        cam(inputs, None)


def test_the_harness_notices_a_peer_that_changes_the_training() -> None:
    found = differences(trained(RECIPES["plain"]), trained(RECIPES["plain"], theirs))
    assert {"weight body.0.weight", "weight between.1.calls", "mode stem", "random of torch"} <= set(found)
