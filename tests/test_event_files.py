"""Event files: every flipped bit is noticed, and what is whole behind it is found again."""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path

import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.tensorflow_stub import pywrap_tensorflow as oracle

from tensorboard_plugin_gradcam import event_files, read_gradcam
from tensorboard_plugin_gradcam.event_files import (
    ABANDONED_SECONDS,
    Frame,
    Gap,
    Unfinished,
    crc32c,
    folders,
    listed,
    masked_crc32c,
    opened,
    scan,
)
from tensorboard_plugin_gradcam.event_runs import EventRuns
from tensorboard_plugin_gradcam.viewer.damage import Damage
from tests.viewer.eventlog import write_run

STEPS = list(range(0, 200, 10))


def frame(data: bytes) -> bytes:
    """Write a frame as TensorBoard's own writer does."""
    length = struct.pack("<Q", len(data))
    crcs = [struct.pack("<I", oracle.masked_crc32c(part) & 0xFFFFFFFF) for part in (length, data)]
    return length + crcs[0] + data + crcs[1]


def parts(data: bytes) -> list[Frame | Gap | Unfinished]:
    return list(scan(lambda at, count: data[at : at + count], len(data)))


def test_the_checksum_is_castagnolis() -> None:
    assert crc32c(b"123456789") == 0xE3069283  # RFC 3720, B.4, and every other list of CRCs
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(bytes(range(32))) == 0x46DD794E


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 63, 64, 65, 1023, 1024, 1025, 3000, 300_001])
def test_the_checksum_is_tensorboards_at_every_length(size: int) -> None:
    data = random.Random(size).randbytes(size)
    assert masked_crc32c(data) == oracle.masked_crc32c(data) & 0xFFFFFFFF


def test_a_good_file_is_its_frames() -> None:
    bodies = [random.Random(n).randbytes(n * 37) for n in range(20)]
    found = parts(b"".join(map(frame, bodies)))
    assert [one.data for one in found] == bodies  # type: ignore[union-attr]


@pytest.mark.parametrize("seed", range(20))
def test_a_flipped_bit_costs_one_frame(seed: int) -> None:
    rng = random.Random(seed)
    bodies = [rng.randbytes(rng.randrange(300)) for _ in range(20)]
    frames = [frame(body) for body in bodies]
    whole = bytearray(b"".join(frames))
    at = rng.randrange(len(whole))
    whole[at] ^= 1 << rng.randrange(8)
    hit = next(n for n in range(20) if sum(map(len, frames[: n + 1])) > at)
    found = parts(bytes(whole))
    assert [one.data for one in found if isinstance(one, Frame)] == bodies[:hit] + bodies[hit + 1 :]
    (gap,) = (one for one in found if isinstance(one, Gap))
    assert (gap.start, gap.size) == (sum(map(len, frames[:hit])), len(frames[hit]))


@pytest.mark.parametrize("what", ["zeros", "noise", "missing"])
def test_what_follows_a_hole_is_found(what: str) -> None:
    data = frame(b"a" * 100) + frame(b"b" * 600_000) + frame(b"c" * 100)
    hole = {"zeros": bytes(400_000), "noise": random.Random(0).randbytes(400_000), "missing": b""}[what]
    found = parts(data[:200] + hole + data[400_200:])
    assert [one.data[:1] for one in found if isinstance(one, Frame)] == [b"a", b"c"]
    assert sum(one.size for one in found if isinstance(one, Gap)) == len(frame(b"b" * 600_000)) - (
        400_000 if what == "missing" else 0
    )


def test_the_end_of_a_file_that_is_being_written_is_no_damage() -> None:
    data = frame(b"a" * 100) + frame(b"b" * 100)
    for size in range(len(frame(b"a" * 100)) + 1, len(data)):
        first, last = parts(data[:size])
        assert isinstance(first, Frame)
        assert isinstance(last, Unfinished)


@pytest.mark.parametrize("what", ["inserted", "flipped", "zeroed"])
def test_a_damaged_last_frame_is_no_end_of_a_file_that_is_being_written(what: str) -> None:
    data = frame(b"a" * 100) + frame(b"b" * 100)
    at = len(data) - 50
    changed = {
        "inserted": data[:at] + b"x" * 9 + data[at:],
        "flipped": data[:at] + b"B" + data[at + 1 :],
        "zeroed": data[:at] + bytes(50),
    }[what]
    first, last = parts(changed)
    assert isinstance(first, Frame)
    assert isinstance(last, Gap)


def test_a_file_that_ends_within_a_record_is_told_once_nobody_writes_it_any_more(tmp_path: Path) -> None:
    write_run(tmp_path / "run", STEPS)
    (path,) = (tmp_path / "run").iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    assert EventRuns(str(tmp_path), ("gradcam",)).problems == []
    written = path.stat().st_mtime - 2 * ABANDONED_SECONDS
    os.utime(path, (written, written))
    (problem,) = EventRuns(str(tmp_path), ("gradcam",)).problems
    assert "ends within a record, after step 190; its last" in problem


