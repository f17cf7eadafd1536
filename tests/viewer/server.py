"""The real TensorBoard, in a process of its own, and a plain client for it."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import re
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode

import numpy as np

from tensorboard_plugin_gradcam.event_runs import EventRuns
from tensorboard_plugin_gradcam.records import CorruptRecord, NewerFormat, Series
from tensorboard_plugin_gradcam.records.versions import PLUGIN_NAME

ROOT = "/data/plugin/gradcam"


@dataclass
class Answer:
    """One response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def packet(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """The body as header and arrays, by the letter of http_api.md."""
        assert self.body[:4] == b"GCAM"
        (length,) = struct.unpack("<I", self.body[4:8])
        assert length % 8 == 0
        header = json.loads(self.body[8 : 8 + length])
        arrays = {}
        for name, one in header["arrays"].items():
            assert one["offset"] % 8 == 0
            count = int(np.prod(one["shape"], dtype=int))
            data = np.frombuffer(self.body, "<" + np.dtype(one["type"]).str[1:], count, 8 + length + one["offset"])
            arrays[name] = data.reshape(one["shape"])
        return header, arrays


@dataclass
class Server:
    """A TensorBoard that runs."""

    host: str
    port: int
    process: subprocess.Popen[str]
    prefix: str = ""
    log: list[str] = field(default_factory=list)

    def ask(self, path: str, method: str = "GET", headers: dict[str, str] | None = None) -> Answer:
        """Send one request, its path as it is."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=300)
        try:
            connection.request(method, self.prefix + path, headers=headers or {"Accept-Encoding": "gzip"})
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, gzip.decompress(body) if _is_gzipped(found, body) else body)

    def get(self, route: str, **arguments: object) -> Answer:
        """Ask one of the plugin's routes."""
        query = {name: value for name, value in arguments.items() if value is not None}
        return self.ask(f"{ROOT}/{route}" + ("?" + urlencode(query, doseq=True) if query else ""))

    def wait(self, condition: Callable[[Server], bool], seconds: float = 500) -> None:
        """Wait until TensorBoard has loaded what `condition` looks for."""
        deadline = time.monotonic() + seconds
        while not condition(self):
            assert time.monotonic() < deadline, f"TensorBoard did not load it in {seconds} s"
            time.sleep(0.1)

    def wait_for(self, logdir: Path) -> None:
        """Wait until TensorBoard has read all steps of all maps and predictions that are in a log now.

        That it names a run says little: its loaders read runs bit by bit, and a page that is opened meanwhile is one of
        a training that goes on.
        """
        written = _written(logdir)
        self.wait(lambda it: it.get("series").status == 200 and _listed(it.get("series").json) >= written)


def _written(logdir: Path) -> set[tuple[object, ...]]:
    """Each series of maps and predictions with its last step, as `_listed` names them."""
    runs = EventRuns(str(logdir), (PLUGIN_NAME,))
    found: set[tuple[object, ...]] = set()
    for run, contents in runs.PluginRunToTagToContent(PLUGIN_NAME).items():
        for tag, content in contents.items():
            with suppress(CorruptRecord, NewerFormat):
                series = Series.from_bytes(content)
                if series.kind in ("maps", "predictions") and not series.first and not series.session:
                    found.add((run, series.tag, series.method, series.layer, runs.Tensors(run, tag)[-1].step))
    return found


def _listed(catalog: Any) -> set[tuple[object, ...]]:
    found: set[tuple[object, ...]] = set()
    for run in catalog["runs"]:
        for tag in run["tags"]:
            name = (run["run"], tag["tag"])
            found |= {(*name, maps["method"], maps["layer"], maps["max_step"]) for maps in tag["maps"]}
            found |= {(*name, "", "", said["max_step"]) for said in [tag["predictions"]] if said}
    return found


def _is_gzipped(headers: dict[str, str], body: bytes) -> bool:
    return headers.get("content-encoding") == "gzip" and bool(body)


@contextmanager
def tensorboard(
    logdir: Path, load_fast: str = "true", *arguments: str, environment: dict[str, str] | None = None
) -> Iterator[Server]:
    """Start TensorBoard on a port of its own, and stop it."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir), "--load_fast", load_fast]
    command += ["--port", "0", "--host", "127.0.0.1", "--reload_interval", "1", *arguments]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        cwd=logdir.anchor,  # not the checkout, which `-m` would put before what is installed
        env={**os.environ, **(environment or {})},
    )
    try:
        yield _listening(process)
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
        if process.stderr:
            process.stderr.close()


def _listening(process: subprocess.Popen[str]) -> Server:
    assert process.stderr
    lines: list[str] = []
    for line in process.stderr:
        lines.append(line)
        found = re.search(r" at http://([^:/]+):(\d+)(/\S*)?", line)
        if found:
            server = Server(found[1], int(found[2]), process, (found[3] or "").rstrip("/"), lines)
            threading.Thread(target=_drain, args=(process.stderr, lines), daemon=True).start()
            return server
    raise AssertionError("TensorBoard did not start:\n" + "".join(lines))


def _drain(stream: IO[str], lines: list[str]) -> None:
    with suppress(ValueError):  # closed
        lines.extend(stream)
