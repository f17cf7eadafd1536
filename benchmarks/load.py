"""Fifty people scrub at once: `python -m benchmarks.load [CLIENTS] [SECONDS]`.

One TensorBoard with 5 runs x 200 samples x 1,000 steps of 7 x 7 maps, and beside it the Images tab with overlays of the
same samples, of which TensorBoard keeps 10 steps. Each client goes to a random step of a run every 0.2 s (or as soon as
the last one is there) and asks for a screen of 16 samples: one request here, 16 pictures there. A newcomer also loads
its screen's whole series and pictures, as the tab does. Clients and server share the machine.
"""

from __future__ import annotations

import gzip
import http.client
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import cv2
import numpy as np
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from benchmarks.figures import record
from tensorboard_plugin_gradcam import add_gradcam, prepare_samples
from tensorboard_plugin_gradcam.heatmap import overlay

RUNS, SAMPLES, STEPS, SCREEN, KEPT = 5, 200, 1000, 16, 10
PAUSE = 0.2  # seconds between two steps of one client
Ask = Callable[[str], bytes]


def photographs(random_: np.random.Generator) -> np.ndarray:
    """Return pictures of 224 x 224 that compress like photographs do, not like noise."""
    small = random_.integers(0, 256, (SAMPLES, 56, 56, 3), np.uint8)
    return np.stack([cv2.resize(one, (224, 224), interpolation=cv2.INTER_CUBIC) for one in small])


def write_maps(folder: Path) -> None:
    """Write the runs of the Grad-CAM tab."""
    random_ = np.random.default_rng(0)
    samples = prepare_samples(photographs(random_))
    for run in range(RUNS):
        for step in range(STEPS):
            maps = random_.normal(size=(SAMPLES, 7, 7)).astype(np.float32)
            add_gradcam(folder / f"run{run}", "val", samples, maps, step, layer="layer4")


def write_overlays(folder: Path) -> None:
    """Write the runs of the Images tab: the steps that TensorBoard would keep, one tag a sample."""
    random_ = np.random.default_rng(0)
    files = [
        cv2.imencode(".png", overlay(image, random_.normal(size=(7, 7)).astype(np.float32)))[1].tobytes()
        for image in photographs(random_)
    ]
    for run in range(RUNS):
        writer = EventFileWriter(str(folder / f"run{run}"))
        for step in range(KEPT):
            for sample in range(SAMPLES):
                image = summary_pb2.Summary.Image(
                    height=224, width=224, colorspace=3, encoded_image_string=files[sample]
                )
                value = summary_pb2.Summary.Value(tag=f"val/{sample}", image=image)
                summary = summary_pb2.Summary(value=[value])
                writer.add_event(event_pb2.Event(step=step, wall_time=time.time(), summary=summary))
        writer.close()


def grad_cam_client(ask: Ask, chance: random.Random) -> Iterator[str]:
    """Open the tab, then yield a query for each step that is gone to."""
    ask("/data/plugin/gradcam/series")
    run, first = f"run{chance.randrange(RUNS)}", chance.randrange(SAMPLES - SCREEN)
    screen = ",".join(map(str, range(first, first + SCREEN)))
    series = {"run": run, "tag": "val", "method": "grad_cam", "layer": "layer4", "samples": screen}
    packet = ask("/data/plugin/gradcam/maps?" + urlencode(series))
    assert packet
    cohort = ask("/data/plugin/gradcam/cohort?" + urlencode({"run": run, "digest": _cohort(packet)}))
    for sample in json.loads(_plain(cohort))["samples"][first : first + SCREEN]:
        ask("/data/plugin/gradcam/image?" + urlencode({"run": run, "digest": sample["image"]}))
    while True:
        yield "/data/plugin/gradcam/maps?" + urlencode(series | {"step": chance.randrange(STEPS)})


def images_client(ask: Ask, chance: random.Random) -> Iterator[str]:
    """Open the tab, then yield the queries of each step that is gone to, one after the other."""
    ask("/data/plugin/images/tags")
    run, first = f"run{chance.randrange(RUNS)}", chance.randrange(SAMPLES - SCREEN)
    keys = []
    for sample in range(first, first + SCREEN):
        query = urlencode({"run": run, "tag": f"val/{sample}", "sample": 0})
        keys.append([one["query"] for one in json.loads(_plain(ask(f"/data/plugin/images/images?{query}")))])
    while True:
        step = chance.randrange(KEPT)
        for steps in keys:
            yield f"/data/plugin/images/individualImage?{steps[step]}"


def _plain(body: bytes) -> bytes:
    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body


def _cohort(packet: bytes) -> str:
    body = _plain(packet)
    header = json.loads(body[8 : 8 + int.from_bytes(body[4:8], "little")])
    return str(header["cohorts"][0])


