"""`CAM.capture`: the maps of a forward pass that someone else makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import Classes


def network(name: str) -> nn.Module:
    """A network with random weights whose BatchNorm statistics fit its activations: maps that are not vanishing."""
    torch.manual_seed(0)
    options = {"aux_logits": True, "init_weights": False} if name == "googlenet" else {}
    model: nn.Module = getattr(torchvision.models, name)(weights=None, **options)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        for _ in range(2):
            model.train()(torch.rand(4, 3, 64, 64))
    return model.eval()


LAYERS = [
    ("resnet18", "layer4"),
    ("resnet18", "layer4.0.bn2"),  # an in-place addition of an earlier tensor follows
    ("googlenet", "inception5a.branch2"),  # concatenated with branches before and after it
    ("mobilenet_v3_small", "features.9.block.1"),  # in front of squeeze-and-excitation
    ("efficientnet_b0", "features.3.0.block.1"),
    ("regnet_y_400mf", "trunk_output.block2.block2-0.f.b"),
]


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
@pytest.mark.parametrize(("name", "layer"), LAYERS)
def test_a_captured_map_equals_one_of_its_own_pass(name: str, layer: str, mode: Callable[[], Any]) -> None:
    model = network(name)
    inputs = torch.rand(2, 3, 64, 64)
    cam = CAM(model, layer)
    expected = cam(inputs, 3)
    with mode(), cam.capture() as capture:
        outputs = model(inputs if mode is not torch.inference_mode else inputs.clone())
        assert torch.is_inference_mode_enabled() == (mode is torch.inference_mode)
        assert torch.is_grad_enabled() == (mode is torch.enable_grad)
    found = capture.result(targets=3)
    assert torch.equal(found.maps["grad_cam", layer], expected.maps["grad_cam", layer])
    assert torch.equal(outputs.detach(), expected.outputs)
    assert float(expected.maps["grad_cam", layer].abs().max()) > 1e-4


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_map_of_one_cell_is_an_error_and_outputs_are_plain(mode: Callable[[], Any]) -> None:
    model = network("mobilenet_v3_small")
    with mode(), CAM(model, "features.9.block.2.avgpool").capture() as capture:
        assert model(torch.rand(2, 3, 64, 64)).numpy().shape == (2, 1000)
    with pytest.raises(ValueError, match="one cell"):
        capture.result()


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_the_layer_is_found_and_outputs_are_plain(mode: Callable[[], Any]) -> None:
    model = network("resnet18")
    with mode(), CAM(model).capture() as capture:
        assert model(torch.rand(2, 3, 64, 64)).numpy().shape == (2, 1000)
    assert capture.result(Classes(3, 7)).layers == ("layer4",)
    assert len(capture.result(Classes(3, 7))) == 4, "a result may be asked for again"
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_outputs_of_a_frozen_model_stay_plain_where_gradients_are_enabled() -> None:
    model = network("resnet18").requires_grad_(False)
    with CAM(model).capture() as capture:
        assert model(torch.rand(2, 3, 64, 64)).numpy().shape == (2, 1000)
    assert capture.result().flags


@pytest.mark.parametrize("call", [lambda model, x: model(x), lambda model, x: model(x=x)])
def test_a_graph_that_leads_to_the_inputs_of_a_frozen_model_stays(call: Callable[[nn.Module, Tensor], Tensor]) -> None:
    model, inputs = network("resnet18").requires_grad_(False), torch.rand(2, 3, 64, 64, requires_grad=True)
    (expected,) = torch.autograd.grad(model(inputs).sum(), inputs)
    with CAM(model).capture() as capture:
        scores = call(model, inputs)
    assert capture.result(3).flags
    (found,) = torch.autograd.grad(scores.sum(), inputs)
    assert torch.equal(found, expected)


def test_a_graph_that_backward_freed_is_an_error() -> None:
    model = network("resnet18")
    with CAM(model).capture() as capture:
        scores = model(torch.rand(2, 3, 64, 64))
    scores.sum().backward()
    with pytest.raises(ValueError, match="before backward"):
        capture.result()


def test_a_block_holds_one_forward_pass() -> None:
    model = network("resnet18")
    inputs = torch.rand(1, 3, 64, 64)
    with CAM(model).capture() as capture:
        pass
    with pytest.raises(ValueError, match="got none"):
        capture.result()
    with torch.no_grad(), CAM(model).capture() as capture:
        first, second = model(inputs), model(inputs)
    assert torch.equal(first, second)
    with pytest.raises(ValueError, match="got 2"):
        capture.result()


def test_a_layer_that_runs_twice_is_an_error_of_the_result_and_not_of_the_forward_pass() -> None:
    model = network("resnet18")
    with torch.inference_mode(), CAM(model, "layer4.0.relu").capture() as capture:
        assert model(torch.rand(1, 3, 64, 64)).numpy().shape == (1, 1000)
    with pytest.raises(ValueError, match=r"'layer4.0.relu#1' to 'layer4.0.relu#2'"):
        capture.result()


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_nothing_is_left_behind_when_the_forward_pass_raises(
    mode: Callable[[], Any], error: type[BaseException]
) -> None:
    def fail(*call: Any) -> None:
        raise error

    model = network("resnet18")
    model.get_submodule("avgpool").register_forward_hook(fail)
    hooks = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()]
    with mode():
        modes = torch.is_inference_mode_enabled(), torch.is_grad_enabled(), torch.is_autocast_cache_enabled()
        with pytest.raises(error), CAM(model, "layer4").capture() as capture:
            model(torch.rand(1, 3, 64, 64))
        assert (
            torch.is_inference_mode_enabled(), torch.is_grad_enabled(), torch.is_autocast_cache_enabled()
        ) == modes  # fmt: skip
    assert [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()] == hooks
    with pytest.raises(ValueError, match="got none"):
        capture.result()


def test_a_pass_that_failed_in_the_block_has_given_the_modes_back_within_it() -> None:
    model = network("resnet18")
    model.get_submodule("avgpool").register_forward_hook(lambda *call: 1 / 0)
    with torch.inference_mode(), CAM(model, "layer4").capture():
        with pytest.raises(ZeroDivisionError):
            model(torch.rand(1, 3, 64, 64))
        assert torch.is_inference_mode_enabled()


def test_inputs_are_those_that_the_model_was_called_with_whatever_its_own_hooks_make_of_them() -> None:
    model, inputs = network("resnet18"), torch.rand(2, 3, 64, 64)
    model.register_forward_pre_hook(lambda module, args: (args[0] * 2,))
    expected = CAM(model)(inputs, 3)
    with torch.inference_mode(), CAM(model).capture() as capture:
        model(inputs)
    found = capture.result(3)
    assert found.inputs is not None
    assert torch.equal(found.inputs, inputs)
    assert torch.equal(found.maps["grad_cam", "layer4"], expected.maps["grad_cam", "layer4"])


def test_autocast_keeps_no_cast_of_a_pass_without_a_graph() -> None:
    """Until some torch 2.x, the training's pass would have found it, and the weight no gradient."""
    model, seen = network("resnet18"), []

    def look(*call: Any) -> Tensor:
        seen.append(torch.is_autocast_cache_enabled())
        return call[-1][0]  # type: ignore[no-any-return]

    model.conv1.register_forward_hook(lambda *call: seen.append(torch.is_autocast_cache_enabled()))
    with torch.autocast("cpu", torch.bfloat16):
        with torch.no_grad(), CAM(model, "layer4").capture() as capture:
            model(torch.rand(1, 3, 64, 64))
        assert torch.is_autocast_cache_enabled()
        assert capture.result(look).flags
        assert torch.is_autocast_cache_enabled()
    assert seen == [False, False]


