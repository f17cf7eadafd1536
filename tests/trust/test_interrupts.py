"""Ctrl-C leaves a model as it was, wherever it falls."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam.signals import Held, Open
from tests.trust.interrupts import IMAGES, injected, interrupted, network


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """Ctrl-C interrupts, also where the tests were started in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.filterwarnings("ignore")
def test_real_interrupts_leave_a_model_as_it_was() -> None:
    hits, damaged = interrupted(60)
    assert hits > 20
    assert not damaged


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", ["call", "capture"])
def test_an_interrupt_at_any_line_leaves_a_model_as_it_was(way: str) -> None:
    lines, found = injected((way,), every=4)
    assert lines > 50
    assert found == []


def test_the_harness_notices_what_is_not_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tensorboard_plugin_gradcam.cam.snapshot.Snapshot.restore", lambda snapshot: None)
    assert injected(("call",), every=40)[1]


def held_back(reached: list[str]) -> None:
    with Held() as held:
        signal.raise_signal(signal.SIGINT)
        reached.append("held")
        with Open(held):
            reached.append("open")


def held_to_the_end(reached: list[str]) -> None:
    with Held():
        signal.raise_signal(signal.SIGINT)
        reached.append("held")


@pytest.mark.parametrize("wait", [held_back, held_to_the_end])
def test_a_signal_waits_for_the_end_of_the_block_or_for_where_it_is_open(wait: Any) -> None:
    reached: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        wait(reached)
    assert reached == ["held"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_that_the_model_sets_stays() -> None:
    own = signal.getsignal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, lambda number, frame: None)
    try:
        with Held():
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        assert signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGUSR1, own)


def test_off_the_main_thread_signals_stay_as_they_are() -> None:
    found: list[Any] = []

    def explain() -> None:
        found.append(CAM(network(), "4")(IMAGES, 1).maps)

    thread = threading.Thread(target=explain)
    thread.start()
    thread.join()
    assert len(found) == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
