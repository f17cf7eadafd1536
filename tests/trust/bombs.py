"""Small logs that would take gigabytes: `python -m tests.trust.bombs [MEGABYTES] [NAME]`.

Each bomb is a few megabytes of event file, written byte by byte here, so that nothing of the package decides what can
be written. The real TensorBoard loads them, with each of its loaders, and each is asked for once, and by ten clients at
once, the cache being cold. What must hold: one request takes at most three times the bytes of the record and 64 MB, and
a second of processor and one more for each 10 MB; ten together take at most `AT_ONCE`; and all is answered, if only by
"try again".
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tensorboard_plugin_gradcam.records import LATER_PLUGIN_NAME
from tensorboard_plugin_gradcam.viewer.limits import LOOKED_BYTES, SUMMARIES_BYTES
from tests.trust.bomb_kinds import Study, cohorts, maps, numbers, pictures, predictions, studied
from tests.trust.faults import MAPS
from tests.trust.raw import RawLog, envelope, field
from tests.viewer.eventlog import write_run
from tests.viewer.server import Answer, Server, tensorboard

MB = 1_000_000
AT_ONCE = 1_000 * MB
STATUSES = frozenset({200, 404, 415, 503})
ORDINARY = "ordinary"  # run that is no bomb
RESTS = 0.03  # of a processor that TensorBoard takes while nobody asks it for anything
ONCE = ("--reload_interval", "3600")  # so that TensorBoard's own work is not taken for that of a request
TRIES = 30  # of a request that is told to come again
RUNS = 20  # whose findings are asked for together
OF_RUNS = {
    "boxes of the most samples",
    "deflated maps of many steps",
    "large deflated maps of many steps",
    "many steps",
}
NAMES = {"true": "data server", "false": "Python loader"}


@dataclass(frozen=True)
class Bomb:
    """What is asked for, and the bytes that TensorBoard hands over for it."""

    name: str
    route: str
    arguments: dict[str, str | list[str]]
    size: int

    @property
    def runs(self) -> list[str]:
        """The runs that it is asked of."""
        named = self.arguments["run"]
        return [named] if isinstance(named, str) else named


def write_all(logdir: Path, size: int) -> list[Bomb]:
    """Write all bombs, each into a run of its own."""
    found = []
    for kind, data_class, number, blobs in (("cohort", 3, 2, cohorts(size)), ("image", 3, 1, pictures(size))):
        for index, (name, blob) in enumerate(blobs):
            data = envelope(blob) if kind == "cohort" else blob
            digest = f"{index:032x}"
            log = RawLog(logdir / f"{kind}-{index}")
            log.add(f"gradcam/{kind}/{digest}", _content(number, field(6, digest.encode())), data, 0, data_class)
            found.append(Bomb(name, kind, {"run": f"{kind}-{index}", "digest": digest}, len(data)))
    for index, (name, payloads) in enumerate(maps(size)):
        _write_steps(RawLog(logdir / f"maps-{index}"), 4, payloads)
        found.append(Bomb(name, "maps", {"run": f"maps-{index}", **PLACE}, sum(len(envelope(one)) for one in payloads)))
    for route, number, kinds in (("predictions", 3, predictions(size)), ("numbers", 5, numbers(size))):
        for index, (name, payloads) in enumerate(kinds):
            run = f"{route}-{index}"
            _write_steps(RawLog(logdir / run), number, payloads)
            arguments: dict[str, str | list[str]] = {"run": run, "tag": "t"}
            size_of_all = sum(len(envelope(one)) for one in payloads)
            found.append(Bomb(name, route, arguments | ({"name": "n"} if number == 5 else {}), size_of_all))
    for index, study in enumerate(studied(size)):
        found += _write_study(logdir, f"study-{index}", study)
    for study in studied(size // RUNS):
        if study.name in OF_RUNS:
            runs = [f"{study.name} {run}" for run in range(RUNS)]
            sizes = [_write_study(logdir, run, study)[0].size for run in runs]
            found.append(Bomb(f"{study.name} of {RUNS} runs", "findings", {"run": runs, **PLACE}, sum(sizes)))
    return found


PLACE = {"tag": "t", "method": "m", "layer": "l"}


def _write_study(logdir: Path, run: str, study: Study) -> list[Bomb]:
    log = RawLog(logdir / run)
    for place, cohort in enumerate(study.cohorts):
        digest = f"{place:032x}"
        log.add(f"gradcam/cohort/{digest}", _content(2, field(6, digest.encode())), envelope(cohort), 0, 3)
    for number, payloads in ((4, study.maps), (3, study.said), (7, study.sums)):
        _write_steps(log, number, payloads)
    size = sum(len(envelope(one)) for one in study.records)
    return [
        Bomb(study.name, "findings", {"run": run, **PLACE}, size),
        Bomb(study.name, "atlas", {"run": run, **PLACE, "by": "prediction"}, size),
        Bomb(study.name, "behind", {"run": run, **PLACE, "region": "0,0,0.5,0.5"}, size),
    ]


def _write_steps(log: RawLog, number: int, payloads: list[bytes]) -> None:
    """Write the records of one series: 3 predictions, 4 maps, 5 numbers, 7 sums."""
    of_maps = {3: b"", 5: field(9, b"n")}.get(number, field(4, b"m") + field(5, b"l"))
    plugin = LATER_PLUGIN_NAME.encode() if number > 4 else b"gradcam"
    for step, payload in enumerate(payloads):
        log.add(f"t/{number}", _content(number, field(3, b"t") + of_maps), envelope(payload), step, 2, plugin)


def _content(number: int, rest: bytes) -> bytes:
    """Encode what a `Series` of a kind says of itself."""
    return field(1, field(1, 1)) + field(2, number) + rest


def warm_up(server: Server) -> None:
    """Ask for something ordinary by each route: what a route imports, it imports once."""
    of_maps = {"run": ORDINARY, **MAPS}
    server.wait(lambda server: server.get("maps", **of_maps).status == 200, 120)
    for cohort in server.get("maps", **of_maps).packet[0]["cohorts"]:
        (sample, *_) = server.get("cohort", run=ORDINARY, digest=cohort).json["samples"]
        server.get("image", run=ORDINARY, digest=sample["image"])
    server.get("findings", **of_maps)
    server.get("atlas", **of_maps, by="prediction")
    server.get("behind", **of_maps, region="0,0,0.5,0.5")


def reset_peak(server: Server) -> int:
    """Forget the peak of TensorBoard's memory so far; return what it takes now, in bytes."""
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
    return memory(server, "VmRSS")