def test_an_input_of_inference_mode_may_come_back_behind_the_layer() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, inputs: Tensor) -> Tensor:
            return (self.conv(inputs) * inputs).mean((2, 3))

    model, inputs = Gated(), torch.rand(2, 3, 8, 8)
    expected = CAM(model, "conv")(inputs, 1).maps["grad_cam", "conv"]
    with torch.inference_mode(), CAM(model, "conv").capture() as capture:
        model(inputs.clone())
    assert torch.equal(capture.result(1).maps["grad_cam", "conv"], expected)


def test_a_result_can_be_asked_for_in_inference_mode() -> None:
    model, inputs = network("resnet18"), torch.rand(2, 3, 64, 64)
    expected = CAM(model)(inputs, 3)
    with torch.inference_mode():
        with CAM(model).capture() as capture:
            model(inputs)
        found = capture.result(3)
        assert torch.is_inference_mode_enabled()
    assert torch.equal(found.maps["grad_cam", "layer4"], expected.maps["grad_cam", "layer4"])


def test_a_target_that_asks_the_model_and_draws_random_numbers_leaves_no_trace() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    inputs = torch.rand(2, 3, 16, 16)

    def towards_noise(scores: Tensor) -> Tensor:
        with torch.no_grad():
            direction: Tensor = model(torch.rand(1, 3, 16, 16))[0]
        return scores @ direction

    with torch.autocast("cpu", torch.bfloat16):
        with torch.no_grad(), CAM(model, "0").capture() as capture:
            model(inputs)
        state = torch.get_rng_state()
        assert capture.result(towards_noise).flags
        assert torch.equal(torch.get_rng_state(), state)
        model(inputs).sum().backward()
    assert all(weight.grad is not None for weight in model.parameters())


