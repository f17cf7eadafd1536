"""The data provider, as far as this plugin needs it: the only module that reads from TensorBoard."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tensorboard import errors
from tensorboard.data import provider
from tensorboard.util import tb_logging

from tensorboard_plugin_gradcam.records import (
    LATER_PLUGIN_NAME,
    PLUGIN_NAME,
    CorruptRecord,
    NewerFormat,
    Series,
    thumbnail_in,
)
from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.records.envelope import payload_of
from tensorboard_plugin_gradcam.records.wire import read
from tensorboard_plugin_gradcam.viewer.limits import CATALOGS, READ_BYTES, RELIST_SECONDS, SERIES_LISTED

PLUGINS = (PLUGIN_NAME, LATER_PLUGIN_NAME)
_OWN_TAG = re.compile(r"gradcam[:/](image|cohort)[:/][0-9a-f]{32}")
Point = tuple[int, float, bytes]  # step, wall time, serialised record: b"" where a datum is not one string


class Place(NamedTuple):
    """Where records stand: a TensorBoard tag, and the plugin under whose name they were written.

    Of a tag that takes turns with others only the last record counts, and its stamp has the step.
    """

    tag: str
    plugin: str = PLUGIN_NAME
    takes_turns: bool = False


class Unavailable(errors.PublicError):  # type: ignore[misc, unused-ignore]
    """TensorBoard's data server does not answer."""

    http_code = 503


class Unreadable(errors.PublicError):  # type: ignore[misc, unused-ignore]
    """Data is there, but is not what it should be."""

    http_code = 415


class OddKey(Unreadable):
    """A blob's key has what TensorBoard's data server can't parse."""


@dataclass(frozen=True)
class Scope:
    """Whose data a request asks for: TensorBoard's request context and experiment."""

    context: Any
    experiment: str


@dataclass(frozen=True)
class Listed:
    """What a listing says of one TensorBoard tag."""

    content: bytes
    max_step: int
    max_wall_time: float
    plugin: str = PLUGIN_NAME


@dataclass(frozen=True)
class Reading:
    """The records of one TensorBoard tag, and the number of steps they had to be reduced to, if they had to."""

    points: list[Point]
    sampled_down: int | None


