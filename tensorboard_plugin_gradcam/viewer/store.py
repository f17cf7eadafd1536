"""Decoded series, kept between requests and extended by what is new."""

from __future__ import annotations

import secrets
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np

from tensorboard_plugin_gradcam.records import GOES_ON, CorruptRecord, Lease, NewerFormat, Spans, overlap, spans
from tensorboard_plugin_gradcam.records.sizes import Claim, claimed
from tensorboard_plugin_gradcam.viewer.budget import Flights, Turns
from tensorboard_plugin_gradcam.viewer.catalog import Catalog, Entry, Key, catalogued
from tensorboard_plugin_gradcam.viewer.decode import Table, decoded
from tensorboard_plugin_gradcam.viewer.limits import (
    ALLOWANCE_BYTES,
    CACHE_BYTES,
    CACHE_EXTRA,
    CACHE_TIMES,
    CATALOG_SECONDS,
    CATALOGS,
    CATALOGS_SERIES,
    FORGOTTEN_SECONDS,
    FRESH_SECONDS,
    LEASES,
    REREAD_SECONDS,
    SERIES_BYTES,
    SERIES_LISTED,
    UNLIMITED_STEPS,
)
from tensorboard_plugin_gradcam.viewer.merge import affordable, surviving
from tensorboard_plugin_gradcam.viewer.source import Listed, Place, Point, Scope, Source, Unavailable
from tensorboard_plugin_gradcam.viewer.tables import MapTable, NumberTable, PredictionTable, Steps, SumTable

_TABLES: Mapping[str, Any] = {
    "predictions": PredictionTable,
    "maps": MapTable,
    "numbers": NumberTable,
    "sums": SumTable,
}
Ident = tuple[int, int]  # step and hash of a record: a series and its first record hold the same one
Fingerprint = tuple[Listed | None, ...]


@dataclass(frozen=True, eq=False)
class Loaded:
    """One series as it was read last.

    Attributes:
        steps: the records that count, in ascending order of their steps.
        table: what they hold, a row for each; None if there are none.
        idents: which records they are.
        sizes: what each takes.
        replaced: records that a restart replaced, which stay so even when sampling removes the later ones.
        corrupt: records that can't be read, and why.
        generation: the same as long as steps are only added (or sampled out).
        sampled_down: the number of steps that the series had to be reduced to, if it had to.
        sessions: when each process that trained did so first and last, as far as its records were seen.
        complete: whether TensorBoard can't have left any record out.
        writers: leases of processes that wrote it at the same time, without what they wrote.
        handed: bytes of the records as TensorBoard hands them over.
        state: another one after each reading.
    """

    steps: Steps | None
    table: Table | None
    idents: tuple[Ident, ...]
    sizes: tuple[Claim, ...]
    replaced: frozenset[Ident]
    corrupt: Mapping[Ident, str]
    generation: str
    sampled_down: int | None
    sessions: Spans = field(default_factory=dict)
    complete: bool = False
    writers: tuple[Lease, ...] = ()
    handed: int = 0
    state: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def two_writers(self) -> bool:
        """Whether two processes wrote it at the same time, and so replace each other's records."""
        return overlap(self.sessions) or bool(self.writers)

    @property
    def total(self) -> int | None:
        """Steps that stand in the run: counted, as the last record says, or, in format 1.0, as its ordinal does."""
        if self.steps is None:
            return None
        if self.complete and self.sampled_down is None:
            return len(self.idents)
        last = int(np.lexsort((self.steps.ordinal, self.steps.session))[-1])
        said = int(self.steps.held[last]) or int(self.steps.ordinal[-1]) + 1
        return max(said, len(self.idents))

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        numbers = 600 * (len(self.idents) + len(self.replaced)) + 200 * len(self.sessions)
        texts = sum(300 + sys.getsizeof(text) for text in self.corrupt.values()) + 500 * len(self.writers)
        columns = sum(part.nbytes for part in (self.steps, self.table) if part is not None)
        return columns + numbers + texts + 2000


