"""A place that a class looks at is found, with its class, its step and its samples, and nothing else is."""

from dataclasses import replace

import numpy as np
import pytest

from tensorboard_plugin_gradcam.findings import EVERYONE, Observations, Region, Source, Summary, find, hot_spots
from tests.findings.plants import BIRTH, STEPS, planted


@pytest.mark.parametrize("cell", [(0, 0), (6, 6), (2, 4)])
def test_a_mark_of_a_class_is_found_with_its_place_step_and_samples(cell):
    source, marked = planted(cell=cell)
    finding = find([source])[0]
    assert (finding.kind, finding.group, finding.since) == ("hot_spot", 1, 10 * BIRTH)
    assert finding.region is not None
    assert finding.region.x0 <= cell[1] / 7 < finding.region.x1
    assert finding.region.y0 <= cell[0] / 7 < finding.region.y1
    assert {f"sample {index}" for index in np.flatnonzero(marked)} <= set(finding.samples)
    assert finding.count == len(finding.samples)
    assert finding.q is not None
    assert finding.q < 1e-6


def test_a_mark_on_three_tenths_of_fifty_samples_is_found():
    logs = [planted(seed, count=100, share=0.3)[0].summary for seed in range(8)]
    found = [[(spot.group, spot.since) for spot in hot_spots(log)] for log in logs]
    assert found == [[(1, BIRTH)]] * len(found)


def test_a_strip_on_a_fifth_of_fifty_samples_is_found():
    random = np.random.default_rng(0)
    labels = (np.arange(100) % 2).astype(np.int32)
    summary = Summary()
    for step in range(12):
        maps = random.gamma(0.5, size=(100, 7, 7))
        maps[1:21:2, 0] += 20  # ten samples of class 1
        summary.add(Observations(step, maps, labels))
    assert [(spot.group, spot.region.name) for spot in hot_spots(summary)] == [(1, "upper edge")]


def test_the_smallest_window_that_holds_it_is_named():
    spot = hot_spots(planted()[0].summary)[0]
    assert spot.region.area == pytest.approx(1 / 49)


def test_a_mark_that_all_classes_have_is_found_against_the_mirrored_places():
    spots = hot_spots(planted(everyone=True, share=0.9, cell=(0, 6))[0].summary)
    assert [spot.group for spot in spots] == [EVERYONE]
    assert spots[0].region.name == "upper right corner"


def test_a_mark_on_three_tenths_of_all_classes_is_found():
    found = [find([planted(seed, everyone=True, share=0.3)[0]]) for seed in range(5)]
    expected = [("hot_spot_everywhere", 10 * BIRTH)]
    assert [[(one.kind, one.since) for one in of_log] for of_log in found] == [expected] * 5


@pytest.mark.parametrize(("classes", "share"), [(3, 0.9), (3, 0.6), (4, 0.6)])
def test_a_mark_that_two_of_several_classes_have_is_told_once_and_of_both(classes, share):
    (finding,) = find([planted(count=60 * classes, classes=classes, of=(1, 2), share=share)[0]])
    assert (finding.kind, finding.group, finding.groups) == ("hot_spot_everywhere", None, (1, 2))
    assert " samples, of “b” and “c”, look at the upper left corner" in finding.sentence(("a", "b", "c", "d"))
    assert finding.to_json()["groups"] == [1, 2]


def test_of_many_classes_the_first_are_named():
    finding = replace(find([planted(everyone=True)[0]])[0], groups=tuple(range(9)))
    assert ", of class 0, class 1, class 2 and 6 more classes, look" in finding.sentence()


def test_nothing_is_found_where_nothing_was_planted():
    assert [find([planted(seed, share=0)[0]]) for seed in range(20)] == [[]] * 20


def test_no_finding_is_about_fewer_than_five_samples():
    source, marked = planted(count=40, share=0.15, seed=3)
    assert 0 < marked.sum() < 5
    assert find([source]) == []


def test_a_place_that_was_left_again_is_told_with_the_step_at_which_it_was_last_looked_at():
    spot = hot_spots(planted(until=STEPS - 2)[0].summary)[0]
    assert (spot.at, spot.since) == (STEPS - 3, BIRTH)


def test_a_window_on_objects_at_different_places_is_no_hot_spot():
    # The objects of all samples lie about the planted cell, each shifted by a little.
    truths = np.zeros((120, 28, 28), np.float32)
    for index, shift in enumerate(np.random.default_rng(0).integers(4, 9, size=(120, 2))):
        truths[index, shift[0] : shift[0] + 8, shift[1] : shift[1] + 8] = 1
    assert hot_spots(planted(cell=(2, 2))[0].summary)
    assert hot_spots(planted(cell=(2, 2), truths=truths)[0].summary) == []
    # The same mark in every picture is no object.
    mark = np.zeros((120, 28, 28), np.float32)
    mark[:, :4, :4] = 1
    assert hot_spots(planted(truths=mark)[0].summary)[0].group == 1


def test_sentences_say_where_since_when_and_for_whom():
    finding = find([planted()[0]])[0]
    words = finding.sentence(("cat", "dog"))
    assert words == (
        f"{finding.count} of 60 samples of “dog” look at the upper left corner since step 50; "
        "0 of 60 of other classes do"
    )
    assert "class 1" in finding.sentence()


def test_the_samples_behind_a_frame_are_those_that_are_counted():
    labels = (np.arange(80) % 2).astype(np.int32)
    maps = np.ones((80, 7, 7))
    maps[:, 1:-1, 1:-1] = 24 * 0.4 / 0.6 / 25  # 0.6 of the evidence lies in the frame, a little above its area
    marked = np.flatnonzero(labels == 1)[:30]
    maps[marked, 1:-1, 1:-1] = 0.05
    summary = Summary()
    summary.add(Observations(0, maps, labels, identities=tuple(map(str, range(80)))))
    finding = find([Source("run", "val", "grad_cam", "layer4", summary)])[0]
    assert finding.region is not None
    assert finding.region.name == "border"
    assert set(finding.samples) == set(map(str, marked))
    assert finding.count == len(marked)


@pytest.mark.parametrize(
    ("region", "name"),
    [
        (Region(0, 0, 0.25, 0.25), "upper left corner"),
        (Region(0, 0, 0.5, 0.5), "upper left quarter"),  # a cell of a 2 x 2 map is not the center
        (Region(0.5, 0.5, 1, 1), "lower right quarter"),
        (Region(0.5, 0.25, 1, 0.75), "right part"),
        (Region(0.25, 0.25, 0.75, 0.75), "center"),
        (Region(0, 0, 1, 0.25), "upper edge"),
    ],
)
def test_a_place_is_named_by_where_it_lies(region: Region, name: str) -> None:
    assert region.name == name


def test_a_class_with_more_focused_maps_has_no_hot_spot_unless_it_prefers_a_place():
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], 100).astype(np.int32)

    def found(preferred):
        maps = random.gamma(5, size=(200, 7, 7))
        rows, columns = random.integers(0, 7, (2, 100))
        rows[:preferred], columns[:preferred] = 3, 1
        maps[100 + np.arange(100), rows, columns] = 1000  # each sample of class 1 looks at one cell
        summary = Summary()
        summary.add(Observations(0, maps, labels))
        return hot_spots(summary)

    assert found(0) == []
    (spot,) = found(20)
    assert (spot.group, spot.of) == (1, 100)
    assert spot.region.x0 <= 1 / 7 < spot.region.x1
    assert spot.region.y0 <= 3 / 7 < spot.region.y1
