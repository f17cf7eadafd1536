"""Measures by the engine: what the tail gives, against networks cut in two by hand."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.nn.functional import relu
from torch.utils.flop_counter import FlopCounterMode

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import ClassInMask, Contrast
from tensorboard_plugin_gradcam.cam.randomised import randomised
from tensorboard_plugin_gradcam.measures import class_sensitivity, gain

IMAGES = torch.rand(3, 3, 12, 12, generator=torch.Generator().manual_seed(1))


class Cut(nn.Module):
    """A network in two parts, so that the second can be asked alone."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.neck = nn.Conv2d(6, 8, 3, padding=1)
        self.last = nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, 5)

    def trunk(self, x: Tensor) -> Tensor:
        return relu(self.stem(x))

    def tail(self, features: Tensor, x: Tensor) -> Tensor:
        return self.head(relu(self.last(relu(features))).mean((2, 3)))

    def forward(self, x: Tensor) -> Tensor:
        trunk = self.trunk(x)
        return self.tail(self.neck(trunk), trunk)


class Skip(Cut):
    """What stands before the layer meets what follows it."""

    def tail(self, features: Tensor, x: Tensor) -> Tensor:
        return self.head(relu(self.last(relu(features + torch.cat([x, x[:, :2]], 1)))).mean((2, 3)))


class Views(Cut):
    """Counts its images itself, and calls a module that ran before the layer again."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.ReLU(inplace=True)

    def trunk(self, x: Tensor) -> Tensor:
        return self.act(super().trunk(x))

    def forward(self, x: Tensor) -> Tensor:
        count = len(x)
        trunk = self.trunk(x)
        features = self.act(self.neck(trunk))
        return self.head(relu(self.last(features)).view(count, 8, -1).mean(2))

    def tail(self, features: Tensor, x: Tensor) -> Tensor:
        return self.head(relu(self.last(relu(features))).mean((2, 3)))


class Tokens(Cut):
    """Cells as tokens behind a class token, which stays."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.block = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.embed = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        cells = self.neck(self.trunk(x)).flatten(2).mT
        tokens = self.embed(torch.cat([self.token.expand(len(x), -1, -1), cells], dim=1))
        return self.head(self.block(tokens)[:, 0])

    def tail(self, features: Tensor, x: Tensor) -> Tensor:
        tokens = torch.cat([self.token.expand(len(features), -1, -1), features.flatten(2).mT], dim=1)
        return self.head(self.block(tokens)[:, 0])


