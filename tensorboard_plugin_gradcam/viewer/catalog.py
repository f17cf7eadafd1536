"""What can be chosen: runs, tags, methods and layers, out of the metadata that TensorBoard lists."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from tensorboard_plugin_gradcam.records import FORMAT, CorruptRecord, MapKind, NewerFormat, Series, told_apart
from tensorboard_plugin_gradcam.viewer.limits import NAME
from tensorboard_plugin_gradcam.viewer.source import Listed, Place


class Key(NamedTuple):
    """The identity of a series of records; method and layer are empty for predictions and numbers of samples."""

    run: str
    tag: str
    kind: str  # "predictions", "maps" or "numbers"
    method: str = ""
    layer: str = ""
    name: str = ""  # of numbers


@dataclass
class Entry:
    """One series: the TensorBoard tags that hold it (the series itself, its first record) and how far it got."""

    map_kind: MapKind
    identity: Series
    tags: list[Place] = field(default_factory=list)
    max_step: int = -(2**63)
    max_wall_time: float = -math.inf
    first_wall_time: float = math.inf

    def extend(self, tag: str, listed: Listed, first: bool) -> None:
        """Count one more TensorBoard tag in."""
        self.tags.append(Place(tag, listed.plugin))
        self.max_step = max(self.max_step, listed.max_step)
        self.max_wall_time = max(self.max_wall_time, listed.max_wall_time)
        if first:
            self.first_wall_time = min(self.first_wall_time, listed.max_wall_time)

    def as_json(self) -> dict[str, Any]:
        """Return how far it got."""
        return {"max_step": self.max_step, "max_wall_time": finite(self.max_wall_time)}


@dataclass(frozen=True)
class Catalog:
    """All series of an experiment, and what was wrong with those that can't be shown."""

    runs: Mapping[str, float | None]
    entries: Mapping[Key, Entry]
    problems: Mapping[tuple[str, str], str]
    leases: Mapping[str, list[str]] = field(default_factory=dict)  # TensorBoard's tags of them, by run

    def as_json(self, kept_steps: int | None, damage: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
        """Return the answer of the route `series`; `damage` is what is wrong with event files, by run."""
        tags = _by_run_and_tag(self)
        for run in damage.keys() & tags.keys():
            for tag in tags[run].values():
                tag["problem"] = tag["problem"] or damage[run]
        order = [run for run in self.runs if run in tags] + sorted(tags.keys() - self.runs.keys())
        runs = [{"run": run, "start_time": self._start(run), "tags": list(tags[run].values())} for run in order]
        return {"format": {"major": FORMAT[0], "minor": FORMAT[1]}, "kept_steps": kept_steps, "runs": runs}

    def _start(self, run: str) -> float | None:
        times = [entry.first_wall_time for key, entry in self.entries.items() if key.run == run]
        first = min(times, default=math.inf)
        return finite(first) if math.isfinite(first) else finite(self.runs.get(run))


def catalogued(runs: Mapping[str, float | None], listed: Mapping[str, Mapping[str, Listed]]) -> Catalog:
    """Build the catalogue from what TensorBoard lists; nothing that is listed is left unmentioned."""
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
            entries[key].extend(tag, one, series.first)
    return Catalog(runs, entries, problems, leases)


def finite(number: float | None) -> float | None:
    """Return a number that JSON has: NaN and infinities become null."""
    return number if number is not None and math.isfinite(number) else None


def _flat(listed: Mapping[str, Mapping[str, Listed]]) -> Iterator[tuple[str, str, Listed]]:
    for run, tags in listed.items():
        for tag in sorted(tags):
            yield run, tag, tags[tag]


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


def _by_run_and_tag(catalog: Catalog) -> dict[str, dict[str, dict[str, Any]]]:
    tags: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)

    def of(run: str, tag: str) -> dict[str, Any]:
        return tags[run].setdefault(tag, {"tag": tag, "predictions": None, "maps": [], "numbers": [], "problem": None})

    for key, entry in sorted(catalog.entries.items()):
        if key.kind == "predictions":
            of(key.run, key.tag)["predictions"] = entry.as_json()
        elif key.kind == "numbers":
            numbers = {"name": key.name, "method": key.method, "layer": key.layer, **entry.as_json()}
            of(key.run, key.tag)["numbers"].append(numbers)
        else:
            maps = {"method": key.method, "layer": key.layer, "kind": entry.map_kind, **entry.as_json()}
            of(key.run, key.tag)["maps"].append(maps)
    for (run, tag), problem in sorted(catalog.problems.items()):
        of(_shortened(run), tag)["problem"] = problem
    return tags
