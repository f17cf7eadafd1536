"""A log written anew holds what the old one holds, but for what is damaged or too much."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tensorboard.compat.proto import event_pb2

from tensorboard_plugin_gradcam import add_gradcam, fix_log, inspect_log, prune_log, read_gradcam
from tensorboard_plugin_gradcam.cli import main
from tensorboard_plugin_gradcam.event_files import Frame, opened, scan
from tensorboard_plugin_gradcam.logs.rewriting import _framed
from tensorboard_plugin_gradcam.records import Series
from tests.viewer.eventlog import EventLog, write_run

STEPS = list(range(0, 400, 10))
# What is written here has no times of its own: a training that goes on looks like a second writer.
pytestmark = pytest.mark.filterwarnings("ignore:.*(two processes|damaged|problems)")


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    write_run(tmp_path / "log" / "first", STEPS, layers=("layer3", "layer4"))
    with EventLog(tmp_path / "log" / "first") as log:
        log.add_value("loss", b"", b"of another plugin", 5, plugin="scalars")
    write_run(tmp_path / "log" / "second", STEPS)
    return tmp_path / "log"


def test_a_log_that_is_whole_stays_what_it_is_byte_for_byte(logdir: Path, tmp_path: Path) -> None:
    made = fix_log(logdir, tmp_path / "new")
    assert made.left_out == ()
    for file in logdir.rglob("*tfevents*"):
        assert (tmp_path / "new" / file.relative_to(logdir)).read_bytes() == file.read_bytes()


def test_damaged_frames_and_damaged_records_are_left_out_and_all_else_stays(logdir: Path, tmp_path: Path) -> None:
    series = Series("predictions", tag="val")
    with EventLog(logdir / "second") as log:
        log.add(series, b"nothing", 400)
    (file,) = (logdir / "first").iterdir()
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data[:-3])
    before = read_gradcam(logdir)
    made = fix_log(logdir, tmp_path / "new")
    assert len(made.left_out) == 3
    assert any("step 400 of tag" in sentence for sentence in made.left_out)
    found = inspect_log(tmp_path / "new")
    assert not found.is_damaged
    assert not any(run.unfinished for run in found.runs)
    after = read_gradcam(tmp_path / "new")
    assert {key: one.steps.tolist() for key, one in after.maps.items()} == {
        key: one.steps.tolist() for key, one in before.maps.items()
    }


def test_a_thinned_log_fits_and_keeps_first_and_last_steps_of_all_series_alike(logdir: Path, tmp_path: Path) -> None:
    size = sum(file.stat().st_size for file in logdir.rglob("*tfevents*"))
    made = prune_log(logdir, tmp_path / "new", size // 2)
    assert size // 3 < made.bytes_after <= size // 2
    before, after = read_gradcam(logdir), read_gradcam(tmp_path / "new")
    assert after.files == before.files
    for run in ("first", "second"):
        steps = after.predictions[run, "val"].steps.tolist()
        assert (steps[0], steps[-1]) == (0, STEPS[-1])
        for key, series in after.maps.items():
            if key[0] == run:
                assert series.steps.tolist() == steps
                np.testing.assert_array_equal(
                    series[steps[1]].record.blocks[0].values, before.maps[key][steps[1]].record.blocks[0].values
                )
    assert (made.steps[0], made.steps[1]) == (len(STEPS), len(steps))
    assert b"of another plugin" in next((tmp_path / "new" / "first").iterdir()).read_bytes()


def test_what_a_restart_replaced_goes_first(tmp_path: Path) -> None:
    write_run(tmp_path / "log" / "run", [0, 10, 20, 30])
    later = "events.out.tfevents.1700000001.host.1.0"
    write_run(tmp_path / "log" / "run", [10, 20], session=2, seed=1, name=later)
    size = sum(file.stat().st_size for file in tmp_path.rglob("*tfevents*"))
    made = prune_log(tmp_path / "log", tmp_path / "new", size)
    assert made.bytes_after < size
    found = read_gradcam(tmp_path / "new")
    assert found.predictions["run", "val"].steps.tolist() == [0, 10, 20]
    values = [log.maps["run", "val", "grad_cam", "layer4"].array() for log in (found, read_gradcam(tmp_path / "log"))]
    np.testing.assert_array_equal(*values)


def test_a_tag_keeps_its_metadata_where_they_stood_on_a_record_that_goes(tmp_path: Path) -> None:
    """Some writers write metadata once for each tag; here they stand on records that a restart replaced."""
    write_run(tmp_path / "log", [0, 10], first=False)
    write_run(tmp_path / "log", [0], session=2, first=False, name="events.out.tfevents.1700000001.host.1.0")
    file = max((tmp_path / "log").iterdir())
    frames = []
    for part in scan(*opened(str(file))):
        assert isinstance(part, Frame)
        event = event_pb2.Event.FromString(part.data)
        for value in event.summary.value:
            if not value.tag.startswith(("gradcam:image", "gradcam:cohort")):
                value.ClearField("metadata")
        frames.append(_framed(event.SerializeToString()))
    file.write_bytes(b"".join(frames))
    before = read_gradcam(tmp_path / "log")
    prune_log(tmp_path / "log", tmp_path / "new", 10**9)
    after = read_gradcam(tmp_path / "new")
    assert {key: one.steps.tolist() for key, one in after.maps.items()} == {key: [0] for key in before.maps}


def test_what_can_not_be_is_told(logdir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="expected a size of at least"):
        prune_log(logdir, tmp_path / "new", 100)
    with pytest.raises(FileExistsError, match="new or empty"):
        fix_log(logdir, logdir)
    assert not (tmp_path / "new").exists()
    assert main(["inspect", str(logdir), "--prune", "50kB"]) == 2
    assert "--output NEW" in capsys.readouterr().err
    assert main(["inspect", str(logdir), "--prune", "fifty", "-o", str(tmp_path / "new")]) == 2
    assert main(["inspect", str(logdir), "--prune", "60kB", "-o", str(tmp_path / "new")]) == 0
    assert "of 40 steps stay" in capsys.readouterr().out


def test_of_maps_that_take_turns_those_that_no_reader_sees_go_first(tmp_path: Path) -> None:
    for step in range(8):
        maps = np.random.default_rng(step).gamma(0.5, size=(40, 7, 7))
        add_gradcam(str(tmp_path / "log"), "val", None, maps, step, ids=list(map(str, range(40))), keep_maps=2)
    whole = inspect_log(tmp_path / "log").bytes
    prune_log(tmp_path / "log", tmp_path / "new", int(0.9 * whole))
    before, after = read_gradcam(tmp_path / "log"), read_gradcam(tmp_path / "new")
    for mine, theirs in zip((*before.maps.values(), *before.sums.values()),
                            (*after.maps.values(), *after.sums.values()), strict=True):  # fmt: skip
        assert mine.steps.tolist() == theirs.steps.tolist()
