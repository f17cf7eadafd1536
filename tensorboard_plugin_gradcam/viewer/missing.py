"""Steps that stand in local event files and that TensorBoard does not hand over, in words.

Two things are told, and nothing that may be a matter of time or of sampling:

* a step is *lost* where TensorBoard handed over a later record of the same tag and file, so that its loader has passed
  the step, and where all records of the tag would fit into what TensorBoard keeps;
* a step is *unread* where it has been in a file for a while, nothing new of its tag came in all that time, and
  TensorBoard lists only lower steps, or not even the tag.

What a restart replaced, or a writer took back, is missed by nobody.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import Series, surviving
from tensorboard_plugin_gradcam.viewer.catalog import Catalog, Key, is_readable
from tensorboard_plugin_gradcam.viewer.held import KINDS, MARK, ORDINAL, RELATION, SESSION, STEP, Held, HeldRun, Part
from tensorboard_plugin_gradcam.viewer.limits import MISSING_SECONDS, UNREAD_SECONDS
from tensorboard_plugin_gradcam.viewer.source import Place
from tensorboard_plugin_gradcam.viewer.store import Ident, Loaded

LOOK_SECONDS = 0.1  # that is waited for a record that is looked at
NAMED = 3  # steps that a sentence names one by one
TOO_LARGE = "The event files of this run hold too many records to be compared with what TensorBoard shows."

Told = Mapping[tuple[str, str], str]  # sentences by run and tag


@dataclass(frozen=True)
class _Missing:
    """Steps of one series."""

    steps: list[int]
    series: Series


class Missing:
    """What is missing, found out again every few seconds at most."""

    def __init__(
        self,
        held: Held,
        kept: Mapping[str, int | None],
        patience: float = UNREAD_SECONDS,
        every: float = MISSING_SECONDS,
    ) -> None:
        """Compare with nothing yet.

        Args:
            held: what the files hold.
            kept: how many steps of a series TensorBoard keeps, by plugin name; 0 for all, None where it is unknown.
            patience: seconds without anything new before a step is unread.
            every: seconds between two comparisons.
        """
        self._held = held
        self._kept = kept
        self._patience = patience
        self._every = every
        self._progress: dict[tuple[str, str], tuple[int, float]] = {}
        self._lost: dict[Key, tuple[tuple[str, int], list[int]]] = {}
        self._suspected: dict[Key, tuple[int, bool]] = {}
        self._looked = -float("inf")
        self._told: Told = MappingProxyType({})
        self._lock = threading.Lock()

    def told(
        self,
        catalog: Catalog,
        loaded: Mapping[Key, Loaded],
        problems: Mapping[str, str] = MappingProxyType({}),
        stopped: Collection[str] = (),
    ) -> Told:
        """Return what to say of each run and tag: of its files, and of steps that are missing.

        Args:
            catalog: what TensorBoard lists.
            loaded: the series that were read so far.
            problems: a sentence for each run with a damaged file.
            stopped: runs of which TensorBoard does not read a file to its end: of those, that is said already.
        """
        # No request waits for a look at the files, nor for another request that compares: what was said last is said.
        with _if_free(self._lock) as is_free:
            if is_free and time.monotonic() - self._looked > self._every:
                with _if_free(self._held.lock, LOOK_SECONDS) as is_still:
                    if is_still:
                        self._told = self._compared(catalog, loaded, problems, stopped)
                        self._looked = time.monotonic()
        return self._told

    def _compared(
        self, catalog: Catalog, loaded: Mapping[Key, Loaded], problems: Mapping[str, str], stopped: Collection[str]
    ) -> Told:
        sentences = self._of_all_tags(catalog, problems)
        for place, found in _by_run_and_tag(self._all_lost(catalog, loaded)).items():
            sentences[place].append(_lost_sentence(found))
        for place, found in _by_run_and_tag(self._all_unread(catalog, stopped, time.monotonic())).items():
            sentences[place].append(_unread_sentence(found))
        return {place: " ".join(said) for place, said in sentences.items()}

    def suspect(self, catalog: Catalog, loaded: Mapping[Key, Loaded]) -> Key | None:
        """Return a series to be read, of which TensorBoard's data server seems to have dropped steps."""
        with self._lock, self._held.lock:
            for key, entry in catalog.entries.items():
                run = self._held.runs.get(key.run)
                tags = [place.tag for place in entry.tags if not place.takes_turns]
                if run is None or key in loaded or not run.descends(tags):
                    continue
                version, is_suspect = self._suspected.get(key, (-1, False))
                if version != run.version:
                    is_suspect = bool(preempted_steps(run, tags))
                    self._suspected[key] = run.version, is_suspect
                    if is_suspect:
                        return key
        return None

    def _of_all_tags(self, catalog: Catalog, problems: Mapping[str, str]) -> dict[tuple[str, str], list[str]]:
        """Say the sentence of a run with each tag that TensorBoard lists or a file holds."""
        sentences: dict[tuple[str, str], list[str]] = defaultdict(list)
        of_runs = [*problems.items(), *((run, TOO_LARGE) for run in self._held.too_large)]
        if not of_runs:
            return sentences
        tags: dict[str, set[str]] = defaultdict(set)
        for run, tag in [*((key.run, key.tag) for key in catalog.entries), *catalog.problems]:
            tags[run].add(tag)
        for run, held in self._held.runs.items():
            tags[run] |= {one.tag for one in held.series.values() if one.kind in KINDS and is_readable(one, run)}
        for run, sentence in of_runs:
            for tag in tags[run]:
                sentences[run, tag].append(sentence)
        return sentences

    def _all_lost(self, catalog: Catalog, loaded: Mapping[Key, Loaded]) -> Iterator[tuple[str, _Missing]]:
        for key, series in loaded.items():
            entry, run = catalog.entries.get(key), self._held.runs.get(key.run)
            if entry is None or run is None:
                continue
            state = (series.state, run.version)
            if key not in self._lost or self._lost[key][0] != state:
                self._lost[key] = state, lost_steps(run, entry.tags, series, self._kept)
        for key, ((_, version), steps) in list(self._lost.items()):  # also of series that the store has forgotten
            run = self._held.runs.get(key.run)
            if key not in catalog.entries or run is None or run.version != version:
                del self._lost[key]
            elif steps:
                yield key.run, _Missing(steps, catalog.entries[key].identity)

    def _all_unread(self, catalog: Catalog, stopped: Collection[str], now: float) -> Iterator[tuple[str, _Missing]]:
        if catalog.left_out is not None:  # what is not listed is not missing
            return
        listed = {(key.run, place.tag): one for key, place, one in _places(catalog)}
        for run, held in self._held.runs.items():
            for tag, series in held.series.items():
                highest = held.highest(tag)
                if run in stopped or highest is None or not is_readable(series, run):
                    continue
                reached = listed.get((run, tag), -(2**63))
                if self._is_standing(run, tag, reached, now) and highest > reached:
                    steps = unread_steps(held, tag, reached, now - self._patience)
                    if steps:
                        yield run, _Missing(steps, series.identity)

    def _is_standing(self, run: str, tag: str, reached: int, now: float) -> bool:
        """Tell whether what TensorBoard lists of a tag has been the same for a while."""
        before, since = self._progress.get((run, tag), (None, now))
        if before != reached:
            since = now
            self._progress[run, tag] = reached, now
        return now - since >= self._patience