@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad])
def test_what_the_caller_does_to_the_outputs_in_place_does_not_reach_the_maps(mode: Callable[[], Any]) -> None:
    model, inputs = network("resnet18"), torch.rand(2, 3, 64, 64)
    expected = CAM(model)(inputs)
    with mode(), CAM(model).capture() as capture:
        outputs = model(inputs)
        outputs.mul_(-1)
    result = capture.result()
    assert torch.equal(result.targets, expected.targets)
    torch.testing.assert_close(result.maps["grad_cam", "layer4"], expected.maps["grad_cam", "layer4"])
    torch.testing.assert_close(result.outputs, expected.outputs)


def test_a_layer_in_front_of_checkpoints_is_explained_in_the_modes_of_the_pass() -> None:
    """Gradients make a checkpoint run its layers again, and by then the training may have gone on."""
    torch.manual_seed(0)
    stem, block = nn.Conv2d(3, 8, 3), nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.Dropout(0.5), nn.ReLU())
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.block, self.head = stem, block, head

        def forward(self, inputs: Tensor) -> Tensor:
            scores: Tensor = self.head(checkpoint(self.block, self.stem(inputs), use_reentrant=False))
            return scores

    model, inputs = Network().eval(), torch.rand(2, 3, 16, 16)
    expected = CAM(model, "stem")(inputs, 1).maps["grad_cam", "stem"]
    with torch.no_grad(), CAM(model, "stem").capture() as capture:
        model(inputs)
    model.train()
    statistics = [buffer.clone() for buffer in model.buffers()]
    assert torch.equal(capture.result(1).maps["grad_cam", "stem"], expected)
    assert all(map(torch.equal, model.buffers(), statistics))
    assert all(module.training for module in model.modules())


def test_a_validation_pass_within_autocast_leaves_the_weights_of_the_training_their_gradients() -> None:
    """Autocast would hand casts that were made without a graph to the training's pass."""
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    inputs = torch.rand(2, 3, 16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        with torch.no_grad(), CAM(model, "0").capture() as capture:
            model(inputs)
        assert capture.result(1).flags
        model(inputs).sum().backward()
    assert all(weight.grad is not None for weight in model.parameters())
