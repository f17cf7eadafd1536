"""What requests take together: turns, shared readings, bytes on their way."""

from __future__ import annotations

import gzip
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tensorboard_plugin_gradcam.records import Cohort, CorruptRecord, Sample, verify_picture
from tensorboard_plugin_gradcam.viewer import budget
from tensorboard_plugin_gradcam.viewer.budget import Busy, Bytes, Flights, Holding, Processor, Turns
from tensorboard_plugin_gradcam.viewer.cohorts import packed
from tensorboard_plugin_gradcam.viewer.pictures import recognised
from tests.trust.bombs import pictures


def test_who_finds_no_turn_is_told_when_to_try_again() -> None:
    turns = Turns(1, wait=0.01, waiting=1)
    with turns.taken(), pytest.raises(Busy) as told, turns.taken():
        pass
    assert told.value.http_code == 503
    assert dict(told.value.headers)["Retry-After"]
    with turns.taken():
        pass


class Key:
    """A name that tells when it is looked up."""

    def __init__(self) -> None:
        self.looked_up = threading.Semaphore(0)

    def __hash__(self) -> int:
        self.looked_up.release()
        return 0


def test_ten_requests_for_one_thing_make_it_once_and_share_its_error() -> None:
    flights, made, key = Flights(), [], Key()

    def make() -> None:
        made.append(1)
        for _ in range(11):  # by each of the ten, and once more by the first, who put it there
            assert key.looked_up.acquire(timeout=60)
        raise ValueError("bad")

    def ask() -> str:
        with pytest.raises(ValueError, match="bad") as caught:
            flights.share(key, make)
        return str(caught.value)

    with ThreadPoolExecutor(10) as pool:
        asked = [pool.submit(ask) for _ in range(10)]
        assert {one.result() for one in asked} == {"bad"}
    assert len(made) == 1


def test_processor_is_allowed_by_what_is_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [5.0]
    monkeypatch.setattr(budget.time, "thread_time", lambda: now[0])
    processor = Processor(handed=10_000_000)
    now[0] += 1.6
    processor.expect_some()
    now[0] += 0.2
    processor.expect_some()  # what did nothing yet goes on, or it would never end
    processor.note_progress()
    with pytest.raises(Busy):
        processor.expect_some()
    processor.hand(5_000_000)
    processor.expect_some()


def test_what_several_requests_hold_is_counted_once_and_what_is_too_large_is_held_alone() -> None:
    holding = Holding(100)
    with holding.of("a", 60), holding.of("a", 60):
        with pytest.raises(Busy), holding.of("b", 60):
            pass
        with holding.of("b", 40):
            pass
    with holding.of("large", 1000), pytest.raises(Busy), holding.of("b", 1):
        pass
    with holding.of("b", 100):
        pass


def test_bytes_on_their_way_are_given_back_once() -> None:
    sending = Bytes(100)
    give_back = sending.take(60)
    with pytest.raises(Busy):
        sending.take(60)
    give_back()
    give_back()
    sending.take(100)


def test_pictures_of_nothing_are_refused_early() -> None:
    for _, data in pictures(200_000):
        if recognised(data) is not None:
            with pytest.raises(CorruptRecord, match="far too many small ones"):
                verify_picture(data)


def test_masks_beyond_the_answers_budget_are_thinned_out() -> None:
    mask = np.zeros((4000, 4000), np.uint8)
    mask[:2000] = 7
    shown = json.loads(gzip.decompress(packed(Cohort((Sample(mask=mask),) * 4).to_bytes())))
    small = shown["samples"][0]["mask"]
    assert small["height"] * small["width"] < 2**21
    assert small["height"] > 500
