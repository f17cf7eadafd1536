"""Files damaged in eight ways: does a step ever disappear without a word? `python -m tests.trust.damaged [FILES]`.

Each damaged file is a run of its own, a minute old. Counted are, for `read_gradcam` and for the tab with each of
TensorBoard's loaders, the files of which something is lost that nobody is told of, and those of which something is
shown that was never logged. Neither may happen, but for what was forged: a record that was altered and given new
checksums may say anything, as long as it is not drawn as another.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tensorboard_plugin_gradcam import read_gradcam
from tensorboard_plugin_gradcam.event_files import ABANDONED_SECONDS, Frame, masked_crc32c, scan
from tensorboard_plugin_gradcam.viewer.limits import DAMAGE_SECONDS, UNREAD_SECONDS
from tests.trust.faults import LOADERS, MAPS, NAME, Original, bit_flipped, drawn_of, half_written, original, settle
from tests.viewer.server import Server, tensorboard

Damaging = Callable[[random.Random, bytes], bytes]
Values = dict[int, np.ndarray]
PATIENCE = 2 * (UNREAD_SECONDS + DAMAGE_SECONDS) + 30  # seconds after which all is told that will be
SILENT = {"SILENT", "WRONG", "RAISED", "NO WARNING"}


def framed(parts: list[bytes]) -> bytes:
    """Frame records, with the checksums that they have now."""
    found = b""
    for part in parts:
        length = len(part).to_bytes(8, "little")
        found += length + _crc(length) + part + _crc(part)
    return found


def _crc(data: bytes) -> bytes:
    return masked_crc32c(data).to_bytes(4, "little")


def records(data: bytes) -> list[bytes]:
    """Return the records of a file that are whole."""
    found = scan(lambda at, count: data[at : at + count], len(data))
    return [part.data for part in found if isinstance(part, Frame)]


def has_a_step(data: bytes) -> bool:
    """Tell whether any record of predictions, with which each step begins, is whole."""
    return any(b"predictions:val" in record for record in records(data))


def _cut(rng: random.Random, data: bytes) -> bytes:
    return half_written(rng, data)[0]


def _flipped(rng: random.Random, data: bytes) -> bytes:
    return bit_flipped(rng, data)[0]


def _inserted(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + rng.randbytes(rng.randint(1, 64)) + data[at:]


def _removed(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.randint(1, 64) :]


def _zeroed(rng: random.Random, data: bytes) -> bytes:
    at, count = rng.randrange(len(data)), rng.choice([16, 512, 4096])
    return data[:at] + bytes(min(count, len(data) - at)) + data[at + count :]


def _reordered(rng: random.Random, data: bytes) -> bytes:
    parts = records(data)
    one, other = rng.randrange(1, len(parts)), rng.randrange(1, len(parts))
    parts[one], parts[other] = parts[other], parts[one]
    return framed(parts)


def _duplicated(rng: random.Random, data: bytes) -> bytes:
    parts = records(data)
    parts.insert(rng.randrange(1, len(parts) + 1), rng.choice(parts[1:]))
    return framed(parts)


def _reframed(rng: random.Random, data: bytes) -> bytes:
    parts = records(data)
    at = rng.randrange(1, len(parts))
    parts[at] = bit_flipped(rng, parts[at])[0]
    return framed(parts)


KINDS: dict[str, Damaging] = {
    "cut": _cut,
    "flipped": _flipped,
    "inserted": _inserted,
    "removed": _removed,
    "zeroed": _zeroed,
    "reordered": _reordered,
    "duplicated": _duplicated,
    "reframed": _reframed,
}
FORGED = {"reframed"}  # for which TensorBoard's Python loader ends, so they have a directory of their own


def write_damaged(folder: Path, good: Original, kind: str, count: int) -> list[str]:
    """Write damaged copies, each a run that nobody writes any more; return the runs."""
    rng = random.Random(kind)
    runs = []
    for number in range(count):
        file = folder / f"{kind}-{number:04d}" / NAME
        file.parent.mkdir(parents=True)
        file.write_bytes(KINDS[kind](rng, good.data))
        written = time.time() - 2 * ABANDONED_SECONDS
        os.utime(file, (written, written))
        runs.append(file.parent.name)
    return runs


def maps_of(folder: Path) -> Values:
    """Return the maps of a good log by step."""
    (series,) = read_gradcam(folder).maps.values()
    return {moment.step: moment.record.blocks[0].values for moment in series}


def verdict_of_reader(good: Values, folder: Path) -> str:
    """Judge what `read_gradcam` makes of a damaged log of one run."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            log = read_gradcam(folder)
        except Exception as error:
            return f"RAISED {type(error).__name__}"
    if log.problems and not warned:
        return "NO WARNING"
    found = {one.step: one.record.blocks[0].values for series in log.maps.values() for one in series}
    if any(step not in good or not np.array_equal(good[step], values) for step, values in found.items()):
        return "WRONG"
    return _verdict(len(set(good) - set(found)), bool(log.problems))