def pooled() -> nn.Module:
    """Return a network that ends in mean pooling behind a ReLU."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)
    ).eval()  # fmt: skip


def by_hand(model: Cut, maps: Tensor, targets: list[int], baseline: Callable[[Tensor], Tensor], steps: int = 7) -> Any:
    """Return the gains from the two parts of a network."""
    with torch.no_grad():
        trunk = relu(model.stem(IMAGES))
        features = model.neck(trunk)
        base = baseline(features)

    def score(at: int, kept: Any) -> Any:
        with torch.no_grad():
            changed = torch.where(torch.from_numpy(kept).view(-1, 1, 6, 6), features[at], base[at])
            return model.tail(changed, trunk[at : at + 1].expand(len(changed), -1, -1, -1))[:, targets[at]].numpy()

    return gain(maps.numpy(), score, steps)


def mean_of_all(features: Tensor) -> Tensor:
    return features.mean((0, 2, 3), keepdim=True).expand(len(features), -1, 1, 1)


@pytest.mark.parametrize(("network", "layer"), [(Cut, "neck"), (Skip, "neck"), (Views, "neck"), (Tokens, "embed")])
@pytest.mark.parametrize("count", [3, 1])
def test_gain_head_is_that_of_the_tail_run_by_hand(network: type[Cut], layer: str, count: int) -> None:
    model = network().eval()
    result = CAM(model, layer, ["grad_cam", "random_cam"], measures="gain_head_mean")(IMAGES[:count])
    for method in ("grad_cam", "random_cam"):
        base = mean_of_all if count == 3 else lambda features: features.mean((2, 3), keepdim=True)
        expected = by_hand(model, result.maps[method, layer], result.targets.tolist(), base)
        numbers = [result.measures[name][method, layer].numpy() for name in ("gain_head_mean", "gain_head_mean_logits")]
        np.testing.assert_allclose(numbers[0], expected.normalised, atol=1e-5, rtol=1e-4)
        np.testing.assert_allclose(numbers[1], expected.logits, atol=1e-5, rtol=1e-4)


def flops(function: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter:
        function()
    return int(counter.get_total_flops())


@pytest.mark.parametrize("network", [Cut, Views])
def test_gain_head_runs_what_follows_the_layer_and_nothing_else(network: type[Cut]) -> None:
    model = network().eval()
    plain, measuring = CAM(model, "neck"), CAM(model, "neck", measures="gain_head")
    measuring(IMAGES)  # which learns once what stands in front of the layer
    rows = len(IMAGES) * (2 + 2 * 5)  # the ends, and what lies between 6 steps of 6 cells, on two curves
    with torch.no_grad():
        features = torch.zeros(rows, 8, 6, 6)
        tail = flops(lambda: model.tail(features, features))
    assert flops(lambda: measuring(IMAGES)) - flops(lambda: plain(IMAGES)) == tail


def test_behind_a_relu_the_baseline_is_zero() -> None:
    model = pooled()
    names = ("gain_head", "gain_head_zero")
    by_default, zero = (CAM(model, "1", measures=name)(IMAGES).measures[f"{name}_logits"] for name in names)
    assert torch.equal(by_default["grad_cam", "1"], zero["grad_cam", "1"])


def test_behind_mean_pooling_a_pictures_own_mean_gives_no_value_and_says_so() -> None:
    model = pooled()
    result = CAM(model, "1", measures="gain_head_own")(IMAGES)
    assert result.measures["gain_head_own"]["grad_cam", "1"].isnan().all()
    assert result.measures["gain_head_own_logits"]["grad_cam", "1"].isfinite().all()
    (note,) = result.notes
    assert note == (
        "gain_head_own of grad_cam at 1: no value for 3 of 3 maps: taking everything away costs less than 1 % of the "
        "score's spread (gain_head_own_logits has one)"
    )


@pytest.mark.parametrize("name", ["gain", "gain_zero"])
def test_gain_takes_cells_of_the_picture_away(name: str) -> None:
    model = Cut().eval()
    result = CAM(model, "neck", measures=name)(IMAGES)
    maps = torch.nn.functional.interpolate(result.maps["grad_cam", "neck"][:, None], (12, 12), mode="bilinear")

    def score(at: int, kept: Any) -> Any:
        base = IMAGES[at].mean((1, 2), keepdim=True) if name == "gain" else torch.zeros(1)
        with torch.no_grad():
            rows = torch.where(torch.from_numpy(kept).view(-1, 1, 12, 12), IMAGES[at], base)
            return model(rows)[:, result.targets[at]].numpy()

    expected = gain(maps[:, 0].numpy(), score, 4)
    np.testing.assert_allclose(result.measures[name]["grad_cam", "neck"], expected.normalised, atol=1e-5)
    np.testing.assert_allclose(result.measures[f"{name}_logits"]["grad_cam", "neck"], expected.logits, atol=1e-5)


def test_class_sensitivity_compares_with_the_runner_up() -> None:
    model = Cut().eval()
    result = CAM(model, "neck", ["grad_cam", "eigen_cam", "score_cam"], measures="class_sensitivity")(IMAGES)
    second = model(IMAGES).argsort(dim=1, descending=True)[:, 1].tolist()
    other = CAM(model, "neck", ["grad_cam", "score_cam"])(IMAGES, second)
    for method in ("grad_cam", "score_cam"):
        expected = class_sensitivity(result.maps[method, "neck"].numpy(), other.maps[method, "neck"].numpy())
        np.testing.assert_allclose(result.measures["class_sensitivity"][method, "neck"], expected, atol=1e-4)
    torch.testing.assert_close(result.measures["class_sensitivity"]["eigen_cam", "neck"], torch.zeros(3))


def test_of_a_class_that_is_not_the_first_the_first_is_its_rival() -> None:
    model = Cut().eval()
    ranked = model(IMAGES).argsort(dim=1, descending=True)
    one, two = (CAM(model, "neck", measures="class_sensitivity")(IMAGES, ranked[:, at].tolist()) for at in (0, 1))
    numbers = [result.measures["class_sensitivity"]["grad_cam", "neck"] for result in (one, two)]
    torch.testing.assert_close(*numbers)


def test_maps_are_the_same_whatever_is_measured() -> None:
    model = Cut().eval()
    plain = CAM(model, "neck")(IMAGES, [[0, 1], [2], [3]])
    with_all = CAM(model, "neck", measures=("gain_head", "class_sensitivity", "gain", "average_drop"))
    measured = with_all(IMAGES, [[0, 1], [2], [3]])
    assert torch.equal(plain.maps["grad_cam", "neck"], measured.maps["grad_cam", "neck"])
    assert all(len(values) == 4 for by_key in measured.measures.values() for values in by_key.values())


def test_segmentations_are_measured_by_the_score_that_is_explained() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1)).eval()
    result = CAM(model, "1", measures=("gain_head", "class_sensitivity"))(IMAGES, ClassInMask(1))
    assert result.measures["gain_head"]["grad_cam", "1"].isfinite().any()
    assert result.measures["class_sensitivity"]["grad_cam", "1"].isfinite().all()


class Boxes(Cut):
    """Detects two boxes in each image, always at one place."""

    def forward(self, images: list[Tensor]) -> list[dict[str, Tensor]]:
        boxes, labels = torch.tensor([[0.0, 0, 6, 6], [6, 6, 12, 12]]), torch.tensor([1, 2])
        scores = super().forward(torch.stack(images)).sigmoid()[:, 1:3]
        return [{"boxes": boxes, "labels": labels, "scores": row} for row in scores]


def test_the_gain_of_a_detected_box_follows_its_score() -> None:
    model = Boxes().eval()
    measures = ("gain", "class_sensitivity", "average_drop", "mosaic", "concentration")
    result = CAM(model, "neck", measures=measures)(list(IMAGES))
    assert result.count == 3
    maps = torch.nn.functional.interpolate(result.maps["grad_cam", "neck"][:, None], (12, 12), mode="bilinear")
    boxes, samples = [int(name[-1]) for name in result.names], list(result.samples)

    def score(at: int, kept: Any) -> Any:
        own = IMAGES[samples[at]]
        rows = torch.where(torch.from_numpy(kept).view(-1, 1, 12, 12), own, own.mean((1, 2), keepdim=True))
        with torch.no_grad():
            return np.array([float(found["scores"][boxes[at]]) for found in model(list(rows))])

    expected = gain(maps[:, 0].numpy(), score, 4)
    np.testing.assert_allclose(result.measures["gain_logits"]["grad_cam", "neck"], expected.logits, atol=1e-5)
    assert set(result.measures) == {"gain", "gain_logits", "concentration"}
    left_out = [note.partition(" left out: ")[0] for note in result.notes if "left out" in note]
    assert left_out == ["class_sensitivity", "average_drop", "mosaic"]
    assert any("scores (N, K) of classes, and explained is class" in note for note in result.notes)


def test_where_a_measure_is_not_defined_the_notes_say_why() -> None:
    result = CAM(Cut().eval(), "neck", measures=("class_sensitivity", "average_drop"))(IMAGES, Contrast(0, 1))
    assert result.measures == {}
    assert [note.split(":")[0] for note in result.notes] == ["class_sensitivity left out", "average_drop left out"]


def test_in_training_mode_a_captured_pass_has_no_gain() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 4, 3),
        nn.BatchNorm2d(4),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    cam = CAM(model, "2", measures="gain_head")
    with cam.capture() as capture:
        model.train()(IMAGES)
    result = capture.result()
    assert "gain_head" not in result.measures
    assert "as in training mode" in result.notes[0]


def test_a_captured_pass_in_evaluation_mode_has_the_same_gain() -> None:
    model = Cut().eval()
    cam = CAM(model, "neck", measures="gain_head")
    with torch.inference_mode(), cam.capture() as capture:
        model(IMAGES)
    name = "gain_head_logits"
    captured, called = capture.result().measures[name], cam(IMAGES).measures[name]
    torch.testing.assert_close(captured["grad_cam", "neck"], called["grad_cam", "neck"])


def test_measures_that_need_passes_are_not_for_captured_ones() -> None:
    with pytest.raises(ValueError, match="gain needs forward passes of its own"):
        CAM(Cut(), "neck", measures="gain").capture()


class Colours(nn.Module):
    """Sees red, green and blue: class 3 is grey."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 1, bias=False)
        self.pool = nn.AvgPool2d(2)
        with torch.no_grad():
            self.layer.weight[:3, :, 0, 0] = 2 * torch.eye(3) - 0.9
            self.layer.weight[3, :, 0, 0] = 0.3

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(self.pool(x)).relu().mean((2, 3))


