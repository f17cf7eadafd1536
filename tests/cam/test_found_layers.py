"""The layer that is found for each kind of network by what was measured, and that names have no part in it."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.layer_finding import Candidates
from tests.cam.kinds import KINDS, Net, Tokens, cnn, convolutions, first, post_norm


@pytest.mark.parametrize("kind", KINDS)
def test_the_layer_and_its_cells_are_found(kind: str) -> None:
    make, inputs, layer, grid = KINDS[kind]
    torch.manual_seed(0)
    candidates = CAM(make()).candidates(inputs())
    assert candidates.choice == layer, candidates
    found = candidates.chosen
    assert found is not None
    assert found.grid == grid, candidates
    assert found.path > 0.3
    assert found.dependence > 0.2


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "residual, last stage of one cell"])
def test_what_is_found_has_evidence_in_its_map(kind: str) -> None:
    make, inputs, layer, grid = KINDS[kind]
    torch.manual_seed(0)
    model = make()
    for name, parameter in model.named_parameters():
        if (
            parameter.numel() and float(parameter.detach().abs().max()) < 1e-3 and "bias" not in name
        ):  # a trained network has none
            nn.init.normal_(parameter)
    result = CAM(model)(inputs(), _some_score)
    (map_,) = result.maps.values()
    assert map_.shape == (1, *grid)
    assert float(map_.abs().max()) > 0, layer


def _some_score(output: Tensor) -> Tensor:
    return output[-1].sum()


RENAMED = [
    "plain convolutions", "class token, pre-norm", "class token, post-norm", "registers behind", "windows",
    "object queries", "U-Net", "video, folded tokens", "two towers", "residual, last stage of one cell",
    "critic of one cell",
]  # fmt: skip


@pytest.mark.parametrize("kind", RENAMED)
def test_names_of_modules_change_nothing(kind: str) -> None:
    make, inputs, layer, grid = KINDS[kind]
    torch.manual_seed(0)
    model, given = make(), inputs()
    expected = model.get_submodule(layer)
    names = renamed(model, random.Random(0))
    candidates = CAM(model).candidates(given)
    assert candidates.choice is not None
    assert model.get_submodule(candidates.choice) is expected, (names, candidates)
    assert candidates.chosen is not None
    assert candidates.chosen.grid == grid


def renamed(model: nn.Module, source: random.Random) -> list[str]:
    """Give every module another name, under which its parent finds it still."""
    names: list[str] = []
    for module in model.modules():
        if isinstance(module, (nn.ModuleList, nn.ModuleDict)):  # which look their parts up by number
            continue
        ours = {name: "".join(source.choices("abcdefghijklmnop", k=9)) for name in module._modules}
        names += ours.values()
        module._modules = {ours[name]: child for name, child in module._modules.items()}
        if ours and not isinstance(module, nn.Sequential):
            kind = type(module)

            def lookup(self: Any, name: str, kind: Any = kind, ours: dict[str, str] = ours) -> Any:
                return kind.__getattr__(self, ours.get(name, name))

            module.__class__ = type(kind.__name__, (kind,), {"__getattr__": lookup})
    return names


def test_a_table_of_candidates_is_readable() -> None:
    torch.manual_seed(0)
    text = str(CAM(Tokens(first, before=1)).candidates(torch.rand(2, 3, 32, 48)))
    lines = text.splitlines()
    assert lines[0].split() == ["layer", "output", "cells", "path", "depends"]
    (marked,) = [line for line in lines if line.startswith(">")]
    assert marked.split()[:2] == [">", "stack.3.first"]
    assert "4 x 6" in marked
    assert any("the score does not depend on its cells" in line for line in lines)
    assert lines[-1].startswith("stack.3.first: the last output whose cells the score still depends on")


def test_the_choice_can_be_asked_for_afterwards() -> None:
    cam = CAM(cnn())
    assert cam.choice is None
    cam(torch.rand(2, 3, 32, 48))
    assert isinstance(cam.choice, Candidates)
    assert (cam.choice.choice,) == cam.layers == ("trunk",)


def test_where_nothing_has_space_the_error_shows_the_three_best_and_their_figures() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 48, 16), nn.ReLU(), nn.Linear(16, 5))
    with pytest.raises(ValueError, match="found none") as raised:
        CAM(model)(torch.rand(2, 3, 32, 48))
    lines = str(raised.value).splitlines()
    assert lines[1].split() == ["layer", "output", "cells", "path", "depends"]
    assert len(lines) == 6
    assert "no place in the image can be measured" in lines[2]


def shuffled(net: Any, images: Tensor) -> Tensor:
    cells = net.trunk(images)
    return net.head(net.mixed(cells.flatten(2)[:, :, net.order]).mean(2))  # type: ignore[no-any-return]


def test_a_named_layer_whose_cells_have_no_order_is_answered_with_the_reshape_to_write() -> None:
    torch.manual_seed(0)
    order = torch.randperm(96)
    model = Net(shuffled, trunk=convolutions(), order=order, mixed=nn.Identity(), head=nn.Linear(16, 5))
    images = torch.rand(2, 3, 32, 48)
    with pytest.raises(
        ValueError, match=r"layer 'mixed': expected an output with space, got shape \(2, 16, 96\): pass reshape="
    ):
        CAM(model, "mixed")(images, 1)
    ordered = CAM(model, "mixed", reshape=lambda rows: rows[:, :, order.argsort()].unflatten(2, (8, 12)))(images, 1)
    expected = CAM(model, "trunk.6")(images, 1).maps["grad_cam", "trunk.6"]
    assert float(expected.abs().max()) > 1e-4
    torch.testing.assert_close(ordered.maps["grad_cam", "mixed"], expected)


def test_windows_named_by_hand_become_the_grid_that_they_were_cut_from() -> None:
    """Attention within windows (windows, cells of a window, channels), as Swin and its relatives have it."""

    def run(net: Any, images: Tensor) -> Tensor:
        cells = net.trunk(images).unflatten(3, (3, 4)).unflatten(2, (2, 4))  # (N, C, 2, 4, 3, 4)
        windows = net.within(cells.permute(0, 2, 4, 3, 5, 1).reshape(-1, 16, 16))
        return net.head(windows.mean(1).unflatten(0, (len(images), 6)).mean(1))  # type: ignore[no-any-return]

    torch.manual_seed(0)
    model, images = (
        Net(run, trunk=convolutions(), within=nn.Identity(), head=nn.Linear(16, 5)),
        torch.rand(2, 3, 32, 48),
    )
    maps = CAM(model, ["within", "trunk"])(images, 3).maps
    assert float(maps["grad_cam", "trunk"].std()) > 1e-5
    torch.testing.assert_close(maps["grad_cam", "within"], maps["grad_cam", "trunk"])


def test_a_plain_convolution_named_by_hand_costs_one_pass_and_others_are_measured_once() -> None:
    passes: list[int] = []
    model = cnn()
    model.register_forward_pre_hook(lambda module, inputs: passes.append(len(inputs[0])))
    images = torch.rand(2, 3, 32, 48)
    for layer in ("trunk.0", "trunk.3", "trunk.6", "trunk"):  # a ReLU gives what the whole trunk gives
        CAM(model, layer)(images, 1)
    assert passes == [2] * 4
    wrapped = Net(
        lambda net, x: net.head(net.inner(net.trunk(x)).mean((2, 3))),
        trunk=convolutions(),
        inner=nn.GELU(),
        head=nn.Linear(16, 5),
    )
    passes.clear()
    wrapped.register_forward_pre_hook(lambda module, inputs: passes.append(len(inputs[0])))
    for _ in range(2):
        CAM(wrapped, "inner")(images, 1)
    assert passes == [2, 1, 1, 1, 1, 2]


def test_an_argument_as_long_as_the_batch_is_cut_only_where_it_is_of_the_batch() -> None:
    torch.manual_seed(0)
    shared = Net(lambda net, x, prompts: net.trunk(x).mean((2, 3)) @ prompts.mT * 100, trunk=convolutions())
    own = Net(
        lambda net, x, hints: net.head(net.trunk(x).mean((2, 3)) + hints), trunk=convolutions(), head=nn.Linear(16, 5)
    )
    images, others = torch.rand(2, 3, 32, 48), torch.randn(2, 16)
    for model in (shared, own):
        for method in ("score_cam", "ablation_cam"):
            both = CAM(model, "trunk", methods=method)((images, others), 1).maps[method, "trunk"]
            alone = [
                CAM(model, "trunk", methods=method, shared=[1] if model is shared else [])(
                    (images[at : at + 1], others if model is shared else others[at : at + 1]), 1
                ).maps[method, "trunk"]
                for at in range(2)
            ]
            assert float(both.std()) > 1e-5
            torch.testing.assert_close(both, torch.cat(alone), rtol=1e-3, atol=1e-5)


def test_a_run_of_a_pair_is_drawn_over_the_image_that_it_saw() -> None:
    torch.manual_seed(0)
    model = Net(
        lambda net, one, other: net.head(net.trunk(one).mean((2, 3)) - net.trunk(other).mean((2, 3))),
        trunk=convolutions(), head=nn.Linear(16, 5),
    )  # fmt: skip
    pair = torch.rand(2, 3, 32, 48), torch.rand(2, 3, 32, 64)
    for position in range(2):
        result = CAM(model, f"trunk#{position + 1}")(pair, 1)
        assert torch.equal(result.inputs, pair[position])
        assert result.masks().shape == (2, *pair[position].shape[2:])
    assert torch.equal(CAM(model, image=1)(pair, 1).inputs, pair[1])
    with pytest.raises(ValueError, match="layers that see the same image"):
        CAM(model, ["trunk#1", "trunk#2"])(pair, 1)


def test_masks_of_a_video_have_its_frames() -> None:
    make, _, _, grid = KINDS["video, frames folded"]
    torch.manual_seed(0)
    videos = torch.rand(2, 6, 3, 32, 48)
    result = CAM(make(), methods=["grad_cam", "score_cam"])(videos, 2)
    assert result.maps["grad_cam", "trunk"].shape == (2, *grid)
    assert result.masks(method="score_cam").shape == (2, 6, 32, 48)
    assert result.inputs is not None
    assert torch.equal(result.inputs, videos.transpose(1, 2)), "channels before frames, as for volumes"


@pytest.mark.parametrize("output", [1, "depth", lambda outputs: outputs["depth"]])
def test_one_of_several_outputs_is_explained(output: Any) -> None:
    torch.manual_seed(0)
    kind: Any = dict if output != 1 else lambda **parts: tuple(parts.values())
    model = Net(
        lambda net, x: (lambda cells: kind(kind=net.one(cells), depth=net.two(cells)))(net.trunk(x).mean((2, 3))),
        trunk=convolutions(), one=nn.Linear(16, 3), two=nn.Linear(16, 5),
    )  # fmt: skip
    alone = Net(lambda net, x: net.two(net.trunk(x).mean((2, 3))), trunk=model.trunk, two=model.two)
    images = torch.rand(2, 3, 32, 48)
    found = CAM(model, output=output, methods=["grad_cam", "cam", "score_cam"])(images, 4)
    expected = CAM(alone, methods=["grad_cam", "cam", "score_cam"])(images, 4)
    for key, map_ in expected.maps.items():
        assert float(map_.std()) > 1e-5
        torch.testing.assert_close(found.maps[key], map_)


@pytest.mark.parametrize("seed", range(12))
def test_the_few_channels_of_a_pooled_output_are_no_space_whatever_the_weights(seed: int) -> None:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()
    cam = CAM(model)
    cam(torch.rand(1, 3, 8, 8))
    assert cam.layers == ("1",)


def test_layers_within_a_fused_block_are_seen_and_the_fast_path_is_given_back() -> None:
    torch.manual_seed(0)
    model = Tokens(first, 1, blocks=post_norm()).eval()
    assert torch.backends.mha.get_fastpath_enabled()
    images = torch.rand(2, 3, 32, 48)
    maps = CAM(model, "stack.layers.1.norm2")(images, 1).maps["grad_cam", "stack.layers.1.norm2"]
    whole = CAM(model, "stack.layers.1")(images, 1).maps["grad_cam", "stack.layers.1"]
    assert float(whole.std()) > 1e-5
    torch.testing.assert_close(maps, whole)
    with torch.no_grad(), CAM(model, "stack.layers.1.norm2").capture() as capture:
        model(images)
    torch.testing.assert_close(capture.result(1).maps["grad_cam", "stack.layers.1.norm2"], whole)
    assert torch.backends.mha.get_fastpath_enabled()
