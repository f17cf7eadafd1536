"""What is taken out of pictures and put into others, and what flips."""

from __future__ import annotations

import numpy as np

from tensorboard_plugin_gradcam.findings import Finding, Region
from tensorboard_plugin_gradcam.replaying.proving import pixels_of, provable, prove, without

CORNER = Region(0, 0, 0.25, 0.25)
MARKED = Finding(
    "hot_spot", "r", "val", "grad_cam", "l", 3, group=1, region=CORNER, count=4, of=4,
    numbers={"other_hits": 0, "other_of": 9},
)  # fmt: skip


def looks_at_the_corner(pictures):
    """Answer 1 where the upper left corner is bright."""
    return (pictures[:, :4, :4].mean(axis=(1, 2, 3)) > 0.5).astype(int)


def looks_elsewhere(pictures):
    return (pictures[:, 8:, 8:].mean(axis=(1, 2, 3)) > 0.5).astype(int)


def pictures(count, corner, rest):
    found = np.full((count, 16, 16, 1), rest, np.float32)
    found[:, :4, :4] = corner
    return found


def test_a_network_that_looks_at_a_mark_flips_with_it():
    proof = prove(MARKED, pictures(4, 1, 0.1), pictures(60, 0.1, 0.1), looks_at_the_corner, ("functional", "defective"))
    assert (proof.removed_from, proof.removed_flipped) == (4, 4)
    assert (proof.pasted_into, proof.pasted_flipped, proof.control_flipped) == (50, 50, 0)
    assert "pasted into 50 pictures of other classes, 50 became `defective`" in str(proof)


def test_a_network_that_does_not_need_the_mark_stays_as_it_is():
    proof = prove(MARKED, pictures(4, 1, 0.9), pictures(9, 0.1, 0.1), looks_elsewhere)
    assert (proof.removed_from, proof.removed_flipped) == (4, 0)
    assert (proof.pasted_into, proof.pasted_flipped) == (9, 0)


def test_without_other_classes_nothing_is_pasted():
    proof = prove(MARKED, pictures(4, 1, 0.1), pictures(0, 0, 0), looks_at_the_corner)
    assert (proof.removed_flipped, proof.pasted_into) == (4, 0)


def test_a_slope_is_filled_as_if_nothing_had_stood_there():
    slope = np.add.outer(np.arange(12.0), 2 * np.arange(12.0))[..., None].astype(np.float32)
    at = slice(3, 7), slice(4, 9)
    marked = slope.copy()
    marked[at] = 99
    assert np.allclose(without(marked, at), slope)


def test_at_the_edge_of_the_picture_the_line_opposite_fills():
    picture = np.full((8, 8, 3), 5, np.float32)
    picture[:3, :3] = 77
    assert np.allclose(without(picture, (slice(0, 3), slice(0, 3))), 5)
    assert np.allclose(without(picture, (slice(0, 8), slice(0, 8))), picture.mean(axis=(0, 1)))


def test_a_region_covers_at_least_a_pixel():
    assert pixels_of(Region(0.99, 0, 1, 0.01), (10, 10)) == (slice(0, 1), slice(9, 10))


def test_each_region_and_class_is_tried_once():
    frame = Finding("hot_spot", "r", "val", "m", "l", 3, group=1, region=Region(0, 0, 1, 1, (0.1, 0.1, 0.9, 0.9)))
    other = Finding("hot_spot", "r", "train", "m", "l", 3, group=1, region=CORNER)
    nowhere = Finding("change", "r", "val", "m", "l", 3, group=1)
    assert provable([MARKED, MARKED, frame, other, nowhere], "val") == [MARKED]
