"""The catalogue: what can be chosen, and no more of it than the server can hold."""

from __future__ import annotations

import gzip
import json
from typing import Any

from tensorboard_plugin_gradcam.records import Series
from tensorboard_plugin_gradcam.viewer.catalog import Catalog, catalogued
from tensorboard_plugin_gradcam.viewer.limits import SERIES_LISTED, SERIES_OF_A_RUN
from tensorboard_plugin_gradcam.viewer.source import Listed

MAPS = Listed(Series("maps", "val", "grad_cam", "layer4").to_bytes(), 7, 1.5)


def series(count: int) -> dict[str, Listed]:
    """Return so many tags of maps of one layer each."""
    named = {f"layer{index}": Series("maps", "val", "grad_cam", f"layer{index}") for index in range(count)}
    return {name: Listed(one.to_bytes(), 7, 1.5) for name, one in named.items()}


def answer(catalog: Catalog, told: dict[tuple[str, str], str] | None = None) -> Any:
    return json.loads(gzip.decompress(catalog.packed(1000, told or {})))


def test_a_log_of_few_series_is_listed_whole() -> None:
    catalog = catalogued({"a": 1.0}, {"a": series(3)})
    assert len(catalog.entries) == 3
    assert answer(catalog)["left_out"] is None


def test_a_run_of_too_many_series_takes_none_from_the_others() -> None:
    runs = {"good": 1.0, "bad": 2.0, "newer": 3.0}
    catalog = catalogued(runs, {"good": series(5), "bad": series(2 * SERIES_LISTED), "newer": series(7)})
    counts = {run: sum(key.run == run for key in catalog.entries) for run in runs}
    assert counts == {"good": 5, "bad": SERIES_LISTED // 3, "newer": 7}
    assert "This log has 40,012 series; 6,678 of them are listed" in answer(catalog)["left_out"]


def test_of_too_many_runs_those_that_started_last_are_listed() -> None:
    names = [f"run{index}" for index in range(SERIES_LISTED + 5)]
    catalog = catalogued({name: float(at) for at, name in enumerate(names)}, {name: {"x": MAPS} for name in names})
    shown = answer(catalog)
    assert [run["run"] for run in shown["runs"]] == names[5:]
    assert "of 20,000 of 20,005 runs" in shown["left_out"]


def test_of_many_runs_each_is_listed_as_far_as_a_run_may_be() -> None:
    runs = {f"run{index}": series(SERIES_OF_A_RUN + 1) for index in range(40)}
    catalog = catalogued({}, runs)
    counts = [sum(key.run == run for key in catalog.entries) for run in runs]
    assert sorted(set(counts)) == [0, SERIES_OF_A_RUN]
    assert len(catalog.entries) == SERIES_LISTED


def test_an_answer_is_made_once_until_something_else_is_told() -> None:
    catalog = catalogued({}, {"a": series(1)})
    first = catalog.packed(1000, {})
    assert catalog.packed(1000, {}) is first
    runs = answer(catalog, {("a", "val"): "damaged", ("b", "test"): "unread"})["runs"]
    assert [(run["run"], tag["tag"], tag["problem"]) for run in runs for tag in run["tags"]] == [
        ("a", "val", "damaged"),
        ("b", "test", "unread"),
    ]
