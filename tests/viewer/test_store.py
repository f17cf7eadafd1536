"""The store: what it decodes again, what it forgets, and what many threads see of it."""

from __future__ import annotations

import gc
import threading
import time
import tracemalloc
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tensorboard_plugin_gradcam.records import Block, Maps, Numbers, Predictions, Stamp
from tensorboard_plugin_gradcam.records.sizes import Claim, claimed
from tensorboard_plugin_gradcam.viewer import store as store_module
from tensorboard_plugin_gradcam.viewer.catalog import Key
from tensorboard_plugin_gradcam.viewer.decode import decoded
from tensorboard_plugin_gradcam.viewer.packets import maps_packet, predictions_packet
from tensorboard_plugin_gradcam.viewer.parameters import Cut
from tensorboard_plugin_gradcam.viewer.source import Listed, Place, Point, Reading, Scope, Unavailable
from tensorboard_plugin_gradcam.viewer.store import Loaded, Store, ident_of, merged
from tensorboard_plugin_gradcam.viewer.tables import MapTable, PredictionTable
from tests.trust.raw import FLOAT, INT, envelope, field, stamp, zero_array
from tests.viewer.eventlog import block
from tests.viewer.server import Answer

SCOPE = Scope(None, "")
KEY = Key("run", "val", "maps", "grad_cam", "layer4")


def _point(step: int, ordinal: int | None = None, session: int = 1, **blocks: Any) -> Point:
    raw = np.full((3, 2, 2), step, np.float32) + np.arange(3, dtype=np.float32)[:, None, None]
    stamp = Stamp("ab" * 16, step if ordinal is None else ordinal, session)
    return step, float(step), Maps(stamp, (block(raw, **blocks),)).to_bytes()


def _points(*points: Point) -> Mapping[tuple[int, int], Point]:
    return {ident_of(point): point for point in points}


def _steps(loaded: Loaded) -> list[float]:
    return [] if loaded.steps is None else loaded.steps.step.tolist()


def test_a_refresh_decodes_only_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    original = store_module.decoded
    monkeypatch.setattr(store_module, "decoded", lambda kind, point: decoded.append(point[0]) or original(kind, point))
    old = merged("maps", _points(_point(0), _point(1)), None, None)
    new = merged("maps", _points(_point(0), _point(1), _point(2)), old, None)
    assert decoded == [0, 1, 2]
    assert _steps(new) == [0, 1, 2]
    assert new.generation == old.generation
    whole = merged("maps", _points(_point(0), _point(1), _point(2)), None, None)
    assert isinstance(new.table, MapTable)
    assert isinstance(whole.table, MapTable)
    np.testing.assert_array_equal(new.table.values, whole.table.values)
    np.testing.assert_array_equal(new.table.first, whole.table.first)


def test_sampled_out_steps_leave_the_generation_alone() -> None:
    old = merged("maps", _points(*map(_point, range(6))), None, None)
    new = merged("maps", _points(*map(_point, (0, 2, 5, 7))), old, None)
    assert _steps(new) == [0, 2, 5, 7]
    assert new.generation == old.generation


def test_what_a_restart_replaced_does_not_come_back_when_the_restart_is_sampled_out() -> None:
    old = merged("maps", _points(_point(0), _point(10), _point(5, 0, 2), _point(6, 1, 2)), None, None)
    assert _steps(old) == [0, 5, 6]
    new = merged("maps", _points(_point(0), _point(10), _point(6, 1, 2)), old, None)
    assert _steps(new) == [0, 6]


def test_a_restart_changes_the_generation_even_if_the_steps_look_appended() -> None:
    old = merged("maps", _points(_point(0), _point(10)), None, None)
    new = merged("maps", _points(_point(0), _point(5, 0, 2), _point(20, 1, 2)), old, None)
    assert _steps(new) == [0, 5, 20]
    assert new.generation != old.generation


