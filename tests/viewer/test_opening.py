"""What the tab shows first where nothing was chosen."""

from __future__ import annotations

from tensorboard_plugin_gradcam.records import Series
from tensorboard_plugin_gradcam.viewer.catalog import Key, catalogued
from tensorboard_plugin_gradcam.viewer.opening import shown_first
from tensorboard_plugin_gradcam.viewer.source import Listed


def listed(*series: Series, step: int = 7, at: float = 1.5) -> dict[str, Listed]:
    return {f"{index}": Listed(one.to_bytes(), step, at) for index, one in enumerate(series)}


def maps(method: str, layer: str, tag: str = "val") -> Series:
    return Series("maps", tag, method, layer)


def test_grad_cam_at_the_last_layer_of_the_first_tag_is_shown() -> None:
    run = listed(
        Series("predictions", "val"),
        maps("eigen_cam", "layer4"),
        maps("grad_cam", "layer3"),
        maps("grad_cam", "layer4"),
        maps("grad_cam", "layer4", "x"),
    )
    (shown,) = shown_first(catalogued({"a": 1.0}, {"a": run}))
    assert (shown.tag, shown.has_predictions) == ("val", True)
    assert shown.maps == Key("a", "val", "maps", "grad_cam", "layer4")
    routes = [(one.route, one.parameters.get("step")) for one in shown.questions()]
    assert routes == [("predictions", None), ("maps", "7")]


def test_runs_are_shown_at_the_last_step_of_any_of_them() -> None:
    runs = {"a": listed(maps("xgrad_cam", "layer4")), "b": listed(maps("xgrad_cam", "layer4"), step=9)}
    shown = shown_first(catalogued({"a": 1.0, "b": 2.0}, runs))
    assert [(one.run, one.step) for one in shown] == [("a", 9), ("b", 9)]


def test_runs_beside_each_other_share_the_first_screen() -> None:
    for count, samples in ((1, 48), (2, 24), (5, 10)):
        runs = {f"run{index}": listed(maps("grad_cam", "layer4")) for index in range(count)}
        shown = shown_first(catalogued(dict.fromkeys(runs, 1.0), runs))
        asked = [one.parameters["samples"].split(",") for each in shown for one in each.questions()]
        assert asked == [[str(sample) for sample in range(samples)]] * count


def test_the_five_runs_that_started_last_are_shown_in_the_order_of_the_list() -> None:
    names = [f"run{index}" for index in range(7)]
    runs = {name: listed(maps("grad_cam", "layer4")) for name in names}
    starts = {name: float(at) for at, name in enumerate(names)}
    assert [one.run for one in shown_first(catalogued(starts, runs))] == names[2:]


def test_an_empty_log_shows_nothing() -> None:
    assert shown_first(catalogued({}, {})) == []