def coloured() -> Tensor:
    images = torch.zeros(5, 3, 8, 8)
    for number, colour in enumerate([(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1), (1, 0, 0)]):
        images[number] = torch.tensor(colour).view(3, 1, 1)
    return images


def test_a_map_of_a_class_lies_on_its_own_picture_of_a_mosaic() -> None:
    result = CAM(Colours().eval(), "layer", ["grad_cam", "fem"], measures="mosaic")(coloured())
    assert result.targets.tolist() == [0, 1, 2, 3, 0]
    torch.testing.assert_close(result.measures["mosaic"]["grad_cam", "layer"][:3], torch.ones(3))
    assert result.measures["mosaic"]["grad_cam", "layer"].isfinite().all()


def test_a_mosaic_needs_pictures_of_other_classes() -> None:
    result = CAM(Colours().eval(), "layer", measures="mosaic")(coloured()[[0, 4]])
    assert result.notes == ("mosaic left out: it needs pictures of several classes, and all have the same class",)


@pytest.mark.parametrize("given", [True, "another"])
def test_randomisation_against_a_copy_is_that_of_the_copys_maps(given: Any) -> None:
    model, other = Cut().eval(), Cut().eval()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(3))
    state, weights = torch.get_rng_state(), [parameter.clone() for parameter in model.parameters()]
    cam = CAM(model, "neck", measures="randomisation", randomised=other if given == "another" else given)
    result = cam(IMAGES, [[0, 1], [2], [3]])
    assert torch.equal(torch.get_rng_state(), state)
    assert all(map(torch.equal, model.parameters(), weights))
    copied = other if given == "another" else randomised(model)
    maps = CAM(copied, "neck")(IMAGES, [[0, 1], [2], [3]]).maps["grad_cam", "neck"]
    expected = [
        spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(result.maps["grad_cam", "neck"], maps, strict=True)
    ]
    np.testing.assert_allclose(result.measures["randomisation"]["grad_cam", "neck"], expected, atol=1e-5)
    again = cam(IMAGES, [[0, 1], [2], [3]]).measures["randomisation"]["grad_cam", "neck"]
    assert torch.equal(again, result.measures["randomisation"]["grad_cam", "neck"])


def test_a_randomised_copy_has_none_of_the_weights() -> None:
    model = Tokens()
    copied = randomised(model)
    same = [name for name, own in model.named_parameters() if torch.equal(own, dict(copied.named_parameters())[name])]
    # Norms begin with ones and zeros, and an attention's biases with zeros, as they did in this untrained model.
    assert all("norm" in name or "bias" in name for name in same), same
    assert not torch.equal(model.token, copied.token)


def test_the_model_is_let_go_of_with_its_cam() -> None:
    model = Cut().eval()
    cam = CAM(model, "neck", measures=("gain_head", "class_sensitivity"))
    cam(IMAGES)
    gone = weakref.ref(model)
    del model, cam
    gc.collect()
    assert gone() is None