def test_two_writers_are_told_also_when_the_first_ones_records_are_gone() -> None:
    one, other = [_point(step, session=1) for step in (0, 2)], [_point(step, session=2) for step in (1, 3)]
    old = merged("maps", _points(one[0], other[0]), None, None)
    assert not old.two_writers  # a restart looks the same so far
    new = merged("maps", _points(*one, other[0]), old, None)
    assert new.two_writers
    last = merged("maps", _points(*other), new, None)
    assert last.two_writers
    assert _unpacked(maps_packet(KEY, "positive", last, Cut()))[0]["two_writers"] is True


def test_records_of_mixed_shapes_precisions_and_names() -> None:
    small = Maps(Stamp("ab" * 16, 0, 1), (block(np.ones((2, 1, 5)), names=("a", "b")),)).to_bytes()
    volume = Maps(Stamp("ab" * 16, 1, 1), (block(np.arange(24.0).reshape(1, 2, 3, 4), "float16"),)).to_bytes()
    empty = Maps(Stamp("ab" * 16, 2, 1), ()).to_bytes()
    loaded = merged("maps", _points((0, 0.0, small), (1, 1.0, volume), (2, 2.0, empty)), None, None)
    header, arrays = _unpacked(maps_packet(KEY, "positive", loaded, Cut()))
    assert arrays["shape"].tolist() == [[1, 1, 5], [1, 1, 5], [2, 3, 4]]
    assert arrays["first"].tolist() == [0, 2, 3, 3]
    assert arrays["values"].dtype == np.float32
    np.testing.assert_array_equal(arrays["values"], [1] * 10 + list(range(24)))
    assert (header["names"], arrays["name"].tolist()) == (["a", "b"], [0, 1, -1])
    _, part = _unpacked(maps_packet(KEY, "positive", loaded, Cut(samples=(0,))))
    assert part["offset"].tolist() == [0, 5]
    np.testing.assert_array_equal(part["values"][5:], range(24))
    assert part["first"].tolist() == [0, 1, 2, 2]


def test_predictions_of_changing_size_are_padded() -> None:
    one = Predictions(Stamp("ab" * 16, 0, 1), prediction=np.array([3], np.int32))
    two = Predictions(
        Stamp("ab" * 16, 1, 1),
        prediction=np.array([1, 2], np.int32),
        top_classes=np.ones((2, 3), np.int32),
        loss=np.array([0.5, 1], np.float32),
    )
    points = _points((0, 0.0, one.to_bytes()), (1, 1.0, two.to_bytes()))
    _, arrays = _unpacked(predictions_packet(KEY, "positive", merged("predictions", points, None, None), Cut()))
    assert arrays["prediction"].tolist() == [[3, -1], [1, 2]]
    assert arrays["top_classes"].tolist() == [[[-1] * 3] * 2, [[1] * 3] * 2]
    assert np.isnan(arrays["loss"][0]).all()
    assert "probability" not in arrays


def test_a_corrupt_record_is_named_once_and_never_drawn() -> None:
    damaged = bytearray(_point(1)[2])
    damaged[-9] ^= 1
    loaded = merged("maps", _points(_point(0), (1, 1.0, bytes(damaged)), (2, 2.0, b""), _point(3)), None, None)
    assert _steps(loaded) == [0, 3]
    header, _ = _unpacked(maps_packet(KEY, "positive", loaded, Cut()))
    assert [one["step"] for one in header["corrupt"]] == [1, 2]
    again = merged("maps", _points(_point(0), (1, 1.0, bytes(damaged)), _point(3)), loaded, None)
    assert [ident[0] for ident in again.corrupt] == [1]


def test_a_record_at_another_step_than_its_own_is_corrupt() -> None:
    record = Maps(Stamp("ab" * 16, 0, 1, step=5), ()).to_bytes()
    loaded = merged("maps", _points((5, 0.0, record), (7, 0.0, record)), None, None)
    assert _steps(loaded) == [5]
    assert list(loaded.corrupt.values()) == ["logged at step 5, found at step 7"]


def test_steps_beyond_what_a_double_counts_are_refused_in_words() -> None:
    loaded = merged("maps", _points(_point(1), (2**60, 0.0, _point(1)[2])), None, None)
    assert _steps(loaded) == [1]
    assert "2^53" in next(iter(loaded.corrupt.values()))