@contextmanager
def _if_free(lock: Any, seconds: float = 0) -> Iterator[bool]:
    """Take a lock if it is free, or becomes so within some seconds, and tell whether it was."""
    is_free = lock.acquire(timeout=seconds) if seconds else lock.acquire(blocking=False)
    try:
        yield is_free
    finally:
        if is_free:
            lock.release()


def lost_steps(run: HeldRun, places: Collection[Place], loaded: Loaded, kept: Mapping[str, int | None]) -> list[int]:
    """Return the steps of a series that TensorBoard has passed and does not hand over, ascending."""
    if loaded.sampled_down is not None or any(place.takes_turns for place in places):
        return []
    plugins = {place.tag: place.plugin for place in places}
    if any(_may_be_sampled(run.count(tag), kept.get(plugin)) for tag, plugin in plugins.items()):
        return []
    parts = list(run.parts(plugins))
    if not parts:
        return []
    known = {*loaded.idents, *loaded.replaced, *loaded.corrupt}
    seen = [_seen(part, known) for part in parts]
    numbers, stands = _joined(parts)
    passed = np.concatenate([_before_the_last(one) for one in seen])
    gone = passed & ~np.concatenate(seen)
    order = _surviving(numbers, stands)
    return sorted(set(numbers[order[gone[order]], STEP].tolist()))


