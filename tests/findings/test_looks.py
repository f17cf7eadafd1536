"""Whether pictures look alike at a place, beside plain loops and OpenCV."""

from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np
import pytest

from tensorboard_plugin_gradcam.findings import look_at, looks_alike, mean_picture, png, squared
from tensorboard_plugin_gradcam.findings.windows import Region

CORNER = Region(0, 0, 0.25, 0.25)


def pictures(seed, count, *, mark=False):
    random = np.random.default_rng(seed)
    common = random.integers(0, 120, (32, 32))
    found = (common + random.integers(0, 120, (count, 32, 32))).astype(np.float32)
    if mark:
        found[:, 1:6, 1:6] = 250
    return found


def test_likeness_is_the_mean_correlation_of_all_pairs_of_crops_less_the_others_mean():
    some, others = pictures(0, 6, mark=True), pictures(1, 9)
    look = look_at(CORNER, some, others)
    # A quarter is 8 pixels; half as much again is 10, for the corner has nothing beyond it on two sides.
    rest = [(picture - others.mean(axis=0))[:10, :10].ravel() for picture in some]
    expected = np.mean([np.corrcoef(one, other)[0, 1] for one, other in combinations(rest, 2)])
    assert look.alike == pytest.approx(expected, abs=1e-5)
    assert look.mean.box == (0, 0, 10 / 32, 10 / 32)
    np.testing.assert_array_equal(look.mean.pixels, np.rint(some.mean(axis=0)[:10, :10]))


def test_a_mark_looks_alike_and_what_all_pictures_have_there_does_not():
    marked = look_at(CORNER, pictures(0, 20, mark=True), pictures(0, 40)[20:])
    plain = look_at(CORNER, pictures(0, 40)[:20], pictures(0, 40)[20:])
    assert looks_alike(marked.alike, marked.other_alike)
    assert not looks_alike(plain.alike, plain.other_alike)


def test_a_frame_is_compared_without_what_is_inside_it():
    frame = Region(0, 0, 1, 1, hole=(0.25, 0.25, 0.75, 0.75))
    some, others = pictures(0, 8), pictures(0, 30)[8:]
    before = look_at(frame, some, others)
    some[:, 8:24, 8:24] = 0
    assert look_at(frame, some, others).alike == before.alike


def test_beside_a_frame_that_all_have_brighter_pictures_do_not_look_alike():
    bright, others = 60 + pictures(0, 60)[:20], pictures(0, 60)[20:]
    for found in (bright, others):
        found[:, :2], found[:, -2:], found[:, :, :2], found[:, :, -2:] = 255, 255, 255, 255
    for region in (CORNER, Region(0, 0, 1, 1, hole=(0.25, 0.25, 0.75, 0.75))):
        look = look_at(region, bright, others)
        assert not looks_alike(look.alike, look.other_alike)


@pytest.mark.parametrize("known", [(4, 9), (9, 4)])
def test_nothing_is_said_of_fewer_than_five_pictures(known):
    some, others = pictures(0, 9), pictures(1, 9)
    some[known[0] :], others[known[1] :] = np.nan, np.nan
    assert look_at(CORNER, some, others) is None


def test_thumbnails_of_any_shape_are_brought_to_a_square_by_area():
    wide = np.arange(2 * 4, dtype=np.uint8).reshape(2, 4) * 30
    found = squared([wide, None])
    np.testing.assert_allclose(found[0], np.repeat(np.repeat(wide, 16, axis=0), 8, axis=1), rtol=1e-5)
    assert np.isnan(found[1]).all()


def test_the_mean_picture_leaves_out_what_is_not_known():
    some = pictures(0, 3)
    some[1] = np.nan
    np.testing.assert_array_equal(mean_picture(some), np.rint((some[0] + some[2]) / 2))
    assert mean_picture(some[1:2]) is None


def test_png_is_what_opencv_reads():
    grey = np.random.default_rng(0).integers(0, 255, (5, 9), np.uint8)
    read = cv2.imdecode(np.frombuffer(png(grey), np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(read, grey)
