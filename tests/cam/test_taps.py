"""Which run and which part of a layer is meant, and graphs that do not reach it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import relu
from torch.utils.checkpoint import checkpoint

from tensorboard_plugin_gradcam import CAM


class Pyramid(NamedTuple):
    fine: Tensor
    coarse: Tensor


CONTAINERS: dict[str, tuple[Callable[[Tensor, Tensor], Any], str, str]] = {
    "tuple": (lambda fine, coarse: (fine, coarse), "0", "1"),
    "list": (lambda fine, coarse: [fine, coarse], "0", "1"),
    "named tuple": (Pyramid, "0", "1"),
    "dict": (lambda fine, coarse: {"fine": fine, "coarse": coarse}, "fine", "coarse"),
    "dict of numbers": (lambda fine, coarse: {2: fine, 3: coarse}, "2", "3"),
}


def louder(layer: nn.Linear) -> nn.Linear:
    """Raise the scores, for maps that are not vanishing."""
    layer.weight.data *= 1000
    return layer


class Neck(nn.Module):
    """Returns two maps in a container."""

    def __init__(self, container: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.container, self.fine, self.coarse = container, nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, stride=2)

    def forward(self, inputs: Tensor) -> Any:
        fine = self.fine(inputs)
        return self.container(fine, self.coarse(fine))


class Pyramidal(nn.Module):
    def __init__(self, container: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.neck, self.head = Neck(container), louder(nn.Linear(4, 5))

    def forward(self, inputs: Tensor) -> Tensor:
        found = self.neck(inputs)
        assert type(found) is type(self.neck.container(inputs, inputs))
        fine, coarse = found.values() if isinstance(found, dict) else found
        scores: Tensor = self.head(relu_(fine).mean((2, 3)) + relu_(coarse).mean((2, 3)))
        return scores


def relu_(tensor: Tensor) -> Tensor:
    return relu(tensor, inplace=True)


class Recurrent(nn.Module):
    """Runs one layer three times, or three copies of it once each."""

    def __init__(self, shares: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.step = nn.Conv2d(3, 3, 3)
        self.head = louder(nn.Linear(3, 4))
        if not shares:
            self.steps = nn.ModuleList([nn.Conv2d(3, 3, 3) for _ in range(3)])
            for step in self.steps:
                step.load_state_dict(self.step.state_dict())

    def forward(self, inputs: Tensor) -> Tensor:
        for step in getattr(self, "steps", [self.step] * 3):
            inputs = relu_(step(inputs))
        scores: Tensor = self.head(inputs.mean((2, 3)))
        return scores


@pytest.mark.parametrize("run", [1, 2, 3])
def test_a_run_of_a_shared_layer_is_explained_as_if_it_were_a_layer_of_its_own(run: int) -> None:
    shared, unrolled, inputs = Recurrent(True), Recurrent(False), torch.rand(2, 3, 16, 16)
    result = CAM(shared, f"step#{run}")(inputs, 2)
    expected = CAM(unrolled, f"steps.{run - 1}")(inputs, 2).maps["grad_cam", f"steps.{run - 1}"]
    assert float(expected.abs().max()) > 1e-3
    torch.testing.assert_close(result.maps["grad_cam", f"step#{run}"], expected)


def test_several_runs_are_explained_at_once_in_the_order_that_was_asked_for() -> None:
    model, inputs = Recurrent(True), torch.rand(2, 3, 16, 16)
    together = CAM(model, ["step#3", "step#1"])(inputs, 2)
    assert together.layers == ("step#3", "step#1")
    for name in together.layers:
        torch.testing.assert_close(together.maps["grad_cam", name], CAM(model, name)(inputs, 2).maps["grad_cam", name])


@pytest.mark.parametrize("kind", CONTAINERS)
def test_a_part_of_an_output_is_explained_as_the_layer_that_gave_it(kind: str) -> None:
    container, fine, coarse = CONTAINERS[kind]
    model, inputs = Pyramidal(container), torch.rand(2, 3, 16, 16)
    found = CAM(model, [f"neck[{fine}]", f"neck[{coarse}]"])(inputs, 1)

    expected = CAM(model, "neck.coarse")(inputs, 1).maps["grad_cam", "neck.coarse"]
    assert float(expected.abs().max()) > 1e-3
    torch.testing.assert_close(found.maps["grad_cam", f"neck[{coarse}]"], expected)
    # Behind the neck, the fine map leads to the scores by its own mean alone; inside, the coarse one is made of it.
    saw = model.neck.fine(inputs).detach()
    felt = model.head.weight[1].detach()[:, None, None] * (saw > 0) / saw[0, 0].numel()
    by_hand = (felt.mean((2, 3), keepdim=True) * saw).sum(1)
    torch.testing.assert_close(found.maps["grad_cam", f"neck[{fine}]"], by_hand)


def test_the_only_map_in_a_tuple_needs_no_name() -> None:
    model = Pyramidal(lambda fine, coarse: (fine, coarse))
    layer = nn.Sequential()
    layer.forward = lambda tensor: (tensor, tensor.mean((2, 3)), "tokens")  # type: ignore[method-assign]

    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.layer, self.head = model.neck.fine, layer, model.head

        def forward(self, inputs: Tensor) -> Tensor:
            maps, means, said = self.layer(self.conv(inputs))
            assert said == "tokens"
            return self.head(maps.mean((2, 3)) + 0 * means)  # type: ignore[no-any-return]

    wrapped, inputs = Wrapped(), torch.rand(2, 3, 16, 16)
    expected = CAM(wrapped, "conv")(inputs, 1).maps["grad_cam", "conv"]
    torch.testing.assert_close(CAM(wrapped, "layer")(inputs, 1).maps["grad_cam", "layer"], expected)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("neck", r"choose from 'neck\[fine\]' of shape \(2, 4, 14, 14\), 'neck\[coarse\]' of shape \(2, 4, 6, 6\)"),
        ("neck[middle]", r"part 'middle'.*choose from 'neck\[fine\]'"),
        ("neck.fine[0]", r"part '0', got Tensor: choose a layer inside it"),
        ("neck.fine#2", r"one of the 1 runs of layer 'neck.fine'.*got 'neck.fine#2'"),
        ("nack#2", "such as neck"),
        ("spare", "did not run"),
    ],
)
def test_a_place_that_does_not_exist_is_answered_with_those_that_do(layer: str, message: str) -> None:
    model = Pyramidal(CONTAINERS["dict"][0])
    model.add_module("spare", nn.Identity())
    with pytest.raises(ValueError, match=message):
        CAM(model, layer)(torch.rand(2, 3, 16, 16))


def trunk_and_head(wrap: Callable[[Callable[[Tensor], Tensor], Tensor], Tensor]) -> nn.Module:
    """A network of which `wrap` runs the part that holds layer "trunk.2"."""
    torch.manual_seed(0)

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 3, 3)
            self.trunk = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU())
            self.head = louder(nn.Linear(4, 5))

        def forward(self, inputs: Tensor) -> Tensor:
            scores: Tensor = self.head(wrap(self.trunk, self.stem(inputs)).mean((2, 3)))
            return scores

    return Network()


def plainly(part: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    return part(inputs)


def without_gradients(part: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    with torch.no_grad():
        return part(inputs)


def checkpointed(part: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    return checkpoint(part, inputs, use_reentrant=False)  # type: ignore[no-any-return]


def reentrant(part: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    return checkpoint(part, inputs, use_reentrant=True)  # type: ignore[no-any-return]


@pytest.mark.parametrize("wrap", [without_gradients, checkpointed])
@pytest.mark.parametrize("layers", [["trunk.2"], ["trunk.0", "trunk.2"]])
def test_a_forward_pass_that_turns_gradients_off_or_is_checkpointed_has_the_same_maps(
    wrap: Callable[..., Tensor], layers: list[str]
) -> None:
    inputs = torch.rand(2, 3, 16, 16)
    expected = CAM(trunk_and_head(plainly), layers)(inputs, 1).maps
    cam = CAM(trunk_and_head(wrap), layers)
    for _ in range(2):
        found = cam(inputs, 1).maps
        for layer in layers:
            assert float(expected["grad_cam", layer].abs().max()) > 1e-3
            torch.testing.assert_close(found["grad_cam", layer], expected["grad_cam", layer])


def test_a_trunk_without_gradients_stays_without_them_while_a_training_is_captured() -> None:
    model = trunk_and_head(without_gradients)
    with CAM(model, "trunk.2").capture() as capture:
        scores = model(torch.rand(2, 3, 16, 16))
    with pytest.raises(ValueError, match="call the CAM instead"):
        capture.result()
    scores.sum().backward()
    assert [name for name, weight in model.named_parameters() if weight.grad is not None] == [
        "head.weight",
        "head.bias",
    ]


def test_a_validation_pass_that_turns_gradients_off_itself_is_referred_to_the_cam() -> None:
    model = trunk_and_head(without_gradients)
    with torch.inference_mode(), CAM(model, "trunk.2").capture() as capture:
        model(torch.rand(2, 3, 16, 16))
    with pytest.raises(ValueError, match="call the CAM instead"):
        capture.result()


@pytest.mark.parametrize(("layer", "message"), [("trunk.2", "reentrant checkpoints"), ("stem", "use_reentrant=False")])
def test_reentrant_checkpoints_are_answered_with_words(layer: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CAM(trunk_and_head(reentrant), layer)(torch.rand(2, 3, 16, 16))


def test_a_target_without_a_graph_is_an_error_and_not_a_blank_map() -> None:
    with pytest.raises(ValueError, match=r"depend on layer 'trunk.2'"):
        CAM(trunk_and_head(plainly), "trunk.2")(torch.rand(2, 3, 16, 16), lambda output: output.detach()[0])


def test_a_layer_that_returns_its_input_is_explained_as_it_was_though_the_input_changes_later() -> None:
    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.layer, self.head = nn.Conv2d(3, 4, 3), nn.Identity(), louder(nn.Linear(4, 5))

        def forward(self, inputs: Tensor) -> Tensor:
            found = self.conv(inputs)
            means = self.layer(found).mean((2, 3))
            found.zero_()
            return self.head(means)  # type: ignore[no-any-return]

    torch.manual_seed(0)
    model, inputs = Network(), torch.rand(2, 3, 16, 16)
    saw = model.conv(inputs).detach()
    by_hand = (model.head.weight[1].detach()[:, None, None] / saw[0, 0].numel() * saw).sum(1)
    torch.testing.assert_close(CAM(model, "layer")(inputs, 1).maps["grad_cam", "layer"], by_hand)