def preempted_steps(run: HeldRun, tags: Collection[str]) -> list[int]:
    """Return the steps that TensorBoard's data server drops, which takes every lower step of a tag for a restart."""
    parts = list(run.parts(tags))
    if not parts:
        return []
    numbers, stands = _joined(parts)
    tag = np.repeat([list(tags).index(part.tag) for part in parts], [len(part.numbers) for part in parts])
    stays = np.zeros(len(numbers), bool)
    for one in np.unique(tag):
        places = np.flatnonzero(tag == one)
        steps = numbers[places, STEP]
        stays[places[surviving(steps, np.zeros_like(steps), np.arange(len(steps)))]] = True
    held = set(zip(*numbers[stays][:, [STEP, MARK]].T.tolist(), strict=True))
    order = _surviving(numbers, stands)
    records = zip(*numbers[order][:, [STEP, MARK]].T.tolist(), strict=True)
    return sorted({step for step, mark in records if (step, mark) not in held})


def unread_steps(run: HeldRun, tag: str, reached: int, since: float) -> list[int]:
    """Return the steps of a tag that have been in a file since a time, above the last that TensorBoard lists."""
    parts = list(run.parts([tag], since))
    numbers, stands = _joined(parts)
    settled = np.concatenate([np.arange(len(part.numbers)) < part.settled for part in parts])
    last = np.flatnonzero(settled & stands)[-1:]
    if not (numbers[last, STEP] > reached).any():  # it was read to its end
        return []
    order = _surviving(numbers, stands)
    steps = numbers[order[settled[order]], STEP]
    return sorted(set(steps[steps > reached].tolist()))


def _may_be_sampled(count: int, kept: int | None) -> bool:
    return kept is None or 0 < kept < count


def _seen(part: Part, known: set[Ident]) -> NDArray[np.bool_]:
    idents = zip(part.numbers[:, STEP].tolist(), part.numbers[:, MARK].tolist(), strict=True)
    return np.array([ident in known for ident in idents], bool)


def _before_the_last(seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    places = np.flatnonzero(seen)
    return np.arange(len(seen)) < (places[-1] if len(places) else 0)


def _joined(parts: list[Part]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    return np.concatenate([part.numbers for part in parts]), np.concatenate([part.stands for part in parts])


def _surviving(numbers: NDArray[np.int64], stands: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the indices of the records that count."""
    places = np.flatnonzero(stands)
    return places[surviving(*(numbers[places, column] for column in (STEP, SESSION, ORDINAL, RELATION)))]


def _places(catalog: Catalog) -> Iterator[tuple[Key, Place, int]]:
    for key, entry in catalog.entries.items():
        yield from ((key, place, listed.max_step) for place, listed in zip(entry.tags, entry.listed, strict=True))


def _by_run_and_tag(found: Iterator[tuple[str, _Missing]]) -> dict[tuple[str, str], list[_Missing]]:
    groups: dict[tuple[str, str], list[_Missing]] = defaultdict(list)
    for run, one in found:
        groups[run, one.series.tag].append(one)
    return groups


def _lost_sentence(found: list[_Missing]) -> str:
    most = max(found, key=lambda one: len(one.steps))
    steps = [f"{step:,}" for step in most.steps]
    named = ", ".join(steps[:NAMED]) + (f" and {len(steps) - NAMED:,} more" if len(steps) > NAMED else "")
    which = f"step {named} is" if len(steps) == 1 else f"steps {named} are"
    return f"Of {_series_text(found, most)}, {which} in the event files, but TensorBoard does not show {_them(steps)}."


def _unread_sentence(found: list[_Missing]) -> str:
    most = max(found, key=lambda one: len(one.steps))
    count = f"{len(most.steps):,} later steps" if len(most.steps) > 1 else "1 later step"
    last = f", up to step {most.steps[-1]:,}," if len(most.steps) > 1 else f", step {most.steps[-1]:,},"
    return f"TensorBoard has not read {count}{last} of {_series_text(found, most)} in the event files."


def _them(steps: list[str]) -> str:
    return "it" if len(steps) == 1 else "them"


def _series_text(found: list[_Missing], most: _Missing) -> str:
    """Name the series of which most is missing, and count the others."""
    names = {
        "predictions": "the predictions",
        "maps": f"the maps of {most.series.method}{_at(most.series)}",
        "numbers": f"the numbers {most.series.name!r}{_at(most.series)}",
        "sums": f"the sums of {most.series.method}{_at(most.series)}",
    }
    others = len({one.series for one in found}) - 1
    more = f" and {others} other series" if others else ""
    return names[most.series.kind] + more


def _at(series: Series) -> str:
    return f" at {series.layer}" if series.layer else ""
