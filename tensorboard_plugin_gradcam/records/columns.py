"""Many small messages at once: their fields as columns, without an object for each message.

Only what is plain comes out as columns: messages of few fields, all of which are asked for or unknown. All others are
left to `wire`, one at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types

_UNKNOWN, _NOT_PLAIN = 64, 65
_TIMES = 2  # as many fields as are asked for, that a plain message may have
_PLAIN_BYTES, _LONGEST = 5, 10  # of a number outside lists, and of any

Places = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Layout(NamedTuple):
    """What a plain message may have, by field numbers below 63.

    Attributes:
        numbers: varints below 2^31; where one stands there again, the last counts.
        texts: likewise.
        floats: lists of packed floats, each there once at most.
        integers: lists of packed varints, each there once at most.
        others: all other fields that are known. Those that nobody knows are passed over.
    """

    numbers: tuple[int, ...]
    texts: tuple[int, ...]
    floats: tuple[int, ...]
    integers: tuple[int, ...]
    others: tuple[int, ...]


@dataclass(frozen=True)
class Columns:
    """The fields of N messages; where a message is not plain, its columns mean nothing.

    Attributes:
        data: of all of them.
        is_plain: ``(N,)``.
        starts: ``(N,)`` for each field: where its value begins; of a number, the value itself, 0 where it is absent.
        stops: ``(N,)`` for each field: where its value ends.
    """

    data: NDArray[np.uint8]
    is_plain: Mask
    starts: dict[int, Places]
    stops: dict[int, Places]

    def texts(self, field: int) -> list[str]:
        """Return a field of texts, "" where a message is not plain; raises `UnicodeDecodeError`."""
        found, data = [""] * len(self.is_plain), self.data.tobytes()
        there = np.flatnonzero(self.is_plain & (self.stops[field] > self.starts[field]))
        starts, stops = self.starts[field][there].tolist(), self.stops[field][there].tolist()
        for place, start, stop in zip(there.tolist(), starts, stops, strict=True):
            found[place] = data[start:stop].decode()
        return found

    def floats(self, field: int) -> tuple[NDArray[np.float32], Places]:
        """Return all numbers of a list of floats, and how many each message has ``(N,)``, none if it is not plain."""
        sizes = self._sizes(field)
        return self._gathered(field, sizes).view("<f4"), sizes // 4

    def integers(self, field: int) -> tuple[NDArray[np.int32], Places]:
        """Return all numbers of a list of integers, as `floats` does."""
        sizes = self._sizes(field)
        cells = self._gathered(field, sizes)
        begins, lengths = _packed(cells)
        values = np.zeros(len(begins), np.int64)
        for nth in range(_PLAIN_BYTES):  # which have all of 32 bits
            at = np.minimum(begins + nth, len(cells) - 1)
            values |= np.where(lengths > nth, (cells[at].astype(np.int64) & 0x7F) << (7 * nth), 0)
        ends = sizes.cumsum()
        return values.astype(np.int32), np.diff(np.searchsorted(begins, np.append(0, ends)))

    def is_whole(self, field: int) -> Mask:
        """Return of which messages ``(N,)`` a list of integers ends with a whole one, and none is too long."""
        sizes = self._sizes(field)
        cells = self._gathered(field, sizes)
        ends = sizes.cumsum()
        found: Mask = sizes == 0
        found[~found] = cells[ends[~found] - 1] < 0x80
        begins, lengths = _packed(cells)
        found[np.searchsorted(ends, begins[lengths > _LONGEST], side="right")] = False
        return found

    def _sizes(self, field: int) -> Places:
        return np.where(self.is_plain, self.stops[field] - self.starts[field], 0)

    def _gathered(self, field: int, sizes: Places) -> NDArray[np.uint8]:
        """Return so many bytes from the start of each message's value, one message after the other."""
        shift = self.starts[field] - (sizes.cumsum() - sizes)
        return np.asarray(self.data[np.repeat(shift, sizes) + np.arange(sizes.sum())])