@dataclass
class _Slot:
    loaded: Loaded
    fingerprint: Fingerprint
    checked: float
    read: float
    rest: float = REREAD_SECONDS  # for so long it is not read again while the listing says the same


@dataclass(frozen=True)
class _Noted:
    """What is known of a series that was read, also when it is not kept."""

    fingerprint: Fingerprint
    read: float
    state: str


class Store:
    """Series by key, loaded when they are asked for, the least recently used forgotten first; thread-safe."""

    def __init__(self, source: Source, kept_steps: int | None, budget: int = CACHE_BYTES) -> None:
        self._source = source
        self._kept_steps = kept_steps
        self._steps = kept_steps or UNLIMITED_STEPS
        self._budget = budget
        self._slots: OrderedDict[tuple[str, Key], _Slot] = OrderedDict()
        self._noted: OrderedDict[tuple[str, Key], _Noted] = OrderedDict()
        self._catalogs: OrderedDict[str, tuple[float, Catalog]] = OrderedDict()
        self._lock = threading.Lock()
        self._flights = Flights()
        self.reading = Turns(1)  # what is read is of unknown size: one at a time, of series and cohorts

    @property
    def nbytes(self) -> int:
        """Bytes of all series that are kept."""
        with self._lock:
            return sum(slot.loaded.nbytes for slot in self._slots.values())

    def loaded(self, scope: Scope) -> dict[Key, Loaded]:
        """Return the series that are kept of an experiment, as they were read last."""
        with self._lock:
            return {
                key: slot.loaded for (experiment, key), slot in self._slots.items() if experiment == scope.experiment
            }

    def catalog(self, scope: Scope, age: float = FRESH_SECONDS) -> Catalog:
        """Return the catalogue, at most `age` seconds old."""
        made, catalog = self._catalogs.get(scope.experiment, (-float("inf"), None))
        if catalog is None or time.monotonic() - made > age:
            catalog = self._flights.share(scope.experiment, lambda: self._catalogued(scope))
        return catalog

    def _catalogued(self, scope: Scope) -> Catalog:
        with self.reading.taken():
            catalog = catalogued(*self._source.runs_and_series(scope))
        with self._lock:
            self._catalogs[scope.experiment] = (time.monotonic(), catalog)
            self._catalogs.move_to_end(scope.experiment)
            while len(self._catalogs) > CATALOGS or self._overfull():
                self._catalogs.popitem(last=False)
        return catalog

    def _overfull(self) -> bool:
        held = sum(len(catalog.entries) + len(catalog.problems) for _, catalog in self._catalogs.values())
        return held > CATALOGS_SERIES and len(self._catalogs) > 1

    def entry(self, scope: Scope, key: Key) -> Entry | None:
        """Return a series' entry in the catalogue, looking again for what was not there a moment ago."""
        try:
            found = self.catalog(scope, CATALOG_SECONDS).entries.get(key)
            return found or self.catalog(scope).entries.get(key)
        except Unavailable:
            _, known = self._catalogs.get(scope.experiment, (0.0, None))
            if known is None or key not in known.entries:
                raise
            return known.entries[key]

    def series(self, scope: Scope, key: Key, tags: Sequence[Place]) -> Loaded:
        """Return a series, read again if there may be more of it."""
        where = (scope.experiment, key)
        slot = self._slot(where)
        if slot and time.monotonic() - slot.checked < FRESH_SECONDS:
            return slot.loaded
        return self._flights.share(where, lambda: self._current(scope, key, tags)).loaded

    def state(self, scope: Scope, key: Key, tags: Sequence[Place]) -> str | None:
        """Return the state of a series without reading it; None where it must be read to tell."""
        where = (scope.experiment, key)
        with self._lock:
            noted, is_kept = self._noted.get(where), where in self._slots
        if noted is None or time.monotonic() - noted.read >= (REREAD_SECONDS if is_kept else FORGOTTEN_SECONDS):
            return None
        with suppress(Unavailable):
            _, fingerprint = self._fingerprint(scope, key, tags)
            return noted.state if fingerprint == noted.fingerprint else None
        return None

    def _current(self, scope: Scope, key: Key, tags: Sequence[Place]) -> _Slot:
        where = (scope.experiment, key)
        slot = self._slot(where)
        if slot is None or time.monotonic() - slot.checked >= FRESH_SECONDS:
            slot = self._refreshed(scope, key, tags, slot)
            self._keep(where, slot)
        return slot

    def _slot(self, where: tuple[str, Key]) -> _Slot | None:
        with self._lock:
            if where in self._slots:
                self._slots.move_to_end(where)
            return self._slots.get(where)

    def _keep(self, where: tuple[str, Key], slot: _Slot) -> None:
        with self._lock:
            self._slots[where] = slot
            self._slots.move_to_end(where)
            self._noted[where] = _Noted(slot.fingerprint, slot.read, slot.loaded.state)
            self._noted.move_to_end(where)
            if len(self._noted) > SERIES_LISTED:
                self._noted.popitem(last=False)
            # Series that are much larger than what TensorBoard holds of them must not add up.
            others = [one.loaded for at, one in self._slots.items() if at != where]
            total, handed = sum(one.nbytes for one in others), sum(one.handed for one in others)
            room = self._budget - slot.loaded.nbytes
            while len(self._slots) > 1 and total > min(room, CACHE_TIMES * handed + CACHE_EXTRA):
                gone = self._slots.popitem(last=False)[1].loaded
                total, handed = total - gone.nbytes, handed - gone.handed

    def _refreshed(self, scope: Scope, key: Key, tags: Sequence[Place], slot: _Slot | None) -> _Slot:
        now = time.monotonic()
        try:
            checked, fingerprint = self._fingerprint(scope, key, tags)
            if slot and fingerprint == slot.fingerprint and now - slot.read < slot.rest:
                return replace(slot, checked=checked)
            loaded = self._read(scope, key, tags, slot.loaded if slot else None)
            if slot and fingerprint == slot.fingerprint and _is_same(loaded, slot.loaded):
                # The old one: answers that were made of it are still good. A log that rests is read ever less often.
                return replace(slot, checked=checked, read=now, rest=min(2 * slot.rest, FORGOTTEN_SECONDS))
            return _Slot(loaded, fingerprint, checked, now)
        except Unavailable:
            if slot is None:
                raise
            return replace(slot, checked=now)  # what was read before the data server died can still be looked at

    def _fingerprint(self, scope: Scope, key: Key, tags: Sequence[Place]) -> tuple[float, Fingerprint]:
        """Return what is listed of a series, and when it was: by the catalogue, where that was made a moment ago."""
        now = time.monotonic()
        made, catalog = self._catalogs.get(scope.experiment, (-float("inf"), None))
        entry = catalog.entries.get(key) if catalog is not None and now - made < FRESH_SECONDS else None
        if entry is not None and entry.tags == list(tags):
            return made, tuple(entry.listed)
        listed = (self._source.series(scope, key.run, at.tag).get(key.run, {}).get(at.tag) for at in tags)
        return now, tuple(listed)

    def _read(self, scope: Scope, key: Key, tags: Sequence[Place], old: Loaded | None) -> Loaded:
        with self.reading.taken():
            return self._read_now(scope, key, tags, old)

    def _read_now(self, scope: Scope, key: Key, tags: Sequence[Place], old: Loaded | None) -> Loaded:
        readings = [self._source.read(scope, key.run, at, self._steps) for at in tags]
        points = {ident_of(point): point for reading in readings for point in reading.points}
        downs = [reading.sampled_down for reading in readings if reading.sampled_down is not None]
        loaded = merged(key.kind, points, old, min(downs, default=None))
        complete = self._kept_steps is not None and all(len(one.points) < self._steps for one in readings)
        complete = complete and not any(at.takes_turns for at in tags)
        handed = sum(len(data) for _, _, data in points.values())
        return replace(loaded, complete=complete, writers=self._writers(scope, key), handed=handed)

    def _writers(self, scope: Scope, key: Key) -> tuple[Lease, ...]:
        """Return the leases of a series that overlap: two processes wrote it at once, though one's records are gone."""
        _, catalog = self._catalogs.get(scope.experiment, (0.0, None))
        tags = () if catalog is None else catalog.leases.get(key.run, ())[:LEASES]
        if catalog is None or key not in catalog.entries or len(tags) < 2:
            return ()
        tag = catalog.entries[key].identity.tensorboard_tag
        leases = []
        for data in self._source.last(scope, key.run, tags):
            with suppress(CorruptRecord, NewerFormat):
                lease = Lease.from_bytes(data)
                if tag in lease.series:  # of which there may be many, and all leases are compared
                    leases.append(replace(lease, series=(tag,), host=lease.host[:100]))
        pairs = (pair for pair in combinations(leases, 2) if pair[0].overlaps(pair[1]))
        return tuple(dict.fromkeys(replace(lease, series=()) for pair in pairs for lease in pair))