class Source:
    """Reads of one data provider; what it raises is fit for a browser."""

    def __init__(self, data_provider: Any) -> None:
        self._provider = data_provider
        self._calls = ThreadPoolExecutor(len(PLUGINS) + 1, "gradcam-listing")
        self._blobs: dict[tuple[str, str], tuple[float, dict[tuple[str, str], str]]] = {}

    def series(self, scope: Scope, run: str | None = None, tag: str | None = None) -> dict[str, dict[str, Listed]]:
        """List tensor series by run and TensorBoard tag: all of them, or one."""
        return _by_run({plugin: self._listed(scope, plugin, run, tag) for plugin in PLUGINS})

    def runs_and_series(self, scope: Scope) -> tuple[dict[str, float | None], dict[str, dict[str, Listed]]]:
        """Return the start time of each run, in TensorBoard's own order, and all series.

        They are asked for at once: the data server can keep each answer back for 45 ms.
        """
        runs = self._calls.submit(self._call, "list_runs", scope)
        listed = {plugin: self._calls.submit(self._listed, scope, plugin) for plugin in PLUGINS}
        started = {run.run_name: run.start_time for run in sorted(runs.result(), key=_start)}
        return started, _by_run({plugin: coming.result() for plugin, coming in listed.items()})

    def _listed(self, scope: Scope, plugin: str, run: str | None = None, tag: str | None = None) -> Any:
        return self._call("list_tensors", scope, plugin_name=plugin, run_tag_filter=_filter(run, tag))

    def read(self, scope: Scope, run: str, place: Place, steps: int) -> Reading:
        """Read a tensor series of at most `steps` steps, or as many fewer as one answer can carry."""
        if place.takes_turns:
            return Reading([_at_its_step(point) for point in self._points(scope, run, place, 1)], None)
        asked = min(steps, self._affordable(scope, run, place))
        while True:
            try:
                points = self._points(scope, run, place, asked)
            except Exception as error:
                if _code(error) != "RESOURCE_EXHAUSTED":
                    raise
                if asked <= 1:
                    raise Unreadable("even one step is more than TensorBoard's data server can carry") from error
                asked //= 2
            else:
                return Reading(points, asked if asked < steps and len(points) >= asked else None)

    def _affordable(self, scope: Scope, run: str, place: Place) -> int:
        """Return how many steps to ask for, judged by the largest of a few records."""
        try:
            probe = self._points(scope, run, place, 4)
        except Exception as error:
            if _code(error) != "RESOURCE_EXHAUSTED":
                raise
            return 2
        return max(READ_BYTES // max(1, *(len(data) for _, _, data in probe)), 1) if probe else 1

    def _points(self, scope: Scope, run: str, place: Place, steps: int) -> list[Point]:
        found = self._call(
            "read_tensors",
            scope,
            plugin_name=place.plugin,
            downsample=steps,
            run_tag_filter=_filter(run, place.tag),
        )
        return [(one.step, one.wall_time, _record(one.numpy)) for one in found.get(run, {}).get(place.tag, ())]

    def last(self, scope: Scope, run: str, tags: Iterable[str]) -> list[bytes]:
        """Return the last record of each of some tags of later formats."""
        asked = provider.RunTagFilter(runs=[run], tags=list(tags))
        found = self._call("read_tensors", scope, plugin_name=LATER_PLUGIN_NAME, downsample=1, run_tag_filter=asked)
        return [_record(points[-1].numpy) for points in found.get(run, {}).values() if points]

    def blob(self, scope: Scope, run: str, series: Series) -> bytes | None:
        """Return a picture or cohort, or None: under its tag, an old log's, or the one that a tool gave it."""
        try:
            return self._blob_of(scope, run, series)
        except OddKey:
            copies = self.last(scope, run, [replace(series, as_tensor=True).tensorboard_tag])
            if not copies:
                raise
            return copies[0]

    def thumbnails(self, scope: Scope, run: str, digests: Sequence[str]) -> dict[str, NDArray[np.uint8]]:
        """Return small grey pictures ``(h, w)`` by their digests, of those pictures that have one."""
        asked = provider.RunTagFilter(
            runs=[run], tags=[Series("image", digest=digest).tensorboard_tag for digest in digests]
        )
        listed = self._call("list_blob_sequences", scope, plugin_name=PLUGIN_NAME, run_tag_filter=asked)
        found = {}
        for one in listed.get(run, {}).values():
            with suppress(CorruptRecord, NewerFormat):
                content = bytes(one.plugin_content)
                thumbnail = thumbnail_in(content)
                if thumbnail is not None:
                    found[Series.from_bytes(content).digest] = thumbnail
        return found

    def _blob_of(self, scope: Scope, run: str, series: Series) -> bytes | None:
        for tag in (series.tensorboard_tag, series.tensorboard_tag_of_1_0):
            found = self._first_blob(scope, run, tag)
            if found is not None:
                return found
        renamed = self._renamed(scope, run).get((series.kind, series.digest))
        return None if renamed is None else self._first_blob(scope, run, renamed)

    def _renamed(self, scope: Scope, run: str) -> dict[tuple[str, str], str]:
        """Return the tags of a run's blobs by what their metadata says they are, looked up at most every so often."""
        now = time.monotonic()
        at, known = self._blobs.get((scope.experiment, run), (-float("inf"), {}))
        if now - at > RELIST_SECONDS:
            listed = self._call(
                "list_blob_sequences", scope, plugin_name=PLUGIN_NAME, run_tag_filter=_filter(run, None)
            )
            known = dict(islice(_identities(listed.get(run, {})), SERIES_LISTED))
            if len(self._blobs) >= CATALOGS:
                self._blobs.clear()
            self._blobs[scope.experiment, run] = now, known
        return known

    def _first_blob(self, scope: Scope, run: str, tag: str) -> bytes | None:
        found = self._call(
            "read_blob_sequences", scope, plugin_name=PLUGIN_NAME, downsample=1, run_tag_filter=_filter(run, tag)
        )
        for datum in found.get(run, {}).get(tag, ()):
            for reference in datum.values:
                return self._blob(scope, reference.blob_key)
        return None

    def _blob(self, scope: Scope, key: str) -> bytes | None:
        try:
            return bytes(_answered(self._provider.read_blob, scope.context, blob_key=key))
        except errors.NotFoundError:  # gone since it was listed
            return None
        except errors.InvalidArgumentError as error:
            # The data server (0.7.2) can't parse its own keys where a run or tag has a quote, backslash or control.
            raise OddKey("TensorBoard's data server can't read it: rename the run, or use --load_fast=false") from error

    def _call(self, method: str, scope: Scope, **arguments: Any) -> Any:
        return _answered(getattr(self._provider, method), scope.context, experiment_id=scope.experiment, **arguments)


def _by_run(listed: Mapping[str, Any]) -> dict[str, dict[str, Listed]]:
    """Sort what was listed under the names of plugins by run and TensorBoard tag."""
    found: dict[str, dict[str, Listed]] = {}
    for plugin, runs in listed.items():
        for run, tags in runs.items():
            found.setdefault(run, {}).update(
                {
                    name: Listed(bytes(one.plugin_content), one.max_step, one.max_wall_time, plugin)
                    for name, one in tags.items()
                }
            )
    return found


def _at_its_step(point: Point) -> Point:
    """Return a record of maps that take turns, all of which stand at step 0, at the step that its stamp says."""
    _, wall_time, data = point
    with suppress(CorruptRecord, NewerFormat):
        stamp = read(payload_of(data), pb.Maps).stamp
        if stamp.has_step:
            return stamp.step, wall_time, data
    return point


def _identities(tags: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield what blobs say they are that don't stand under tags of our own."""
    for tag, listed in tags.items():
        if _OWN_TAG.fullmatch(tag):  # which was looked up already
            continue
        with suppress(CorruptRecord, NewerFormat):
            series = Series.from_bytes(bytes(listed.plugin_content))
            yield (series.kind, series.digest), tag


def _answered(call: Any, context: Any, **arguments: Any) -> Any:
    try:
        return call(context, **arguments)
    except Exception as error:
        code = _code(error)
        if isinstance(error, errors.PublicError) or code == "RESOURCE_EXHAUSTED":
            raise
        if code:
            raise Unavailable("TensorBoard's data server is not responding: restart TensorBoard") from error
        # An event file may hold a tensor whose parts contradict each other, over which TensorBoard itself stumbles.
        tb_logging.get_logger().info("Grad-CAM: TensorBoard could not read %s", arguments, exc_info=True)
        raise Unreadable(f"TensorBoard can't read this data ({type(error).__name__})") from error


def _code(error: Exception) -> str:
    """Return gRPC's name for an error; asked for by name, for the other loader needs no gRPC."""
    code = getattr(error, "code", None)
    return getattr(code(), "name", "") if callable(code) else ""


def _start(run: Any) -> tuple[float, str]:
    return (float("inf") if run.start_time is None else run.start_time, run.run_name)


def _filter(run: str | None, tag: str | None) -> provider.RunTagFilter:
    return provider.RunTagFilter(runs=_one(run), tags=_one(tag))


def _one(name: str | None) -> Iterable[str] | None:
    return None if name is None else [name]


def _record(tensor: np.ndarray[Any, Any]) -> bytes:
    """Return the one string of a tensor; an event file may hold any tensor under our name."""
    if tensor.size != 1 or tensor.dtype != object:
        return b""
    value = tensor.reshape(-1)[0]
    return value if isinstance(value, bytes) else b""