def test_series_beyond_the_budget_are_thinned_out_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "SERIES_BYTES", 1000)
    points = _points(*map(_point, range(32)))
    loaded = merged("maps", points, None, None)
    assert loaded.sampled_down == len(_steps(loaded)) < 32
    assert _steps(loaded)[-1] == 31


@pytest.mark.parametrize("kind", ["notes", "numbers", "nothing"])
def test_a_series_counts_what_it_really_holds(kind: str) -> None:
    def record(step: int) -> bytes:
        if kind == "numbers":
            return Numbers(Stamp("ab" * 16, step), np.arange(2000, dtype=np.float32)).to_bytes()
        notes = tuple(f"{step} {number} {'é' * 90}" for number in range(50)) if kind == "notes" else ()
        return Predictions(Stamp("ab" * 16, step, notes=notes)).to_bytes()

    points = {(step, step): (step, 0.0, record(step)) for step in range(200)}
    merged("numbers" if kind == "numbers" else "predictions", points, None, None)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        loaded = merged("numbers" if kind == "numbers" else "predictions", points, None, None)
        gc.collect()
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert held <= loaded.nbytes < 4 * held + 10_000


def test_no_more_records_are_looked_at_than_the_budget_pays_for(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [(step, 0.0, bytes([step % 256])) for step in range(1000)]
    monkeypatch.setattr(store_module, "claimed", lambda kind, data: Claim(1, 1000, 1000))
    found = store_module._claims("maps", points, [None] * 1000, 300_000)
    assert 200 < len(found) <= 300  # looking at twice as many would take twice the time
    assert 999 in found
    assert max(np.diff(sorted(found))) == 4  # spread evenly


def test_lists_that_are_cut_off_count_as_what_they_are_inflated_to_and_are_not_kept() -> None:
    numbers = zero_array(INT, [10, 2**18], 10 * 2**20)
    data = envelope(stamp() + field(5, numbers) + field(6, zero_array(FLOAT, [10, 2**18], 10 * 2**20)))
    points = {(step, step): (step, 0.0, data) for step in range(20)}
    claim = claimed("predictions", data)
    assert claim.kept < 10_000
    assert 40 * 2**20 < claim.reading < 50 * 2**20
    loaded = merged("predictions", points, None, None)
    assert loaded.sampled_down == 1
    assert isinstance(loaded.table, PredictionTable)
    kept = decoded("predictions", (0, 0.0, data))[1].columns["top_classes"]
    assert kept.shape == (1, 10, 100)
    assert kept.base is None  # of which a view would keep all


def test_predictions_that_would_be_padded_beyond_the_budget_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One record with many samples would widen the row of every other."""
    monkeypatch.setattr(store_module, "SERIES_BYTES", 2**20)
    few = [
        (s, 0.0, Predictions(Stamp("ab" * 16, s, 1), prediction=np.zeros(4, np.int32)).to_bytes()) for s in range(99)
    ]
    wide = (99, 0.0, Predictions(Stamp("ab" * 16, 99, 1), prediction=np.zeros(60_000, np.int32)).to_bytes())
    loaded = merged("predictions", _points(*few, wide), None, None)
    assert _steps(loaded) == list(range(99))
    assert "too large" in next(iter(loaded.corrupt.values()))
    assert isinstance(loaded.table, PredictionTable)
    assert loaded.table.nbytes < 2**20


class _Provider:
    """A source whose answers the test chooses: what is tested is the store's own bookkeeping."""

    def __init__(self) -> None:
        self.points = [_point(0)]
        self.reads = 0
        self.dead = False

    def series(self, scope: Scope, run: str | None = None, tag: str | None = None) -> dict[str, dict[str, Listed]]:
        if self.dead:
            raise Unavailable("dead")
        return {"run": {"tag": Listed(b"", self.points[-1][0], 0.0)}}

    def read(self, scope: Scope, run: str, place: Place, steps: int) -> Reading:
        self.reads += 1
        time.sleep(0.05)
        return Reading(list(self.points), None)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> _Provider:
    monkeypatch.setattr(store_module, "FRESH_SECONDS", 0.0)
    return _Provider()


def test_an_unchanged_series_is_not_read_again(provider: _Provider) -> None:
    store = Store(provider, 1000)  # type: ignore[arg-type]
    first = store.series(SCOPE, KEY, [Place("tag")])
    assert store.series(SCOPE, KEY, [Place("tag")]) is first
    provider.points.append(_point(1))
    assert _steps(store.series(SCOPE, KEY, [Place("tag")])) == [0, 1]
    assert provider.reads == 2


def test_a_series_that_rests_is_read_again_ever_less_often(
    provider: _Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(store_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    store = Store(provider, 1000)  # type: ignore[arg-type]
    provider.points = [_point(0), _point(9)]
    first = store.series(SCOPE, KEY, [Place("tag")])
    read_at = []
    for second in range(400):
        now[0], before = 1000.0 + second, provider.reads
        assert store.series(SCOPE, KEY, [Place("tag")]) is first
        if provider.reads > before:
            read_at.append(second)
    assert read_at == [20, 60, 140, 260, 380]
    provider.points.insert(1, _point(3))  # TensorBoard lists the same last step as before
    now[0] += 120
    assert _steps(store.series(SCOPE, KEY, [Place("tag")])) == [0, 3, 9]
    now[0] += 20
    store.series(SCOPE, KEY, [Place("tag")])
    assert provider.reads == 8


def test_many_threads_read_once(provider: _Provider) -> None:
    store = Store(provider, 1000)  # type: ignore[arg-type]
    threads = [threading.Thread(target=store.series, args=(SCOPE, KEY, [Place("tag")])) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert provider.reads == 1


def test_the_least_recently_used_series_is_forgotten(provider: _Provider) -> None:
    one = merged("maps", _points(_point(0)), None, None).nbytes
    store = Store(provider, 1000, budget=int(2.5 * one))  # type: ignore[arg-type]
    keys = [KEY._replace(layer=layer) for layer in "abc"]
    for key in (keys[0], keys[1], keys[0], keys[2]):
        store.series(SCOPE, key, [Place("tag")])
    assert store.nbytes <= 2.5 * one
    reads = provider.reads
    store.series(SCOPE, keys[0], [Place("tag")])
    assert provider.reads == reads
    store.series(SCOPE, keys[1], [Place("tag")])
    assert provider.reads == reads + 1


def test_series_much_larger_than_their_records_do_not_add_up(
    provider: _Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = block(np.zeros((3, 200, 200), np.float32))  # deflated to next to nothing
    provider.points = [(0, 0.0, Maps(Stamp("ab" * 16, 0), (large,)).to_bytes())]
    one = merged("maps", _points(*provider.points), None, None).nbytes
    monkeypatch.setattr(store_module, "CACHE_EXTRA", 2.5 * one)
    store = Store(provider, 1000)  # type: ignore[arg-type]
    for layer in "abcdef":
        store.series(SCOPE, KEY._replace(layer=layer), [Place("tag")])
    assert 3 * one <= store.nbytes <= 3.5 * one  # what may be kept beside the last one, and that


def test_a_series_that_is_forgotten_is_known_to_be_unchanged(provider: _Provider) -> None:
    store = Store(provider, 1000, budget=1)  # type: ignore[arg-type]
    other, tags = KEY._replace(layer="other"), [Place("tag")]
    assert store.state(SCOPE, KEY, tags) is None
    state = store.series(SCOPE, KEY, tags).state
    store.series(SCOPE, other, tags)
    reads = provider.reads
    assert store.state(SCOPE, KEY, tags) == state
    provider.points.append(_point(1))
    assert store.state(SCOPE, KEY, tags) is None
    assert provider.reads == reads


def test_what_was_read_can_be_looked_at_when_the_data_server_is_dead(provider: _Provider) -> None:
    store = Store(provider, 1000)  # type: ignore[arg-type]
    first = store.series(SCOPE, KEY, [Place("tag")])
    provider.dead = True
    assert store.series(SCOPE, KEY, [Place("tag")]) is first
    with pytest.raises(Unavailable):
        store.series(SCOPE, KEY._replace(layer="unread"), [Place("tag")])


def test_two_hundred_samples_and_a_thousand_steps_take_little_memory_and_answers_hold_what_was_asked_for() -> None:
    """How fast that is, `benchmarks/load.py` measures: a busy machine fails no test."""
    random = np.random.default_rng(0)
    values = random.integers(0, 256, (1000 * 200, 7, 7), np.uint8)
    edges = np.zeros(200, np.float32), np.ones(200, np.float32)
    blocks = [Block(values[200 * s : 200 * s + 200], *edges) for s in range(1000)]
    points = [(s, float(s), Maps(Stamp("ab" * 16, s, 1), (one,)).to_bytes()) for s, one in enumerate(blocks)]
    loaded = merged("maps", _points(*points), None, None)
    assert isinstance(loaded.table, MapTable)
    assert loaded.table.nbytes < 25e6
    one_step = maps_packet(KEY, "positive", loaded, Cut(step=500.0))
    some_samples = maps_packet(KEY, "positive", loaded, Cut(samples=tuple(range(0, 200, 5))))
    assert _unpacked(one_step)[1]["steps"].tolist() == [500]
    assert len(one_step) < 1.3 * 200 * 49  # the maps' bytes are noise, which gzip leaves as long as it is
    assert len(some_samples) < 1.3 * 1000 * 40 * 49


def _unpacked(packet: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    import gzip

    return Answer(200, {}, gzip.decompress(packet)).packet


def test_a_series_whose_last_step_is_lower_is_another_generation() -> None:
    """A directory that was deleted and trained anew: a client that asks for what is new would keep what is gone."""
    old = merged("maps", _points(*map(_point, (0, 5, 10))), None, None)
    new = merged("maps", _points(*map(_point, (0, 5))), old, None)
    assert _steps(new) == [0, 5]
    assert new.generation != old.generation
    # The same where both were sampled, so that which steps are left is chance.
    sampled = merged(
        "maps", _points(*map(_point, (0, 5))), merged("maps", _points(*map(_point, (0, 5, 10))), None, 3), 3
    )
    assert sampled.generation != old.generation


def test_a_damaged_record_is_not_told_where_its_step_has_a_good_one() -> None:
    """A writer that was killed half-way writes the step again."""
    damaged = (1, 1.0, b"damaged")
    loaded = merged("maps", _points(_point(0), damaged, _point(1)), None, None)
    assert _steps(loaded) == [0, 1]
    assert loaded.corrupt == {}
    alone = merged("maps", _points(_point(0), damaged), None, None)
    assert [ident[0] for ident in alone.corrupt] == [1]


def test_of_two_records_of_one_step_the_later_one_counts() -> None:
    """Calls of one step are written again with all of them; the loader of Python keeps both records."""
    one, two = (
        (7, 7.0, Maps(Stamp("ab" * 16, 0, 1), (block(np.full((1, 2, 2), value)),)).to_bytes()) for value in (1.0, 2.0)
    )
    for points in ((one, two), (two, one)):
        loaded = merged("maps", _points(*points), None, None)
        assert isinstance(loaded.table, MapTable)
        assert loaded.table.minimum.tolist() == [2.0 if points[1] is two else 1.0]


def test_steps_are_counted_where_nothing_can_have_been_left_out() -> None:
    """In format 1.0, an ordinal also counts what the same process replaced: a cell run three times was '5 of 15'."""
    points = [(step, 0.0, Maps(Stamp("ab" * 16, 10 + step, 1), ()).to_bytes()) for step in range(5)]
    loaded = merged("maps", _points(*points), None, None)
    assert loaded.total == 15
    assert replace(loaded, complete=True).total == 5
    said = [(step, 0.0, Maps(Stamp("ab" * 16, 10 + step, 1, held=9), ()).to_bytes()) for step in range(5)]
    assert merged("maps", _points(*said), None, None).total == 9
