"""What can be chosen: runs, tags, methods and layers, out of the metadata that TensorBoard lists."""

from __future__ import annotations

import gzip
import json
import math
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import nsmallest
from types import MappingProxyType
from typing import Any, NamedTuple

from tensorboard_plugin_gradcam.records import FORMAT, CorruptRecord, MapKind, NewerFormat, Series, told_apart
from tensorboard_plugin_gradcam.viewer.limits import NAME, SERIES_LISTED, SERIES_OF_A_RUN
from tensorboard_plugin_gradcam.viewer.source import Listed, Place


class Key(NamedTuple):
    """The identity of a series of records; method and layer are empty for predictions and numbers of samples."""

    run: str
    tag: str
    kind: str  # "predictions", "maps", "numbers" or "sums"
    method: str = ""
    layer: str = ""
    name: str = ""  # of numbers


@dataclass
class Entry:
    """One series: the TensorBoard tags that hold it (the series itself, its first record) and how far it got."""

    map_kind: MapKind
    identity: Series
    tags: list[Place] = field(default_factory=list)
    listed: list[Listed] = field(default_factory=list)  # what TensorBoard lists for each of the tags
    max_step: int = -(2**63)
    max_wall_time: float = -math.inf
    first_wall_time: float = math.inf

    def extend(self, tag: str, listed: Listed, first: bool, takes_turns: bool = False) -> None:
        """Count one more TensorBoard tag in."""
        self.tags.append(Place(tag, listed.plugin, takes_turns))
        self.listed.append(listed)
        self.max_step = max(self.max_step, listed.max_step)
        self.max_wall_time = max(self.max_wall_time, listed.max_wall_time)
        if first:
            self.first_wall_time = min(self.first_wall_time, listed.max_wall_time)

    def as_json(self) -> dict[str, Any]:
        """Return how far it got."""
        return {"max_step": self.max_step, "max_wall_time": finite(self.max_wall_time)}


@dataclass
class _Made:
    """An answer, and what it tells of local event files."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    told: Mapping[tuple[str, str], str] | None = None
    answer: bytes = b""


@dataclass(frozen=True)
class Catalog:
    """All series of an experiment, and what was wrong with those that can't be shown."""

    runs: Mapping[str, float | None]
    entries: Mapping[Key, Entry]
    problems: Mapping[tuple[str, str], str]
    leases: Mapping[str, list[str]] = field(default_factory=dict)  # TensorBoard's tags of them, by run
    left_out: str | None = None  # a sentence, where there are more series than are listed
    _made: _Made = field(default_factory=_Made, repr=False, compare=False)

    def packed(self, kept_steps: int | None, told: Mapping[tuple[str, str], str]) -> bytes:
        """Return the answer of the route `series`, gzipped: made once, for all who ask until it changes."""
        with self._made.lock:
            if self._made.told != told:
                text = json.dumps(self.as_json(kept_steps, told), allow_nan=False, separators=(",", ":"))
                self._made.answer = gzip.compress(text.encode(), 3)
                self._made.told = told
            return self._made.answer

    def as_json(
        self, kept_steps: int | None, told: Mapping[tuple[str, str], str] = MappingProxyType({})
    ) -> dict[str, Any]:
        """Return what the route `series` answers; `told` is what is wrong with event files, by run and tag."""
        tags = _by_run_and_tag(self)
        for (run, name), sentence in sorted(told.items()):
            of_run = tags[_shortened(run)]
            tag = of_run.setdefault(name, _nothing(name))
            tag["problem"] = f"{tag['problem']} {sentence}" if tag["problem"] else sentence
        order = [run for run in self.runs if run in tags] + sorted(tags.keys() - self.runs.keys())
        starts = self._starts()
        runs = [{"run": run, "start_time": starts.get(run), "tags": list(tags[run].values())} for run in order]
        format_ = {"major": FORMAT[0], "minor": FORMAT[1]}
        return {"format": format_, "kept_steps": kept_steps, "left_out": self.left_out, "runs": runs}

    def _starts(self) -> dict[str, float | None]:
        firsts: dict[str, float] = defaultdict(lambda: math.inf)
        for key, entry in self.entries.items():
            firsts[key.run] = min(firsts[key.run], entry.first_wall_time)
        known = {run: finite(time) for run, time in self.runs.items()}
        return known | {run: first for run, first in firsts.items() if math.isfinite(first)}


