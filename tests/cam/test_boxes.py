"""Overlaps of boxes against areas counted pixel by pixel, and which box is meant."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from tensorboard_plugin_gradcam.cam import DetectedBox, MatchedBox, NothingDetected, skipping_what_is_not_there
from tensorboard_plugin_gradcam.cam.boxes import BoxScore, _overlaps, best_of_class, is_skipping

EDGES = some.tuples(some.integers(0, 12), some.integers(0, 12), some.integers(1, 8), some.integers(1, 8))
Box = tuple[int, int, int, int]


def pixels(box: Box) -> set[tuple[int, int]]:
    x, y, width, height = box
    return {(column, row) for column in range(x, x + width) for row in range(y, y + height)}


def corners(box: Box) -> tuple[float, float, float, float]:
    x, y, width, height = box
    return (float(x), float(y), float(x + width), float(y + height))


@settings(deadline=None)
@given(some.lists(EDGES, min_size=1, max_size=4), EDGES)
def test_overlaps_are_those_of_their_pixels(boxes: list[Box], other: Box) -> None:
    found = _overlaps(torch.tensor([corners(box) for box in boxes]), corners(other))
    expected = [len(pixels(box) & pixels(other)) / len(pixels(box) | pixels(other)) for box in boxes]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_boxes_apart_on_both_axes_do_not_overlap() -> None:
    """The product of two negative edges is no area."""
    found = _overlaps(torch.tensor([[0.0, 0, 10, 10]]), (19.0, 19, 29, 29))
    assert found.tolist() == [0]


OUTPUT = {
    "boxes": torch.tensor([[0.0, 0, 10, 10], [0, 0, 9, 10], [50, 50, 60, 60]]),
    "labels": torch.tensor([1, 2, 1]),
    "scores": torch.tensor([0.5, 0.9, 0.7]),
}


def test_which_box_is_meant() -> None:
    assert [DetectedBox(place).find(OUTPUT).position for place in range(3)] == [1, 2, 0]
    assert MatchedBox((0, 0, 10, 10)).find(OUTPUT).position == 0
    assert MatchedBox((0, 0, 10, 10), label=2).find(OUTPUT).position == 1
    assert best_of_class(1, OUTPUT).position == 2
    assert BoxScore.at(0, OUTPUT)(OUTPUT) == 0.5
    for missing in (DetectedBox(3), MatchedBox((20, 20, 30, 30)), MatchedBox((0, 0, 10, 10), label=3)):
        with pytest.raises(NothingDetected, match="expected"):
            missing.find(OUTPUT)


def test_a_box_is_found_again_where_others_come_first_and_scores_0_where_it_is_gone() -> None:
    box = BoxScore.at(0, OUTPUT)
    order = torch.tensor([2, 1, 0])
    assert box({name: values[order] for name, values in OUTPUT.items()}) == 0.5
    assert box({name: values[1:] for name, values in OUTPUT.items()}) == 0
    assert box({name: values[:0] for name, values in OUTPUT.items()}) == 0


def test_skipping_ends_with_its_block() -> None:
    seen = []

    def fail() -> None:
        with skipping_what_is_not_there():
            seen.append(is_skipping())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert [*seen, is_skipping()] == [True, False]