def _verdict(lost: int, told: bool) -> str:
    if lost:
        return "lost, told" if told else "SILENT"
    return "all, told" if told else "all"


def verdict_of_tab(good: Original, server: Server, run: str, problem: bool) -> str:
    """Judge what the tab shows of a damaged run, of which something is told or nothing."""
    answer = server.get("maps", run=run, **MAPS)
    if answer.status not in (200, 404, 415):
        return f"RAISED {answer.status}"
    drawn = drawn_of(answer) if answer.status == 200 else {}
    header = answer.packet[0] if answer.status == 200 else {}
    if any(good.maps.get(step) != content for step, content in drawn.items()):
        return "WRONG"
    picture = server.get("image", run=run, digest=good.digest)
    if picture.status not in (404, 415) and picture.body != good.picture:
        return "WRONG"
    return _verdict(len(set(good.maps) - set(drawn)), problem or bool(header.get("corrupt")))


def problems(server: Server) -> dict[str, str]:
    """Return what the tab says of each run."""
    said = {}
    for run in server.get("series").json["runs"]:
        text = " ".join(tag["problem"] for tag in run["tags"] if tag["problem"])
        said |= {run["run"]: text} if text else {}
    return said


def told_at_last(server: Server, expected: set[str]) -> dict[str, str]:
    """Return what the tab says of each run once it says something of all that are expected, or patience ends."""
    end = time.monotonic() + PATIENCE
    while not (said := problems(server)).keys() >= expected and time.monotonic() < end:
        time.sleep(1)
    return said


def in_the_tab(folder: Path, good: Original, runs: list[str], loader: str) -> dict[str, str]:
    """Judge each run by one of the loaders; of a file in which no step is whole, the tab has no place to say so."""
    ours = {run for run in runs if has_a_step((folder / run / NAME).read_bytes())}
    with tensorboard(folder, *LOADERS[loader]) as server:
        settle(server)
        lacking = {run for run in ours if verdict_of_tab(good, server, run, False) == "SILENT"}
        said = told_at_last(server, lacking)
        return {run: verdict_of_tab(good, server, run, run in said) if run in ours else "no step in it" for run in runs}


def main(count: int = 128) -> int:
    """Damage as many files of each kind, and print the figures."""
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        good = original(base / "good")
        values = maps_of(base / "good")
        runs = {kind: write_damaged(_folder(base, kind), good, kind, count) for kind in KINDS}
        judged = {
            ("read_gradcam", kind): Counter(verdict_of_reader(values, _folder(base, kind) / run) for run in of_kind)
            for kind, of_kind in runs.items()
        }
        for loader in ("data server", "Python loader"):
            for kinds in (FORGED, KINDS.keys() - FORGED):
                of_kinds = [run for kind in sorted(kinds) for run in runs[kind]]
                found = in_the_tab(_folder(base, min(kinds)), good, of_kinds, loader)
                judged |= {(loader, kind): Counter(found[run] for run in runs[kind]) for kind in kinds}
        for (reader, kind), counts in sorted(judged.items()):
            wrong = sum(number for word, number in counts.items() if word.isupper() or word.startswith("RAISED"))
            bad += wrong
            sys.stdout.write(f"{count} {kind} files, {reader}: {dict(counts)}\n")
    return 1 if bad else 0


def _folder(base: Path, kind: str) -> Path:
    return base / ("forged" if kind in FORGED else "damaged")


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
