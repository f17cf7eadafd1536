"""What a further step does to what stands in a run."""

from __future__ import annotations

from typing import Any

import pytest

from tensorboard_plugin_gradcam.records import Replaced, Series
from tensorboard_plugin_gradcam.writer.history import Entry, History, Mode

SAID = Series("predictions", "val")
GRAD, LAYER = (Series("maps", "val", method, "layer4") for method in ("grad_cam", "layer_cam"))


def trained(session: int, *steps: int, history: History | None = None, mode: Mode | None = None) -> History:
    history = history or History(session)
    for step in steps:
        history.entries([SAID, GRAD], step, mode)
    return history


def seen_by(session: int, *steps: int) -> History:
    """Return what a later writer knows of a run that was trained to these steps."""
    return History(session, [(series, step) for step in steps for series in (SAID, GRAD)])


def of(entries: list[Entry]) -> list[Any]:
    return [(entry.relation, entry.series.session, entry.held) for entry in entries]


@pytest.mark.parametrize("history", [trained(2, 0, 10, 100), seen_by(2, 0, 10, 100)], ids=["same_session", "later"])
def test_a_method_that_the_run_does_not_have_adds_and_its_predictions_do_too(history: History) -> None:
    assert of(history.entries([SAID, LAYER], 10, None)) == [("adds_on", 2, 3), ("goes_on", 2, 1)]
    assert of(history.entries([SAID, LAYER], 50, None)) == [("adds_on", 2, 4), ("goes_on", 2, 2)]


def test_what_was_added_adds_again_in_a_later_session_and_is_replaced_by_itself() -> None:
    added = [(Series(**(vars(one) | {"session": 2})), step) for step in (10, 50) for one in (SAID, LAYER)]
    history = History(3, [*((one, step) for step in (0, 10, 100) for one in (SAID, GRAD)), *added])
    assert of(history.entries([SAID, LAYER], 10, None)) == [("adds_on", 3, 4), ("goes_on", 3, 1)]


def test_a_series_that_is_there_goes_on_and_replaces_what_followed() -> None:
    history = seen_by(2, 0, 10, 20, 30)
    entries = history.entries([SAID, GRAD], 15, None)
    assert of(entries) == [("goes_on", 0, 3)] * 2
    assert entries[0].replaced == (Replaced(20, 30, 2),)
    assert history.entries([SAID, GRAD], 25, None)[0].replaced == (Replaced(20, 30, 2),)


def test_a_method_that_is_new_beside_one_that_goes_on_is_the_trainings_own() -> None:
    history = seen_by(2, 0, 10, 20)
    assert of(history.entries([SAID, GRAD, LAYER], 15, None)) == [("goes_on", 0, 3)] * 2 + [("goes_on", 0, 1)]


def test_two_loggers_of_one_training_do_not_add_to_each_other() -> None:
    history = trained(1, 0)
    assert of(history.entries([SAID, LAYER], 0, None)) == [("goes_on", 0, 1)] * 2
    trained(1, 10, history=history)
    assert of(history.entries([SAID, LAYER], 10, None)) == [("goes_on", 0, 2)] * 2


def test_a_later_session_adds_at_the_last_step_too() -> None:
    assert of(seen_by(2, 0, 100).entries([SAID, LAYER], 100, None)) == [("adds_on", 2, 2), ("goes_on", 2, 1)]


def test_modes_say_it_outright() -> None:
    history = seen_by(2, 0, 10, 20)
    assert of(history.entries([SAID, GRAD], 5, "add")) == [("adds", 2, 4)] * 2
    assert of(history.entries([SAID, LAYER], 15, "resume")) == [("goes_on", 0, 4), ("goes_on", 0, 1)]


def test_what_is_added_in_any_order_stands_under_tags_whose_steps_rise() -> None:
    history = seen_by(2, 0, 10, 20, 30)
    parts = [history.entries([GRAD], step, "add")[0].series.part for step in (25, 5, 15, 26, 15, 4)]
    assert parts == [0, 1, 1, 0, 1, 2]
    assert history.entries([GRAD], 29, "add")[0].held == 4 + len({25, 5, 15, 26, 4, 29})


def test_a_cell_that_is_run_several_times_holds_its_steps_once() -> None:
    history = trained(1, *range(5), *range(5), *range(5))
    entry = history.entries([SAID, GRAD], 4, None)[0]
    assert (entry.held, entry.ordinal) == (5, 14)


def test_calls_of_one_step_are_one_record() -> None:
    history = trained(1, 3, 3, 3)
    entry = history.entries([SAID, GRAD], 3, None)[0]
    assert (entry.held, entry.ordinal, entry.replaced) == (1, 0, ())


def test_the_first_step_of_a_run_stands_alone_once() -> None:
    history = seen_by(2, 5, 10)
    assert not history.entries([SAID, GRAD], 12, None)[0].is_first
    assert history.entries([SAID, GRAD], 3, None)[0].is_first


def test_other_tags_have_nothing_to_do_with_it() -> None:
    history = seen_by(2, 0, 10, 20)
    other = Series("maps", "test", "layer_cam", "layer4")
    assert of(history.entries([other], 5, None)) == [("goes_on", 0, 1)]
