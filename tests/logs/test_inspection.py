"""What a log directory is said to hold, against what was written."""

from __future__ import annotations

from pathlib import Path

from tensorboard_plugin_gradcam import fix_log, inspect_log
from tests.viewer.eventlog import write_run


def test_series_are_listed_with_their_steps_samples_maps_and_bytes(tmp_path: Path) -> None:
    write_run(tmp_path / "first", [0, 10, 20], samples=5, layers=("layer3", "layer4"))
    write_run(tmp_path / "first", [10], samples=5, session=2, name="events.out.tfevents.1700000001.host.1.0")
    (run,) = inspect_log(tmp_path).runs
    assert (run.run, run.files, run.pictures, run.formats, run.sessions) == ("first", 2, 1, ("1.1",), 2)
    found = {one.layer or one.kind: (one.steps, one.first_step, one.last_step, one.samples) for one in run.series}
    # The training that went on from step 10 replaced what stood at that step and above.
    assert found == {"layer3": (3, 0, 20, 5), "layer4": (2, 0, 10, 5), "predictions": (2, 0, 10, 5)}
    assert {one.map_shape for one in run.series if one.kind == "maps"} == {(7, 7)}
    on_disk = sum(file.stat().st_size for file in (tmp_path / "first").iterdir())
    assert run.bytes == on_disk == sum(run.bytes_by_kind.values())


def test_damage_is_told_record_by_record_and_a_file_that_is_being_written_is_none(tmp_path: Path) -> None:
    write_run(tmp_path / "first", [0, 10, 20])
    (file,) = (tmp_path / "first").iterdir()
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data[:-3])
    found = inspect_log(tmp_path)
    (run,) = found.runs
    assert found.is_damaged
    assert len(run.damage) == 1
    assert "damaged" in run.damage[0]
    assert run.unfinished == (file.name,)


def test_a_file_that_is_gone_takes_no_other_with_it(tmp_path: Path) -> None:
    write_run(tmp_path / "log" / "good", [0, 10])
    gone = tmp_path / "log" / "gone" / "events.out.tfevents.1700000000.host.1.0"
    gone.parent.mkdir()
    gone.symlink_to(tmp_path / "nowhere")
    found = {run.run: run for run in inspect_log(tmp_path / "log").runs}
    assert found["good"].series
    assert not found["good"].damage
    assert "can't be read: No such file" in found["gone"].damage[0]
    made = fix_log(tmp_path / "log", tmp_path / "copy")
    assert [run.run for run in inspect_log(tmp_path / "copy").runs if run.series] == ["good"]
    assert any("can't be read" in line for line in made.left_out)