def columns(data: bytes, starts: Places, stops: Places, layout: Layout) -> Columns:
    """Read the fields of many messages, a field of all of them at a time.

    Args:
        data: bytes in which they stand.
        starts: ``(N,)``, where each begins.
        stops: ``(N,)``, where each ends.
        layout: of the messages.
    """
    cells, count = np.frombuffer(data, np.uint8), len(starts)
    asked = [*layout.numbers, *layout.texts, *layout.floats, *layout.integers]
    expected, row = np.full(64, _UNKNOWN), np.full(64, len(asked))
    expected[[0, *layout.others]], expected[asked], expected[[*layout.numbers]] = _NOT_PLAIN, BYTES, VARINT
    row[asked] = np.arange(len(asked))
    once = sum(1 << field for field in (*layout.floats, *layout.integers))
    first, last = np.zeros((2, len(asked) + 1, count), np.int64)
    is_plain, seen, at = np.ones(count, bool), np.zeros(count, np.int64), starts.astype(np.int64)
    lanes = np.flatnonzero(at < stops)
    for _ in range(_TIMES * len(asked)):
        if not len(lanes):
            break
        fields, types, begins, ends = _fields(cells, at[lanes])
        good = (ends <= stops[lanes]) & ((types == expected[fields]) | ((expected[fields] == _UNKNOWN) & (types >= 0)))
        good &= (seen[lanes] & once) >> fields & 1 == 0
        good &= (expected[fields] != VARINT) | (begins < 2**31)
        is_plain[lanes[~good]] = False
        lanes, fields, begins, ends = lanes[good], fields[good], begins[good], ends[good]
        seen[lanes] |= np.int64(1) << fields
        first[row[fields], lanes], last[row[fields], lanes], at[lanes] = begins, ends, ends
        lanes = lanes[ends < stops[lanes]]
    is_plain[lanes] = False
    found = Columns(
        cells, is_plain, dict(zip(asked, first[:-1], strict=True)), dict(zip(asked, last[:-1], strict=True))
    )
    for field in layout.floats:
        is_plain &= (found.stops[field] - found.starts[field]) % 4 == 0
    for field in layout.integers:
        is_plain &= found.is_whole(field)
    return found


def _fields(cells: NDArray[np.uint8], at: Places) -> tuple[Places, Places, Places, Places]:
    """Return field numbers, wire types (-1 for one that is none), and where values begin (or what they are) and end."""
    keys, at_value, is_key = _varints(cells, at)
    values, after, is_value = _varints(cells, at_value)
    fields, types = np.minimum(keys >> 3, 63), keys & 7
    is_fixed = (types == FIXED64) | (types == FIXED32)
    begins = np.where(types == BYTES, after, values)
    ends = np.select(
        [types == BYTES, types == FIXED64, types == FIXED32], [after + values, at_value + 8, at_value + 4], after
    )
    is_one = is_key & (is_fixed | (is_value & ((types == BYTES) | (types == VARINT))))
    return fields, np.where(is_one, types, -1), begins, ends


def _varints(cells: NDArray[np.uint8], at: Places) -> tuple[Places, Places, Mask]:
    """Return the numbers that begin at some places, where each ends, and whether it is a short one."""
    values, places, is_open = np.zeros(len(at), np.int64), at.copy(), np.ones(len(at), bool)
    for nth in range(_PLAIN_BYTES):
        inside = is_open & (places < len(cells))
        read = cells[np.minimum(places, len(cells) - 1)].astype(np.int64)
        values |= np.where(inside, (read & 0x7F) << (7 * nth), 0)
        places += inside
        is_open &= (read >= 0x80) | ~inside
        if not is_open.any():
            break
    return values, places, ~is_open


def _packed(cells: NDArray[np.uint8]) -> tuple[Places, Places]:
    """Return where each of some varints that follow each other begins, and how long it is."""
    lasts = np.flatnonzero(cells < 0x80)
    begins = np.append(0, lasts[:-1] + 1) if len(lasts) else lasts
    return begins, lasts - begins + 1