def ident_of(point: Point) -> Ident:
    """Return what tells a record from every other of its series."""
    return point[0], hash(point[2])


def _is_same(new: Loaded, old: Loaded) -> bool:
    """Whether a second reading gave the same records."""

    def what(loaded: Loaded) -> tuple[Any, ...]:
        found = (loaded.generation, loaded.idents, loaded.replaced, dict(loaded.corrupt), loaded.sampled_down)
        return (*found, loaded.complete, loaded.writers)

    return what(new) == what(old)


def merged(kind: str, points: Mapping[Ident, Point], old: Loaded | None, sampled_down: int | None) -> Loaded:
    """Decode the records that are new, put them together with the old ones, and let restarts replace."""
    ordered = sorted(points, key=lambda ident: ident[0])  # of one step's, the one that was written last stays the last
    known = dict(zip(old.idents, old.sizes, strict=True)) if old else {}
    replaced = old.replaced.intersection(points) if old else frozenset()
    candidates = [ident for ident in ordered if ident not in replaced]
    budget = 2 * sum(len(data) for _, _, data in points.values()) + ALLOWANCE_BYTES
    claims = _claims(kind, [points[ident] for ident in candidates], [known.get(ident) for ident in candidates], budget)
    opened = np.array(sorted(claims), np.intp)
    kept, refused = affordable(
        np.array([claims[i].kept for i in opened], np.int64), SERIES_BYTES, padded=kind == "predictions"
    )
    reading = np.array([claims[i].reading for i in opened], np.int64)
    within, beyond = affordable(reading[kept], budget)
    kept, refused = opened[kept[within]], opened[np.concatenate([refused, kept[beyond]])]
    if len(kept) + len(refused) < len(candidates):
        sampled_down = len(kept)
    corrupt = {candidates[i]: f"too large: {claims[i].kept:,} bytes in one step" for i in refused.tolist()}
    batch = _Batch(old, kind)
    for i in kept.tolist():
        batch.add(candidates[i], claims[i], points[candidates[i]], corrupt)
    return batch.loaded(replaced, corrupt, sampled_down)


