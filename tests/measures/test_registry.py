"""Names of measures."""

from __future__ import annotations

import pytest

from tensorboard_plugin_gradcam.measures import MEASURES, find_measures


def test_a_gain_is_named_with_its_steps_and_baseline() -> None:
    seven, own = find_measures(["gain_7", "gain_head_4_own"])
    assert (seven.steps, seven.numbers) == (7, ("gain_7", "gain_7_logits"))
    assert (own.steps, own.baseline, own.name) == (4, "own", "gain_head_4_own")
    assert MEASURES["gain"].using(steps=7) == seven
    assert find_measures("gain_4") == (MEASURES["gain"],)


def test_names_are_understood_as_they_are_spelled() -> None:
    assert find_measures("Gain-Head") == (MEASURES["gain_head"],)
    assert find_measures(("randomization",)) == (MEASURES["randomisation"],)
    assert find_measures(()) == ()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("gain_heat", "expected a measure such as gain_head"),
        ("gain_1", "at least 2 steps, got 1"),
        ([3], "a measure's name, such as 'gain_head', got 3"),
        (3, "measures as names"),
    ],
)
def test_what_is_no_measure_is_told(asked: object, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        find_measures(asked)


def test_only_gains_have_steps() -> None:
    with pytest.raises(ValueError, match="gain or gain_head, got concentration"):
        MEASURES["concentration"].using(steps=3)
