"""Damaged event files by the thousand: `python -m tests.trust.faults [FILES]`.

Each damaged file is a run of its own in one log directory, read by the real TensorBoard with each of its loaders. What
must hold of each: everything before the damage is shown, whatever is shown is what was logged, and a damaged record is
marked or absent, never drawn.
"""

from __future__ import annotations

import random
import struct
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.viewer.eventlog import write_run
from tests.viewer.server import Answer, Server, tensorboard

STEPS = list(range(0, 400, 10))
NAME = "events.out.tfevents.1700000000.host.1.0"
MAPS = {"tag": "val", "method": "grad_cam", "layer": "layer4"}


@dataclass(frozen=True)
class Original:
    """The undamaged file: its bytes, where each of its records ends, its picture, and what each step's maps are."""

    data: bytes
    ends: list[int]
    digest: str
    picture: bytes
    maps: dict[float, bytes]

    def records_before(self, at: int) -> int:
        """Return how many records lie wholly before a byte."""
        return sum(end <= at for end in self.ends)


def original(folder: Path) -> Original:
    """Write one good run and look at it through TensorBoard."""
    write_run(folder / "run", STEPS, samples=3)
    data = (folder / "run" / NAME).read_bytes()
    with tensorboard(folder) as server:
        server.wait(lambda server: len(shown(server, "run")) == len(STEPS))
        (cohort,) = server.get("maps", run="run", **MAPS).packet[0]["cohorts"]
        digest = server.get("cohort", run="run", digest=cohort).json["samples"][0]["image"]
        picture = server.get("image", run="run", digest=digest).body
        return Original(data, _ends(data), digest, picture, shown(server, "run"))


def shown(server: Server, run: str) -> dict[float, bytes]:
    """Return what the tab would draw of each step of a run: ranges and values."""
    answer = server.get("maps", run=run, **MAPS)
    if answer.status != 200:
        assert answer.status in (404, 415), answer
        return {}
    return drawn_of(answer)


def drawn_of(answer: Answer) -> dict[float, bytes]:
    """Return ranges and values of each step in a packet of maps."""
    _, arrays = answer.packet
    steps, first, offset = arrays["steps"], arrays["first"], np.append(arrays["offset"], len(arrays["values"]))
    drawn = {}
    for row, step in enumerate(steps.tolist()):
        low, high = first[row], first[row + 1]
        parts = [arrays[name][low:high].tobytes() for name in ("sample", "target", "minimum", "maximum", "shape")]
        drawn[step] = b"".join([*parts, arrays["values"][offset[low] : offset[high]].tobytes()])
    return drawn


def _ends(data: bytes) -> list[int]:
    ends, at = [], 0
    while at < len(data):
        at += 16 + struct.unpack_from("<Q", data, at)[0]
        ends.append(at)
    return ends


def half_written(rng: random.Random, data: bytes) -> tuple[bytes, int]:
    """Cut a file anywhere; return it and where the damage begins."""
    at = rng.randrange(len(data))
    return data[:at], at


def bit_flipped(rng: random.Random, data: bytes) -> tuple[bytes, int]:
    """Flip one bit anywhere."""
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :], at


DAMAGES = {"half-written": half_written, "bit-flipped": bit_flipped}


def damaged_logs(folder: Path, good: Original, damage: str, count: int, seed: int = 0) -> dict[str, int]:
    """Write damaged copies, each a run; return where the damage of each begins."""
    rng = random.Random(seed)
    places = {}
    for number in range(count):
        data, at = DAMAGES[damage](rng, good.data)
        run = folder / f"{damage}-{number:04d}"
        run.mkdir(parents=True)
        (run / NAME).write_bytes(data)
        places[run.name] = at
    return places


def steps_before(good: Original, at: int) -> list[int]:
    """Return the steps whose maps were wholly written before a byte: four records a step, after three for the start."""
    # File version, image, cohort; predictions, their first, maps, their first; then predictions and maps of each step.
    whole = good.records_before(at) - 3
    return [step for row, step in enumerate(STEPS) if whole >= (3 if row == 0 else 4 + 2 * row)]


def verdict(good: Original, at: int, drawn: dict[float, bytes]) -> str:
    """Judge what is drawn of a damaged file."""
    if any(good.maps.get(step) != content for step, content in drawn.items()):
        return "WRONG"
    if any(step not in drawn for step in steps_before(good, at)):
        return "LOST"
    return "all before the damage" if len(drawn) < len(STEPS) else "all"


LOADERS = {
    "data server": ("true",),
    "data server with --checksum": ("true", "--extra_data_server_flags=--checksum"),
    "Python loader": ("false",),
}


def judged(folder: Path, good: Original, places: dict[str, int], loader: str) -> Counter[str]:
    """Read damaged logs with one of the loaders and judge each."""
    counts: Counter[str] = Counter()
    with tensorboard(folder, *LOADERS[loader]) as server:
        settle(server)
        for run, at in places.items():
            result = verdict(good, at, shown(server, run))
            picture = server.get("image", run=run, digest=good.digest)
            if picture.status not in (404, 415) and picture.body != good.picture:
                result = "WRONG PICTURE"
            if result == "LOST" and loader == "data server":
                # Unverified, a lower step is a restart to it, and it drops what was before; with --checksum it isn't.
                result = "dropped by the data server"
            counts[result] += 1
            if result.isupper():
                sys.stderr.write(f"{result}: run {run}, damage at byte {at} of record {good.records_before(at)}\n")
        if server.get("series").status != 200:
            counts["DEAD"] += 1
    return counts


def settle(server: Server) -> None:
    """Wait until TensorBoard has read all there is."""
    last, since = b"", time.monotonic()
    while time.monotonic() - since < 3:
        now = server.get("series").body
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(0.3)


def main(count: int = 1000) -> int:
    """Run all and print the figures."""
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        good = original(Path(name) / "good")
        for damage in DAMAGES:
            folder = Path(name) / damage
            places = damaged_logs(folder, good, damage, count)
            for loader in LOADERS:
                counts = judged(folder, good, places, loader)
                bad += sum(number for result, number in counts.items() if result.isupper())
                sys.stdout.write(f"{count} {damage} files, {loader}: {dict(counts)}\n")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