def _claims(kind: str, points: Sequence[Point], known: Sequence[Claim | None], budget: int) -> dict[int, Claim]:
    """Return what each record claims, by its place; where only looking is too much work already, of fewer records."""
    claims: dict[int, Claim] = {}
    spent = 0
    for places in _ever_denser(len(points)):
        enough_to_tell = len(claims) >= 64  # what the next ones, which lie between these, will take
        if enough_to_tell and spent + spent * len(places) // len(claims) > budget:
            break
        for place in places:
            claims[place] = known[place] or claimed(kind, points[place][2])
            spent += claims[place].parts
        if spent > budget:
            break
    return claims


def _ever_denser(count: int) -> Iterator[range]:
    """Yield places so that after each part those had are spread evenly, the last one always among them."""
    stride = 1 << max(count - 1, 0).bit_length()
    yield range(count - 1, -1, -stride)
    while stride > 1:
        stride //= 2
        yield range(count - 1 - stride, -1, -2 * stride)


class _Batch:
    """The rows of one reading: old ones by their place in the old table, new ones decoded."""

    def __init__(self, old: Loaded | None, kind: str) -> None:
        self._old = old
        self._kind = kind
        self._places = {ident: place for place, ident in enumerate(old.idents)} if old else {}
        self._retained: list[tuple[Ident, Claim]] = []
        self._new: list[tuple[Ident, Claim]] = []
        self._rows: list[tuple[Steps, Table]] = []

    def add(self, ident: Ident, size: Claim, point: Point, corrupt: dict[Ident, str]) -> None:
        """Take a record in, or note in `corrupt` why it can't be read."""
        if ident in self._places:
            self._retained.append((ident, size))
            return
        if self._old and ident in self._old.corrupt:
            corrupt[ident] = self._old.corrupt[ident]
            return
        try:
            self._rows.append(decoded(self._kind, point))
        except (CorruptRecord, NewerFormat) as error:
            corrupt[ident] = str(error)[:500]
        else:
            self._new.append((ident, size))

    def loaded(self, replaced: frozenset[Ident], corrupt: Mapping[Ident, str], sampled_down: int | None) -> Loaded:
        """Return the series."""
        members = self._retained + self._new
        generation = self._old.generation if self._old else secrets.token_hex(8)
        if not members:
            generation = secrets.token_hex(8) if self._places else generation
            return Loaded(None, None, (), (), replaced, corrupt, generation, sampled_down)
        steps, table = self._joined()
        trained = steps.take(steps.relation == GOES_ON)
        sessions = spans(trained.session, trained.wall_time, self._old.sessions if self._old else {})
        order = surviving(steps.step, steps.session, steps.ordinal, steps.relation)
        gone = {members[i][0] for i in set(range(len(members))) - set(order.tolist())}
        steps = steps.take(order)
        if self._rewrites(steps, sampled_down):
            generation = secrets.token_hex(8)
        present = set(steps.step.tolist())
        return Loaded(
            steps=steps,
            table=table if np.array_equal(order, np.arange(len(members))) else table.take(order),
            idents=tuple(members[i][0] for i in order),
            sizes=tuple(members[i][1] for i in order),
            replaced=replaced | gone,
            corrupt={ident: message for ident, message in corrupt.items() if ident[0] not in present},
            generation=generation,
            sampled_down=sampled_down,
            sessions=sessions,
        )

    def _joined(self) -> tuple[Steps, Table]:
        rows, self._rows = self._rows, []
        if self._old and self._old.steps is not None and self._old.table is not None and self._retained:
            places = np.array([self._places[ident] for ident, _ in self._retained])
            all_of_it = np.array_equal(places, np.arange(len(self._old.idents)))
            table = self._old.table if all_of_it else self._old.table.take(places)
            rows.insert(0, (self._old.steps.take(places), table))
        steps = Steps.concatenated([row[0] for row in rows])
        tables: list[Any] = [row[1] for row in rows]
        return steps, _TABLES[self._kind].concatenated(tables)

    def _rewrites(self, steps: Steps, sampled_down: int | None) -> bool:
        """Tell whether a client that only asks for what is new would miss something."""
        old = self._old
        if old is None or old.steps is None:
            return False
        if steps.step[-1] < old.steps.step[-1]:
            return True
        if sampled_down is not None or old.sampled_down is not None:  # which steps are left is chance, then
            return bool(steps.session.max() != old.steps.session.max())
        return not _identities(steps, float(old.steps.step[-1])) <= _identities(old.steps, np.inf)


def _identities(steps: Steps, last: float) -> set[tuple[float, int, int]]:
    rows = steps.take(steps.step <= last)
    return set(zip(rows.step.tolist(), rows.session.tolist(), rows.ordinal.tolist(), strict=True))