def test_a_value_that_lost_its_data_is_told(tmp_path: Path) -> None:
    write_run(tmp_path / "run", STEPS)
    (path,) = (tmp_path / "run").iterdir()
    bodies = [one.data for one in parts(path.read_bytes()) if isinstance(one, Frame)]
    event = Event.FromString(bodies[-1])
    event.summary.value[0].ClearField("tensor")
    path.write_bytes(b"".join(map(frame, [*bodies[:-1], event.SerializeToString()])))
    (problem,) = EventRuns(str(tmp_path), ("gradcam",)).problems
    assert "at step 190 without its data" in problem
    damage = Damage(str(tmp_path), data_server=True)
    damage.look()
    assert "damaged after step 190;" in damage._problems["run"]
    assert not damage.stopped


def test_lengths_that_lead_nowhere_do_not_take_for_ever() -> None:
    """Each header claims what stands behind it, with the right checksum for the length and none for the data."""
    size = 200_000
    headers = bytearray()
    while len(headers) < size:
        length = struct.pack("<Q", max(size - len(headers) - 16, 0))
        headers += length + struct.pack("<I", oracle.masked_crc32c(length) & 0xFFFFFFFF)
    looked_at = 0

    def read_at(at: int, count: int) -> bytes:
        nonlocal looked_at
        looked_at += count
        return bytes(headers[at : at + count])

    found = list(scan(lambda at, count: read_at(at + 1, count), size - 1))
    assert not any(isinstance(one, Frame) for one in found)
    assert looked_at < 2**26 + 10 * size


def test_every_file_with_a_flipped_bit_is_told_and_loses_one_record(tmp_path: Path) -> None:
    write_run(tmp_path / "run", STEPS)
    (path,) = (tmp_path / "run").iterdir()
    good = path.read_bytes()
    whole = EventRuns(str(tmp_path), ("gradcam",))
    assert whole.problems == []
    tags = whole.PluginRunToTagToContent("gradcam")["run"]
    everything = sum(len(whole.Tensors("run", tag)) for tag in tags)
    rng = random.Random(0)
    for _ in range(200):
        at = rng.randrange(len(good))
        path.write_bytes(good[:at] + bytes([good[at] ^ 1 << rng.randrange(8)]) + good[at + 1 :])
        damaged = EventRuns(str(tmp_path), ("gradcam",))
        (problem,) = damaged.problems
        assert "run 'run': events.out.tfevents" in problem
        assert "is damaged after" in problem
        assert "bytes were not read" in problem
        found = damaged.PluginRunToTagToContent("gradcam")["run"]
        assert sum(len(damaged.Tensors("run", tag)) for tag in found) >= everything - 1


def test_a_file_that_goes_away_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    write_run(tmp_path / "good", STEPS)
    write_run(tmp_path / "bad", STEPS)
    (path,) = (tmp_path / "bad").iterdir()
    path.unlink()
    path.symlink_to("nowhere")
    runs = EventRuns(str(tmp_path), ("gradcam",))
    assert "good" in runs.PluginRunToTagToContent("gradcam")
    assert ["can't be read" in problem for problem in runs.problems] == [True]


def test_growing_files_are_scanned_on_from_where_a_scan_ended(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(frame(b"a") + frame(b"b")[:9])
    first, unfinished = scan(*opened(str(path)))
    assert isinstance(unfinished, Unfinished)
    path.write_bytes(frame(b"a") + frame(b"b"))
    (later,) = scan(*opened(str(path)), start=unfinished.start)
    assert (first, later) == (Frame(0, b"a"), Frame(unfinished.start, b"b"))


@pytest.mark.skipif(os.name == "nt", reason="names there are text")
def test_a_folder_whose_name_is_no_text_takes_no_other_with_it(tmp_path: Path) -> None:
    write_run(tmp_path / "good", [0, 10])
    write_run(tmp_path / "odd", [0, 10])
    os.rename(tmp_path / "odd", os.fsencode(tmp_path) + b"/bad\xff")
    log = read_gradcam(tmp_path)
    assert sorted(key[0] for key in log.maps) == ["bad\\xff", "good"]
    assert {len(series) for series in log.maps.values()} == {2}
    assert not log.problems


def test_links_are_followed_but_not_round_and_round(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "one"
    write_run(run, [0])
    (tmp_path / "linked").symlink_to(run)
    for name in ("up", "up again"):
        (run / name).symlink_to(tmp_path)
    assert [file.run for file in listed(str(tmp_path))] == ["linked", "runs/one"]
    damage = Damage(str(tmp_path), data_server=True)
    damage.look()
    assert set(damage.held.runs) == {"linked", "runs/one"}


def test_folders_that_are_linked_again_and_again_are_not_walked_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_files, "FOLDERS", 1000)
    for depth in range(30):  # 2^30 paths
        (tmp_path / f"{depth}").mkdir()
        for name in ("a", "b"):
            (tmp_path / f"{depth}" / name).symlink_to(tmp_path / f"{depth + 1}")
    assert len(list(folders(str(tmp_path)))) == 1000
