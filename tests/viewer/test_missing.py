"""Steps that stand in event files and that TensorBoard does not hand over are told, and no others."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from tensorboard.compat.proto.event_pb2 import Event, SessionLog

from tensorboard_plugin_gradcam.records import PLUGIN_NAME, Series
from tensorboard_plugin_gradcam.viewer import held
from tensorboard_plugin_gradcam.viewer.catalog import Catalog, Key, catalogued
from tensorboard_plugin_gradcam.viewer.damage import Damage
from tensorboard_plugin_gradcam.viewer.missing import Missing, unread_steps
from tensorboard_plugin_gradcam.viewer.source import Listed, Point
from tensorboard_plugin_gradcam.viewer.store import Loaded, ident_of, merged
from tests.trust.damaged import framed, records
from tests.viewer.eventlog import maps_series, write_run

STEPS = list(range(0, 100, 10))
LATER = "events.out.tfevents.1700000001.host.2.0"
KEY = Key("run", "val", "maps", "grad_cam", "layer4")
MAPS = maps_series()


def written(folder: Path, tag: str = MAPS.tensorboard_tag) -> list[Point]:
    """Return a tag's records in the order in which they stand in a run's files."""
    from tensorboard_plugin_gradcam.event_runs import EventRuns

    return [
        (one.step, one.wall_time, bytes(one.tensor_proto.string_val[0]))
        for one in EventRuns(str(folder), (PLUGIN_NAME,)).Tensors("run", tag)
    ]


def handed_over(points: Iterable[Point], sampled_down: int | None = None) -> Loaded:
    return merged("maps", {ident_of(point): point for point in points}, None, sampled_down)


def listing(reached: int, *others: Series) -> Catalog:
    tags = {one.tensorboard_tag: Listed(one.to_bytes(), reached, 1.0) for one in (MAPS, *others)}
    return catalogued({"run": 1.0}, {"run": tags})


def missing(folder: Path, kept: int | None = 1000, patience: float = 0) -> Missing:
    damage = Damage(str(folder), data_server=True)
    damage.look()
    return Missing(damage.held, {PLUGIN_NAME: kept}, patience, every=-1)


def told(found: Missing, catalog: Catalog, loaded: Loaded) -> str | None:
    """Return what is said of the maps; the other series of the run are all unread."""
    return found.told(catalog, {KEY: loaded}).get(("run", "val"))


def test_a_step_that_tensorboard_passed_is_missed_and_one_that_it_may_still_read_is_not(tmp_path: Path) -> None:
    write_run(tmp_path / "run", STEPS, first=False)
    found = missing(tmp_path, patience=1e9)
    points = written(tmp_path)
    assert told(found, listing(90), handed_over(points)) is None
    assert told(found, listing(60), handed_over(points[:7])) is None
    sentence = told(found, listing(90), handed_over([*points[:2], *points[4:]]))
    assert sentence == (
        "Of the maps of grad_cam at layer4, steps 20, 30 are in the event files, but TensorBoard does not show them."
    )


@pytest.mark.parametrize(("kept", "down"), [(9, None), (None, None), (1000, 8)])
def test_what_may_be_sampled_out_is_not_missed(tmp_path: Path, kept: int | None, down: int | None) -> None:
    write_run(tmp_path / "run", STEPS, first=False)
    found = missing(tmp_path, kept, patience=1e9)
    points = written(tmp_path)
    assert told(found, listing(90), handed_over([*points[:2], *points[4:]], down)) is None


def test_what_a_training_replaced_is_not_missed(tmp_path: Path) -> None:
    write_run(tmp_path / "run", STEPS, first=False)
    write_run(tmp_path / "run", [50, 60], session=2, first=False, name=LATER)
    found = missing(tmp_path, patience=1e9)
    points = written(tmp_path)
    shown = [*points[:5], *points[10:]]  # as the data server has it
    assert told(found, listing(60), handed_over(shown)) is None
    assert "steps 0, 10, 20 and 1 more are" in (told(found, listing(60), handed_over(shown[4:])) or "")


def test_what_a_writer_took_back_is_not_missed(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [*STEPS, 110], first=False)
    (file,) = (tmp_path / "run").iterdir()
    parts = records(file.read_bytes())
    restart = Event(step=50, session_log=SessionLog(status=SessionLog.START))
    file.write_bytes(framed([*parts[:-2], restart.SerializeToString(), *parts[-2:]]))
    found = missing(tmp_path, patience=1e9)
    points = written(tmp_path)
    assert [step for step, _, _ in points] == [0, 10, 20, 30, 40, 110]
    assert told(found, listing(110), handed_over(points)) is None


def test_a_series_whose_steps_go_down_is_read_to_see_what_is_left_of_it(tmp_path: Path) -> None:
    write_run(tmp_path / "run", STEPS, first=False)
    found = missing(tmp_path)
    assert found.suspect(listing(90), {}) is None
    (file,) = (tmp_path / "run").iterdir()
    parts = records(file.read_bytes())
    file.write_bytes(framed([*parts, parts[4]]))  # step 0 once more
    found = missing(tmp_path)
    catalog = listing(0)
    assert unread_steps(found._held.runs["run"], MAPS.tensorboard_tag, 0, time.monotonic()) == []  # it was read
    assert found.suspect(catalog, {}) == KEY
    assert found.suspect(catalog, {}) is None  # once is enough
    assert found.suspect(catalog, {KEY: handed_over(written(tmp_path))}) is None


def test_what_tensorboard_has_not_read_for_long_is_told(tmp_path: Path) -> None:
    write_run(tmp_path / "run", STEPS, first=False)
    points = written(tmp_path)
    patient, hasty = missing(tmp_path, patience=1e9), missing(tmp_path)
    time.sleep(0.01)
    for catalog, loaded in ((listing(50), handed_over(points[:6])), (listing(90), handed_over(points))):
        assert told(patient, catalog, loaded) is None
        sentence = told(hasty, catalog, loaded)
        assert sentence is not None
        assert "TensorBoard has not read 10 later steps, up to step 90, of the predictions" in sentence
        assert ("and 1 other series" in sentence) == (catalog.entries[KEY].max_step == 50)


def test_as_long_as_tensorboard_reads_something_new_nothing_is_unread(tmp_path: Path) -> None:
    write_run(tmp_path / "run", STEPS, first=False)
    found = missing(tmp_path, patience=0.1)
    points = written(tmp_path)
    said = Series("predictions", tag="val")
    for reached in (50, 60):
        time.sleep(0.11)  # all of the file has been there for so long now
        assert told(found, listing(reached, said), handed_over(points[:6])) is None
    time.sleep(0.11)
    assert "has not read" in (told(found, listing(60, said), handed_over(points[:6])) or "")


def test_nobody_waits_for_a_look_at_the_files(tmp_path: Path) -> None:
    """What was said last is said, and what is new as soon as the look is over."""
    write_run(tmp_path / "run", STEPS, first=False)
    damage = Damage(str(tmp_path), data_server=True)
    damage.look()
    found = Missing(damage.held, {PLUGIN_NAME: 1000}, patience=1e9, every=-1)
    points = written(tmp_path)
    before = told(found, listing(90), handed_over([one for one in points if one[0] != 50]))
    assert before is not None
    looking, enough = threading.Event(), threading.Event()

    def look() -> None:
        with damage.held.lock:
            looking.set()
            assert enough.wait(60)

    look_in_the_background = threading.Thread(target=look)
    look_in_the_background.start()
    assert looking.wait(60)
    assert told(found, listing(90), handed_over(points)) == before
    enough.set()
    look_in_the_background.join()
    assert told(found, listing(90), handed_over(points)) is None


def test_a_run_of_too_many_records_is_not_compared_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "HELD_BYTES", 30_000)
    write_run(tmp_path / "run", STEPS, first=False)
    write_run(tmp_path / "larger", range(1000), samples=1, first=False)
    damage = Damage(str(tmp_path), data_server=True)
    damage.look()
    found = Missing(damage.held, {PLUGIN_NAME: 1000}, patience=1e9, every=-1)
    points = written(tmp_path)
    tags = {MAPS.tensorboard_tag: Listed(MAPS.to_bytes(), 990, 1.0)}
    catalog = catalogued({"run": 1.0, "larger": 1.0}, {"run": tags, "larger": tags})
    said = found.told(catalog, {KEY: handed_over([*points[:2], *points[4:]])})
    assert "steps 20, 30 are in the event files" in said["run", "val"]
    assert "too many records to be compared" in said["larger", "val"]
    assert "compared" not in said["run", "val"]