def catalogued(runs: Mapping[str, float | None], listed: Mapping[str, Mapping[str, Listed]]) -> Catalog:
    """Build the catalogue from what TensorBoard lists; nothing that is listed is left unmentioned.

    Of more than `SERIES_LISTED` series, those of the runs that started last are listed, and of each run its share.
    """
    listed, left_out = _affordable(runs, listed)
    found: dict[tuple[str, Series], list[tuple[str, Series, Listed]]] = defaultdict(list)
    problems: dict[tuple[str, str], str] = {}
    leases: dict[str, list[str]] = defaultdict(list)
    for run, tag, one in _flat(listed):
        try:
            series = _readable(Series.from_bytes(one.content), run)
        except (CorruptRecord, NewerFormat) as error:
            problems[run, _shortened(tag)] = str(error)
            continue
        if series.as_tensor:
            continue  # a copy of a picture or cohort
        if series.kind == "lease":
            leases[run].append(tag)
        else:
            found[run, series.identity].append((tag, series, one))
    methods = told_apart(found)
    entries: dict[Key, Entry] = {}
    for (run, identity), places in found.items():
        key = Key(run, identity.tag, identity.kind, methods[run, identity], identity.layer, identity.name)
        entries[key] = Entry(identity.map_kind, identity)
        for tag, series, one in places:
            entries[key].extend(tag, one, series.first, series.turn > 0)
    return Catalog(runs, entries, problems, leases, left_out)


def _affordable(
    runs: Mapping[str, float | None], listed: Mapping[str, Mapping[str, Listed]]
) -> tuple[Mapping[str, Mapping[str, Listed]], str | None]:
    total = sum(map(len, listed.values()))
    if total <= SERIES_LISTED:
        return listed, None
    share = max(SERIES_LISTED // len(listed), SERIES_OF_A_RUN)
    kept: dict[str, Mapping[str, Listed]] = {}
    left = SERIES_LISTED
    newest = [run for run in reversed(list(runs)) if run in listed] + sorted(listed.keys() - runs.keys())
    for run in newest:
        if left <= 0:
            break
        kept[run] = {tag: listed[run][tag] for tag in nsmallest(min(share, left), listed[run])}
        left -= len(kept[run])
    count = sum(map(len, kept.values()))
    words = f"This log has {total:,} series; {count:,} of them are listed, of {len(kept):,} of {len(listed):,} runs."
    return kept, words + " Start TensorBoard with a smaller log directory to see the others."


def finite(number: float | None) -> float | None:
    """Return a number that JSON has: NaN and infinities become null."""
    return number if number is not None and math.isfinite(number) else None


def _flat(listed: Mapping[str, Mapping[str, Listed]]) -> Iterator[tuple[str, str, Listed]]:
    for run, tags in listed.items():
        for tag in sorted(tags):
            yield run, tag, tags[tag]


def is_readable(series: Series, run: str) -> bool:
    """Tell whether a series of a run can be listed."""
    try:
        _readable(series, run)
    except CorruptRecord:
        return False
    return True


def _readable(series: Series, run: str) -> Series:
    if series.is_blob:
        raise CorruptRecord(f"expected a series of predictions, maps or numbers, got {series.kind}")
    longest = max(len(run), *map(len, (series.tag, series.method, series.layer, series.name)))
    if longest > NAME:
        raise CorruptRecord(f"expected names of at most {NAME} characters, got {longest}")
    if series.kind == "predictions" and (series.method or series.layer):
        raise CorruptRecord("expected predictions without method and layer")
    return series


def _shortened(name: str) -> str:
    return name if len(name) <= NAME else name[:200] + "…"


def _nothing(tag: str) -> dict[str, Any]:
    return {"tag": tag, "predictions": None, "maps": [], "numbers": [], "problem": None}


def _by_run_and_tag(catalog: Catalog) -> dict[str, dict[str, dict[str, Any]]]:
    tags: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)

    def of(run: str, tag: str) -> dict[str, Any]:
        return tags[run].setdefault(tag, _nothing(tag))

    for key, entry in sorted(catalog.entries.items()):
        if key.kind == "predictions":
            of(key.run, key.tag)["predictions"] = entry.as_json()
        elif key.kind == "sums":
            continue  # which stand beside maps
        elif key.kind == "numbers":
            numbers = {"name": key.name, "method": key.method, "layer": key.layer, **entry.as_json()}
            of(key.run, key.tag)["numbers"].append(numbers)
        else:
            maps = {"method": key.method, "layer": key.layer, "kind": entry.map_kind, **entry.as_json()}
            summed = catalog.entries.get(key._replace(kind="sums"))
            if summed is not None:  # maps that take turns stand at step 0
                maps["max_step"] = max(entry.max_step, summed.max_step)
            of(key.run, key.tag)["maps"].append(maps)
    for (run, tag), problem in sorted(catalog.problems.items()):
        of(_shortened(run), tag)["problem"] = problem
    return tags
