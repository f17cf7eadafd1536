"""A training with maps ends where one without does, whatever its modules leave on themselves in a forward pass."""

from __future__ import annotations

import pytest

from tests.trust.leaving import KINDS
from tests.trust.no_trace import MOMENTS, WAYS, differences

TURNS = [(name, way, MOMENTS[(turn + at) % 4]) for turn, name in enumerate(KINDS) for at, way in enumerate(WAYS)]
ALL = [(name, way, moment) for name in KINDS for way in WAYS for moment in MOMENTS]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "way", "moment"), TURNS)
def test_a_training_is_the_same_with_maps(name: str, way: str, moment: str) -> None:
    assert differences(name, way, moment) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "way", "moment"), ALL)
def test_a_training_is_the_same_with_maps_at_every_moment(name: str, way: str, moment: str) -> None:
    assert differences(name, way, moment) == []


def test_the_harness_notices_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tensorboard_plugin_gradcam.cam.snapshot.Snapshot.restore", lambda snapshot: None)
    assert any("calls" in path for path in differences("counterbesideit", "call", MOMENTS[0]))
    assert any("mean" in path for path in differences("bufferreplaced", "call", MOMENTS[1]))
