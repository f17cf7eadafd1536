"""What can't be explained is answered with words that name the value and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import ClassInMask, Contrast, DetectedBox, MatchedBox, Probability
from tensorboard_plugin_gradcam.cam.boxes import best_of_class

IMAGES = torch.rand(2, 3, 12, 16, generator=torch.Generator().manual_seed(0))


class Network(nn.Module):
    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 3, padding=1))
        self.pool, self.head = nn.AdaptiveAvgPool2d(1), nn.Linear(8, classes)
        self.spare = nn.Conv2d(3, 3, 1)

    def forward(self, images: Tensor) -> Any:
        return self.head(self.pool(self.features(images).relu()).flatten(1))


class Segmenter(Network):
    def forward(self, images: Tensor) -> Tensor:
        return self.features(images)  # type: ignore[no-any-return]


class Mute(Network):
    def forward(self, images: Tensor) -> Any:
        scores = super().forward(images)
        return {"first": scores, "second": scores}


class Merging(Network):
    def forward(self, images: Tensor) -> Any:
        return super().forward(images)[:1]


TARGETS: dict[str, tuple[Any, type[Exception], str]] = {
    "a list too short": ([1], ValueError, "expected 2 targets, one for each image, got 1"),
    "a tensor too long": (torch.tensor([1, 2, 3]), ValueError, "expected 2 targets, one for each image, got 3"),
    "no class": (5, ValueError, "expected a class from 0 to 4, got 5"),
    "one of them no class": ([0, 7], ValueError, "expected a class from 0 to 4, got 7"),
    "a negative class": (-1, ValueError, "expected a class from 0 to 4, got -1"),
    "a float": (2.0, TypeError, "expected a class index (a whole number), a target or a callable, got 2.0"),
    "floats": (torch.tensor([1.0, 2.0]), TypeError, "got 1.0"),
    "a truth value": (True, TypeError, "got True"),
    "a name": ("dog", TypeError, "got 'dog'"),
    "one-hot labels": (torch.eye(5)[:2], ValueError, "expected classes of shape (N,), got (2, 5): of one-hot labels"),
    "an empty list for an image": ([[1], []], ValueError, "expected at least one target for each image"),
    "a probability of no class": (Probability(5), ValueError, "expected a class from 0 to 4, got 5"),
    "a contrast to no class": (Contrast(1, 6), ValueError, "expected a class from 0 to 4, got 6"),
    "a mask for a classifier's class": (ClassInMask(9), ValueError, "expected a class from 0 to 4, got 9"),
    "a box for a classifier": (DetectedBox(), TypeError, "expected a detector, whose outputs are boxes"),
    "a callable that gives a vector": (lambda output: output, ValueError, "one number, a tensor with a graph, got a"),
    "a callable that gives a float": (lambda output: 1.5, ValueError, "got 1.5"),
}


@pytest.mark.parametrize("what", TARGETS)
def test_a_target_that_does_not_fit_is_told(what: str) -> None:
    target, kind, message = TARGETS[what]
    with pytest.raises(kind) as raised:
        CAM(Network())(IMAGES, target)
    assert message in str(raised.value)


def on_meta() -> Tensor:
    return IMAGES.to("meta")


INPUTS: dict[str, tuple[Callable[[], Any], str]] = {
    "an empty batch": (lambda: IMAGES[:0], "expected at least one image, got an empty batch of shape (0, 3, 12, 16)"),
    "an empty list": (list, "expected a batch of inputs (N, C, ...), a torch tensor, among"),
    "no images": (lambda: IMAGES[0, 0], "got of shape (12, 16)"),
    "an array": (lambda: IMAGES.numpy(), "got a ndarray"),
    "an image without its batch": (
        lambda: IMAGES[0],
        "(N, C, H, W), got a tensor of 3 axes: add a batch axis: images[None]",
    ),
    "bytes": (lambda: (IMAGES * 255).byte(), "got torch.uint8: scale and normalize them as for training"),
    "half precision": (lambda: IMAGES.half(), "as the model's weights, got torch.float16: convert them with"),
    "another device": (on_meta, "expected inputs on cpu, where the model is, got inputs on meta: move them with"),
}


@pytest.mark.parametrize("layers", [None, "features"])
@pytest.mark.parametrize("what", INPUTS)
def test_inputs_that_do_not_fit_are_told(what: str, layers: str | None) -> None:
    make, message = INPUTS[what]
    with pytest.raises(ValueError) as raised:
        CAM(Network(), layers)(make())
    assert message in str(raised.value)


def test_an_error_of_the_models_own_is_not_explained_away() -> None:
    with pytest.raises(RuntimeError, match="channels"):
        CAM(Network())(torch.rand(2, 4, 12, 16))


MODELS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "a function": (lambda: CAM(lambda x: x), TypeError, "expected a torch.nn.Module, got function"),  # type: ignore[arg-type,return-value]
    "a path": (lambda: CAM("model.pt"), TypeError, "expected a torch.nn.Module, got str"),  # type: ignore[arg-type]
    "an unknown layer": (lambda: CAM(Network(), "feature"), ValueError, "such as features, features.2, features.1"),
    "a layer far from any": (lambda: CAM(Network(), "zzz"), ValueError, "such as features, features.0"),
    "another model's layer": (lambda: CAM(Network(), nn.ReLU()), ValueError, "got a ReLU that is not one of its"),
    "a layer that did not run": (lambda: CAM(Network(), "spare")(IMAGES), ValueError, "'spare' did not run"),
    "a map of one cell": (lambda: CAM(Network(), "pool")(IMAGES), ValueError, "'pool' has a map of one cell"),
    "no space": (lambda: CAM(Network(), "head")(IMAGES), ValueError, "got shape (2, 5): pass reshape="),
    "a reshape that does not fit": (
        lambda: CAM(Network(), "features", reshape=lambda cells: cells.flatten(2))(IMAGES),
        ValueError,
        "expected reshape= to return (2, C, ...) with 2 spatial axes, got (2, 8, 192)",
    ),
    "outputs that hide the scores": (
        lambda: CAM(Mute())(IMAGES),
        TypeError,
        "got a dict with 'first', 'second': wrap the model in a module that returns the scores",
    ),
    "outputs of fewer images": (lambda: CAM(Merging())(IMAGES), ValueError, "each of 2 images, the batch axis first"),
    "a segmentation's top class": (lambda: CAM(Segmenter())(IMAGES), ValueError, "for segmentation a class, or one"),
    "a mask of another size": (
        lambda: CAM(Segmenter())(IMAGES, ClassInMask(1, torch.ones(6, 8))),
        ValueError,
        "expected a mask of the output's shape (12, 16), got (6, 8): resize it",
    ),
    "an empty mask": (
        lambda: CAM(Segmenter())(IMAGES, ClassInMask(1, torch.zeros(12, 16))),
        ValueError,
        "expected a mask with at least one pixel for class 1",
    ),
}


@pytest.mark.parametrize("what", MODELS)
def test_a_model_or_layer_that_cannot_be_explained_is_told(what: str) -> None:
    make, kind, message = MODELS[what]
    with pytest.raises(kind) as raised:
        make()
    assert message in str(raised.value)


BOXES = {
    "boxes": torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10]]),
    "labels": torch.tensor([2, 4]),
    "scores": torch.tensor([0.3, 0.8]),
}
NO_BOXES = {name: values[:0] for name, values in BOXES.items()}


@pytest.mark.parametrize(
    ("find", "message"),
    [
        (lambda: DetectedBox(2).find(BOXES), "expected one of 2 detected boxes, got DetectedBox(2): lower"),
        (lambda: DetectedBox().find(NO_BOXES), "expected one of 0 detected boxes"),
        (lambda: MatchedBox((0, 0, 10, 10), 4).find(BOXES), "box of class 4 that overlaps (0, 0, 10, 10) by 0.5"),
        (lambda: MatchedBox((5, 0, 10, 10)).find(NO_BOXES), "got 0.00 at best: lower the detector's score threshold"),
        (lambda: best_of_class(3, BOXES), "expected a detected class (2, 4), got 3"),
    ],
)
def test_a_box_that_was_not_detected_is_told(find: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError) as raised:
        find()
    assert message in str(raised.value)


def test_boxes_are_found_by_rank_overlap_and_class() -> None:
    assert DetectedBox(0).find(BOXES).position == 1, "the most certain one"
    assert MatchedBox((1, 0, 11, 10)).find(BOXES).position == 0
    assert MatchedBox((1, 0, 11, 10), label=4, min_iou=0.4).find(BOXES).index == 4  # 6 of 14 columns
    assert best_of_class(2, BOXES).position == 0


def test_a_box_is_looked_for_again_by_overlap_and_class() -> None:
    def output(*boxes: tuple[float, int, float]) -> dict[str, Tensor]:
        return {
            "boxes": torch.tensor([[x, 0.0, x + 10, 10.0] for x, _, _ in boxes]).view(-1, 4),
            "labels": torch.tensor([label for _, label, _ in boxes], dtype=torch.int64),
            "scores": torch.tensor([score for _, _, score in boxes]),
        }

    target = DetectedBox(0).find(output((0, 1, 0.9), (30, 1, 0.8)))
    seen = [
        (output((0, 1, 0.7), (0, 1, 0.6)), 0.7), (output((30, 1, 0.8), (2, 1, 0.6)), 0.6),
        (output((30, 1, 0.8)), 0.0), (output((0, 2, 0.8)), 0.0), (output(), 0.0), (output((6, 1, 0.8)), 0.0),
    ]  # fmt: skip
    for other, score in seen:
        assert float(target(other)) == pytest.approx(score)


def test_a_map_without_positive_evidence_is_flagged_by_what_it_lacks() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sigmoid(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    nn.init.constant_(model[4].weight, -1.0)
    nn.init.constant_(model[0].weight, 5.0)
    result = CAM(model, "1")(IMAGES, 2)
    assert float(next(iter(result.maps.values())).max()) < 0
    assert list(result.flags.values()) == [("no positive evidence for class 2",) * 2]
    assert float(result.masks().abs().max()) == 0


@pytest.mark.parametrize(
    ("value", "where", "cause"),
    [(float("nan"), "inputs", "inputs hold NaN"), (float("inf"), "weights", "layer's activations hold NaN")],
)
def test_maps_that_are_not_finite_are_flagged_and_warned_of(value: float, where: str, cause: str) -> None:
    model, images = Network(), IMAGES.clone()
    if where == "inputs":
        images[1, 0, 3, 3] = value
    else:
        model.features[2].weight.data[0, 0, 0, 0] = value
    with pytest.warns(UserWarning, match=rf"grad_cam at 'features': maps .*are not finite, for the {cause}"):
        result = CAM(model, "features")(images, 2)
    (flags,) = result.flags.values()
    assert flags[1] == "not finite"
    assert flags[0] == ("" if where == "inputs" else "not finite")


def test_a_layer_that_runs_once_is_found_beside_one_that_runs_twice() -> None:
    class Twice(Network):
        def forward(self, images: Tensor) -> Any:
            features = self.features(images)
            return self.head(self.pool(self.features[2](self.features[0](features[:, :3])).relu()).flatten(1))

    cam = CAM(Twice())
    cam(IMAGES)
    assert cam.layers == ("features",)


def test_no_flag_is_raised_where_there_is_nothing_to_say() -> None:
    assert list(CAM(Network(), "features")(IMAGES).flags.values()) == [("", "")]


def test_the_callers_reshape_arranges_what_is_not_recognised() -> None:
    class Rows(Network):
        """Gives its cells as one long row, channels last."""

        def __init__(self) -> None:
            super().__init__()
            self.rows = nn.Flatten(2)

        def forward(self, images: Tensor) -> Any:
            return self.head(self.rows(self.features(images)).relu().mean(2))

    expected = CAM(Network(), "features")(IMAGES, 3).maps["grad_cam", "features"]
    result = CAM(Rows(), "rows", reshape=lambda rows: rows.unflatten(2, (12, 16)))(IMAGES, 3)
    torch.testing.assert_close(result.maps["grad_cam", "rows"], expected)