class Crowd:
    """Clients that scrub until the time is up."""

    def __init__(self, port: int, client: Callable[[Ask, random.Random], Iterator[str]], screen: int) -> None:
        self.port, self.client, self.screen = port, client, screen
        self.requests: list[float] = []  # seconds
        self.screens: list[float] = []
        self.openings: list[float] = []
        self.errors: list[str] = []

    def ask(self, path: str) -> bytes:
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            body = answer.read()
        except OSError as error:
            self.errors.append(str(error))
            return b""
        finally:
            connection.close()
        if answer.status != 200:
            self.errors.append(f"{answer.status} {path[:100]}")
        self.requests.append(time.perf_counter() - began)
        return body

    def scrub(self, seed: int, until: float) -> None:
        began = time.perf_counter()
        queries = self.client(self.ask, random.Random(seed))
        query = next(queries)
        self.openings.append(time.perf_counter() - began)
        while time.perf_counter() < until:
            began = time.perf_counter()
            for _ in range(self.screen):
                self.ask(query)
                query = next(queries)
            took = time.perf_counter() - began
            self.screens.append(took)
            time.sleep(max(0.0, PAUSE - took))

    def run(self, clients: int, seconds: float) -> None:
        until = time.perf_counter() + seconds
        threads = [threading.Thread(target=self.scrub, args=(seed, until)) for seed in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def memory(pid: int) -> float:
    """Return the MiB that TensorBoard and its data server hold."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,rss="], capture_output=True, text=True, check=True).stdout
    rows = [tuple(map(int, line.split())) for line in listed.splitlines()]
    return sum(rss for own, parent, rss in rows if pid in (own, parent)) / 1024


def started(logdir: Path) -> tuple[subprocess.Popen[str], int]:
    """Start TensorBoard and return its port."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir), "--port", "0", "--host", "127.0.0.1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, cwd="/")
    assert process.stderr
    for line in process.stderr:
        if " at http://" in line:
            port = int(line.partition(" at http://")[2].partition(":")[2].partition("/")[0])
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return process, port
    raise RuntimeError("TensorBoard did not start")


def _maps_complete(body: bytes) -> bool:
    runs = json.loads(body)["runs"]
    return len(runs) == RUNS and all(run["tags"][0]["maps"][0]["max_step"] == STEPS - 1 for run in runs)


def _images_complete(body: bytes) -> bool:
    runs = json.loads(body)
    return len(runs) == RUNS and all(len(tags) == SAMPLES for tags in runs.values())


@dataclass(frozen=True)
class Tab:
    """What a crowd looks at."""

    name: str
    client: Callable[[Ask, random.Random], Iterator[str]]
    requests: int  # a screen
    listing: str
    complete: Callable[[bytes], bool]  # whether TensorBoard has read everything, by its listing

    def measure(self, logdir: Path, clients: int, seconds: float) -> None:
        """Print what a crowd meets, and what it costs the server."""
        process, port = started(logdir)
        try:
            self.open(port)
            before = memory(process.pid)
            crowd = Crowd(port, self.client, self.requests)
            crowd.run(clients, seconds)
            during = memory(process.pid)
            time.sleep(15)
            after = memory(process.pid)
        finally:
            process.terminate()
            process.wait(30)
        print(f"{self.name}: {len(crowd.screens)} screens, {len(crowd.requests)} requests, {len(crowd.errors)} errors")
        for what, times in (("opening", crowd.openings), ("a screen", crowd.screens), ("a request", crowd.requests)):
            median, late = np.percentile(np.array(times) * 1000, (50, 99))
            record(f"crowd/{self.name}/{what}", float(median), "ms", high=float(late))
            print(f"  {what:<10} median {median:7.0f} ms, 99th percentile {late:7.0f} ms")
        print(f"  memory of the server: {before:.0f} MiB before, {during:.0f} under load, {after:.0f} 15 s after")
        for error in sorted(set(crowd.errors))[:5]:
            print(f"  {error}")

    def open(self, port: int) -> None:
        """Look at each run once, as others have on a server that has been up for a day."""
        crowd = Crowd(port, self.client, self.requests)
        while not self.complete(_plain(crowd.ask(self.listing))):
            time.sleep(1)
        time.sleep(3)
        for seed in range(8 * RUNS):
            next(self.client(crowd.ask, random.Random(seed)))


MAPS = Tab("Grad-CAM tab", grad_cam_client, 1, "/data/plugin/gradcam/series", _maps_complete)
IMAGES = Tab(f"Images tab, {KEPT} steps", images_client, SCREEN, "/data/plugin/images/tags", _images_complete)


def main(clients: int = 50, seconds: float = 60) -> None:
    """Print both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_maps(folder / "maps")
        write_overlays(folder / "overlays")
        print(f"{RUNS} runs x {SAMPLES} samples x {STEPS} steps; {clients} clients for {seconds:.0f} s")
        MAPS.measure(folder / "maps", clients, seconds)
        IMAGES.measure(folder / "overlays", clients, seconds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