def memory(server: Server, name: str) -> int:
    """Return one of the kernel's figures of TensorBoard's memory, in bytes."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{server.process.pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def processor(server: Server) -> float:
    """Return the seconds of processor that TensorBoard took, its data server apart."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """What requests for one bomb took."""

    memory: int
    processor: float
    statuses: tuple[int, ...]


def cost(server: Server, bomb: Bomb, clients: int) -> Cost:
    """Ask for a bomb by a number of clients at once, again as long as they are told to; return the most of any time."""
    most = Cost(0, 0.0, ())
    for _ in range(TRIES):
        before, began = reset_peak(server), processor(server)
        with ThreadPoolExecutor(clients) as pool:
            ask = [pool.submit(server.get, bomb.route, **bomb.arguments) for _ in range(clients)]
            answers: list[Answer] = [one.result() for one in ask]
        statuses = {answer.status for answer in answers}
        most = Cost(
            max(most.memory, memory(server, "VmHWM") - before),
            max(most.processor, processor(server) - began),
            tuple(sorted(statuses.union(most.statuses))),
        )
        if 503 not in statuses:
            break
    return most


def faults(bomb: Bomb, one: Cost, clients: int = 1) -> list[str]:
    """Return which promises a request broke; of several that are told to try again, each may take its own time."""
    found = []
    kept = SUMMARIES_BYTES + LOOKED_BYTES if len(bomb.runs) > 1 else 0  # counted with what all requests take
    if one.memory > 3 * bomb.size + 64 * MB + kept:
        found.append(f"{one.memory / MB:.0f} MB")
    if one.processor > (1 + bomb.size / (10 * MB)) * (clients if 503 in one.statuses else 1):
        found.append(f"{one.processor:.1f} s of processor")
    if not STATUSES.issuperset(one.statuses):
        found.append(f"answers {one.statuses}")
    return found


def settled(server: Server, bombs: list[Bomb]) -> None:
    """Wait until TensorBoard has loaded everything."""
    runs = {run for bomb in bombs if bomb.route in ("maps", "findings") for run in bomb.runs}
    server.wait(lambda server: server.get("series").status == 200, 120)
    server.wait(lambda server: {run["run"] for run in server.get("series").json["runs"]} >= runs, 600)
    warm_up(server)
    last = -1.0
    while (now := processor(server)) - last > RESTS * 3:  # TensorBoard's own reading, and a look at the files
        last = now
        time.sleep(3)


def one_by_one(logdir: Path, bombs: list[Bomb], loader: str, clients: int) -> int:
    """Ask for one bomb after the other and print what each took; return how many broke a promise."""
    bad = 0
    with tensorboard(logdir, loader, *ONCE) as server:
        settled(server, bombs)
        start = reset_peak(server)
        peak = 0
        for bomb in bombs if clients == 1 else reversed(bombs):  # so that another route finds nothing in the cache
            taken = cost(server, bomb, clients)
            wrong = faults(bomb, taken, clients)
            peak = max(peak, taken.memory)
            bad += bool(wrong)
            sys.stdout.write(
                f"{bomb.route} {bomb.name}: {bomb.size / MB:.1f} MB took {taken.memory / MB:.0f} MB and "
                f"{taken.processor:.1f} s, {taken.statuses} {'WRONG ' + ', '.join(wrong) if wrong else ''}\n"
            )
            sys.stdout.flush()
        kept = memory(server, "VmRSS") - start
        sys.stdout.write(
            f"{NAMES[loader]}, {clients} at once: {len(bombs)} bombs, {bad} too large, peak of one "
            f"{peak / MB:.0f} MB, {kept / MB:.0f} MB kept after all\n"
        )
        return bad + (kept > AT_ONCE)


def all_at_once(logdir: Path, bombs: list[Bomb], loader: str) -> int:
    """Ask for all bombs at once and print what that took; return whether it broke a promise."""
    with tensorboard(logdir, loader, *ONCE) as server:
        settled(server, bombs)
        start = reset_peak(server)
        with ThreadPoolExecutor(len(bombs)) as pool:
            ask = [pool.submit(server.get, bomb.route, **bomb.arguments) for bomb in bombs]
            statuses = sorted({one.result().status for one in ask})
        together = memory(server, "VmHWM") - start
        sys.stdout.write(f"{NAMES[loader]}, all at once: {together / MB:.0f} MB, {statuses}\n")
        return int(together > AT_ONCE or not STATUSES.issuperset(statuses))


def main(megabytes: int = 5, named: str = "") -> int:
    """Ask for all, or those with such a name or route, and print the figures."""
    with tempfile.TemporaryDirectory() as name:
        write_run(Path(name) / ORDINARY, [1, 2], samples=3)
        bombs = [one for one in write_all(Path(name), megabytes * MB) if named in f"{one.route} {one.name}"]
        bad = 0
        for loader in NAMES:
            bad += sum(one_by_one(Path(name), bombs, loader, clients) for clients in (1, 10))
            bad += all_at_once(Path(name), bombs, loader)
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main(int((sys.argv[1:] or ["5"])[0]), *sys.argv[2:3]))
