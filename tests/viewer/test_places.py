"""That a sample keeps its place in a series, whatever its steps' order: by the registry, and through a real server."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from torch.utils.tensorboard import SummaryWriter

from tensorboard_plugin_gradcam import add_gradcam
from tensorboard_plugin_gradcam.records import Cohort, Sample
from tensorboard_plugin_gradcam.viewer import places
from tensorboard_plugin_gradcam.viewer.budget import Busy, Processor
from tensorboard_plugin_gradcam.viewer.places import Registry
from tests.viewer.server import tensorboard

WHERE = ("", "run", "val")


def cohort(*names: str, ids: bool = False) -> Cohort:
    samples = [Sample(image="" if ids else name, id=name if ids else "") for name in names]
    return Cohort(samples=tuple(samples), class_names=())


def rows(registry: Registry, known: dict[str, Cohort | None], *digests: str) -> list[list[int]] | None:

    def identities(digest: str) -> tuple[str, ...] | None:
        found = known[digest]
        return None if found is None else found.identities

    found = registry.numbering(WHERE, digests, identities)
    return None if found is None else found.of(digests).tolist()


def test_a_series_of_one_cohort_is_not_even_read():
    assert Registry().numbering(WHERE, ["a", "a"], lambda digest: pytest.fail(digest)) is None


@pytest.mark.parametrize("ids", [False, True])
def test_a_picture_or_an_id_has_one_place_in_every_order(ids):
    known = {"a": cohort("x", "y", "z", ids=ids), "b": cohort("z", "x", ids=ids), "c": cohort("w", "y", ids=ids)}
    assert rows(Registry(), known, "a", "b", "c") == [[0, 1, 2], [2, 0, -1], [3, 1, -1]]


def test_tags_are_forgotten_where_all_take_too_much(monkeypatch):
    monkeypatch.setattr(places, "PLACED_SAMPLES", 10)
    known = {"a": cohort("x", "y"), "b": cohort("z", *map(str, range(7)))}
    registry = Registry()
    for run in range(3):
        registry.numbering(("", f"run {run}", "val"), list(known), lambda digest: known[digest].identities)
    assert [run for _, run, _ in registry._tags] == ["run 1", "run 2"]  # the last one is counted by the next request


def test_cohorts_that_are_too_much_for_one_request_are_numbered_by_several():
    known = {name: cohort("x", name) for name in "abcd"}
    registry, asked = Registry(), []

    class Once(Processor):
        is_used_up = property(lambda self: len(asked) % 2 == 1)

    def identities(digest):
        asked.append(digest)
        return known[digest].identities

    for read in (1, 3):  # before each there may be one more
        with pytest.raises(Busy):
            registry.numbering(WHERE, list(known), identities, Once())
        assert len(asked) == read
        asked.append("")
    found = rows(registry, known, *known)
    assert found == [[0, 1], [0, 2], [0, 3], [0, 4]]
    assert [name for name in asked if name] == ["a", "b"]


def test_places_stay_when_other_series_of_the_tag_are_asked_for_and_steps_are_sampled_out():
    known = {"a": cohort("x", "y"), "b": cohort("y", "z")}
    registry = Registry()
    assert rows(registry, known, "a") is None
    assert rows(registry, known, "b") == [[1, 2]]
    assert rows(registry, known, "b", "a") == [[1, 2], [0, 1]]


def test_a_cohort_that_cannot_be_read_names_nobody_and_is_looked_for_again():
    known: dict[str, Cohort | None] = {"a": cohort("x", "y"), "b": None}
    registry = Registry()
    assert rows(registry, known, "a", "b") == [[0, 1], [-1, -1]]
    known["b"] = cohort("y", "x")
    assert rows(registry, known, "a", "b") == [[0, 1], [1, 0]]


def test_cohorts_that_grow_are_told_from_those_that_stay():
    known = {"a": cohort("x", "y"), "b": cohort("x", "y", "z")}
    assert rows(Registry(), known, "a", "b") == [[0, 1, -1], [0, 1, 2]]


@pytest.mark.parametrize("load_fast", ["true", "false"])
def test_shuffled_steps_give_each_picture_its_own_maps_and_predictions(tmp_path: Path, load_fast: str):
    pictures = np.stack([np.full((8, 8, 3), 30 * i, np.uint8) for i in range(5)])
    orders = [[0, 1, 2, 3, 4], [3, 1, 4], [2, 0, 4, 1]]
    with SummaryWriter(str(tmp_path / "run")) as writer:
        for step, order in enumerate(orders):
            maps = np.stack([np.array([[0, i + 1]], np.float32) for i in order])
            outputs = np.eye(5, dtype=np.float32)[order] * 9
            add_gradcam(writer, "val", pictures[order], maps, step, outputs=outputs, labels=order)
    with tensorboard(tmp_path, load_fast) as server:
        server.wait(lambda it: it.get("series").json["runs"])
        (entry,) = server.get("series").json["runs"][0]["tags"][0]["maps"]
        series = {"run": "run", "tag": "val", "method": entry["method"], "layer": entry["layer"]}
        header, maps = server.get("maps", **series).packet
        _, said = server.get("predictions", run="run", tag="val").packet
        _, only = server.get("maps", samples="4", **series).packet
        _, last = server.get("maps", step=2, samples="0,4", **series).packet
    assert len(header["cohorts"]) == 3
    np.testing.assert_array_equal(maps["maximum"], maps["sample"] + 1)
    for row, order in enumerate(orders):
        places = said["places"][said["cohort"][row]]
        assert places[: len(order)].tolist() == order
        assert said["prediction"][row, : len(order)].tolist() == order
    assert only["maximum"].tolist() == [5, 5, 5]
    assert sorted(last["maximum"].tolist()) == [1, 5]
