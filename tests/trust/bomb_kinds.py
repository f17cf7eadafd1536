"""What the bombs of `bombs.py` hold."""

from __future__ import annotations

import math
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as of

from tests.trust.raw import FLOAT, INT, STAMP, array, block, field, shown_block, stamp, zero_array


def cohorts(size: int) -> Iterator[tuple[str, bytes]]:
    """Yield lists of samples."""
    yield "empty samples", b"\x0a\x00" * (size // 2)
    yield "the most samples", b"\x0a\x00" * 100_000
    yield "samples of little", field(1, field(5, b"x")) * (size // 5)
    yield "empty class names", b"\x12\x00" * (size // 2)
    yield "class names", field(2, b"ab") * (size // 4)
    yield "slices of one sample", field(1, b"\x12\x00" * (size // 2))
    yield "slices of many samples", field(1, b"\x12\x00" * 50_000) * (size // 100_000)
    yield "boxes", field(1, field(7, struct.pack("<f", -1.1754943e-38) * (size // 4)))
    yield "boxes of many samples", field(1, field(7, struct.pack("<f", -1.1754943e-38) * 4000)) * (size // 16_000)
    yield "labels of many samples", field(1, field(11, b"\x01" * 60_000) + field(12, 1)) * (size // 60_000)
    yield "values of many samples", field(1, field(13, struct.pack("<f", -1.1754943e-38) * 15_000)) * (size // 60_000)
    yield "small slices of many samples", field(1, b"\x12\x00" * 30_000) * (size // 60_000)
    yield "control characters", field(1, field(6, b"\x01" * 9_000)) * (size // 9_000)
    yield "one long text", field(1, field(6, "😀".encode() + b"x" * size))
    yield "masks", field(1, field(8, zero_array(0, [8192, 8192], 2**26))) * 20
    yield "many masks", field(1, field(8, zero_array(0, [2048, 2048], 2**22))) * 16
    yield "axes", field(1, field(8, field(3, b"\x01" * size)))
    yield "numbers again and again", field(1, b"\x18\x01" * (size // 2))
    yield "unknown fields", b"\x78\x01" * (size // 2)


def maps(size: int) -> Iterator[tuple[str, list[bytes]]]:
    """Yield series of maps, as the payloads of their steps."""
    one = array(0, [1, 1], b"\0")
    yield "empty blocks", [STAMP + b"\x12\x00" * (size // 2)]
    yield "one-cell blocks", [STAMP + block(one, 1) * (size // len(block(one, 1)))]
    yield "one-cell blocks of many steps", [STAMP + block(one, 1) * (size // 1000 // len(block(one, 1)))] * 1000
    count = size // 9
    yield "one-cell maps", [STAMP + block(array(0, [count, 1], bytes(count)), count)]
    yield "deflated one-cell maps", [STAMP + block(zero_array(0, [2**25, 1], 2**25), 2**25)]
    yield "deflated zeros", [STAMP + block(zero_array(0, [1, 8192, 8192], 2**26), 1)]
    large = STAMP + block(zero_array(0, [1, 4096, 4096], 2**24), 1)
    yield "deflated zeros of many steps", [large] * min(1000, size // len(large))
    yield "deflated numbers", [STAMP + block(zero_array(FLOAT, [1, 2**24], 2**26), 1)] * 20
    yield "names", [STAMP + block(array(0, [1, 1], b"\0"), 1, b"\x3a\x00" * (size // 2))]
    named = b"".join(field(7, b"%06x" % i) for i in range(size // 8))
    yield "names of maps", [STAMP + block(array(0, [size // 8, 1], bytes(size // 8)), size // 8, named)]
    yield "notes", [STAMP + b"".join(field(1, b"\x42\x00") for _ in range(size // 4))]
    yield "small parts of many steps", [STAMP + b"\x78\x01" * (size // 2000)] * 1000
    yield "nothing, a thousand times", [STAMP] * 1000
    yield "incompressible", [STAMP + block(array(0, [1, size], os.urandom(size)), 1)]


def predictions(size: int) -> Iterator[tuple[str, list[bytes]]]:
    """Yield series of predictions, as the payloads of their steps."""
    yield "long lists of classes", [STAMP + field(5, _zeros(INT, 10, 2**20)) + field(6, _zeros(FLOAT, 10, 2**20))] * 20
    boxes = field(13, _zeros(FLOAT, 1000, 1000, 4)) + field(14, _zeros(INT, 1000, 1000))
    yield "boxes beyond count", [STAMP + boxes + field(15, _zeros(FLOAT, 1000, 1000))] * 50
    yield "sets of many samples", [STAMP + field(9, _zeros(INT, 100_000, 200)) + field(10, _zeros(FLOAT, 100_000, 200))]
    yield "masks of classes", [STAMP + field(16, zero_array(0, [16, 2048, 2048], 2**26))] * 20
    yield "more samples at each step", [STAMP + field(2, _zeros(INT, 1 + 100 * step)) for step in range(1000)]
    replaced = field(11, field(1, 2) + field(2, 4) + field(3, 1))
    yield "replaced steps", [field(1, field(1, bytes(16)) + replaced * (size // len(replaced)))]


def numbers(size: int) -> Iterator[tuple[str, list[bytes]]]:
    """Yield series of numbers, as the payloads of their steps."""
    yield "deflated numbers", [STAMP + field(2, _zeros(FLOAT, 2**22))] * 20
    places = field(3, _zeros(INT, 2**20)) + field(4, _zeros(INT, 2**20))
    yield "deflated numbers with places", [STAMP + field(2, _zeros(FLOAT, 2**20)) + places] * 20
    yield "few numbers of many steps", [STAMP + field(2, array(FLOAT, [24], bytes(96)))] * (size // 150)


def _zeros(type_: int, *shape: int) -> bytes:
    return zero_array(type_, list(shape), 4 * math.prod(shape))


def pictures(size: int) -> Iterator[tuple[str, bytes]]:
    """Yield files that claim to be pictures."""
    header = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + struct.pack(">II", 8, 8) + b"\x08\x02\0\0\0"
    header += struct.pack(">I", zlib.crc32(header[12:]))
    chunk = b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    yield "empty PNG chunks", header + chunk * (size // len(chunk))
    yield "JPEG padding", b"\xff\xd8\xff" + b"\xff" * size
    yield "empty JPEG segments", b"\xff\xd8" + b"\xff\xe0\x00\x02" * (size // 4)


@dataclass(frozen=True)
class Study:
    """A series of maps with its lists of samples, which findings, atlas and what is behind them are asked of.

    Attributes:
        name: what it is.
        cohorts: payloads; the digest of each is its place here.
        maps: payloads of the steps.
        said: payloads of the predictions, by step.
        sums: payloads of the sums, by step.
    """

    name: str
    cohorts: list[bytes]
    maps: list[bytes]
    said: list[bytes] = of(default_factory=list)
    sums: list[bytes] = of(default_factory=list)

    @property
    def records(self) -> list[bytes]:
        """All payloads."""
        return [*self.cohorts, *self.maps, *self.said, *self.sums]


def labelled(count: int, classes: int = 10, more: bytes = b"", first: int = 0) -> bytes:
    """Return the payload of a list of samples with labels and ids."""
    return b"".join(
        field(1, field(3, i % classes) + field(4, 1) + field(5, b"%x" % (first + i)) + more) for i in range(count)
    )


def noise(count: int, side: int) -> bytes:
    """Return an `Array` of maps that no compression makes smaller."""
    return array(0, [count, side, side], os.urandom(count * side * side))


def waves(count: int, side: int) -> bytes:
    """Return an `Array` of deflated maps with evidence, whose records are small."""
    return array(0, [count, side, side], bytes(range(256)) * (count * side * side // 256), deflate=True)


def studied(size: int) -> Iterator[Study]:
    """Yield series that are summarised."""
    box = field(7, struct.pack("<4f", 0.1, 0.1, 0.6, 0.6))
    mask = field(8, zero_array(0, [2048, 2048], 2**22))
    classes = field(14, b"\x03")
    one = array(0, [1, 1, 1], b"\xff")

    def at(maps: bytes, cohort: int = 0) -> bytes:
        return stamp(cohort) + maps

    many = size // 250
    yield Study("maps of many samples", [labelled(many)], [at(shown_block(noise(many, 15), many))])
    most = 100_000
    cells = array(0, [most, 1, 1], b"\xff" * most, deflate=True)
    yield Study("one-cell maps of the most samples", [labelled(most)], [at(shown_block(cells, most))])
    small = array(0, [most, 7, 7], bytes(49 * most), deflate=True)
    yield Study("small deflated maps of the most samples", [labelled(most)], [at(shown_block(small, most))])
    yield Study("boxes of the most samples", [labelled(most, more=box)], [at(shown_block(cells, most))])
    yield Study("boxes with classes", [labelled(most, more=box + classes)], [at(shown_block(cells, most))])
    sets = field(11, b"\x01\x02\x03") + field(12, 1) + field(13, struct.pack("<f", 0.3))
    yield Study("sets of labels and values", [labelled(most, more=sets)], [at(shown_block(cells, most))])
    tiny = field(8, array(0, [1, 1], b"\1"))
    yield Study("tiny masks of half of the most", [labelled(most // 2, more=tiny)], [at(shown_block(cells, most))])
    some = 20_000
    yield Study("ids of the most samples", [labelled(most, more=field(5, b"x" * 40))], [at(shown_block(cells, most))])
    yield Study("masks", [labelled(16, more=mask)], [at(shown_block(noise(16, 7), 16))])
    yield Study("a large deflated map", [labelled(1)], [at(shown_block(waves(1, 4096), 1))])
    large = at(shown_block(waves(1, 4096), 1))
    yield Study("large deflated maps of many steps", [labelled(1)], [large] * min(1000, size // len(large)))
    middle = at(shown_block(waves(64, 256), 64))
    yield Study("deflated maps of many steps", [labelled(64)], [middle] * min(1000, size // len(middle)))
    numbers = array(FLOAT, [1, 2048, 2048], struct.pack("<f", 0.5) * 2**22, deflate=True)
    yield Study("a large map of numbers", [labelled(1)], [at(shown_block(numbers, 1))] * 3)
    turned = field(1, array(INT, [some], struct.pack(f"<{some}i", *range(some - 1, -1, -1)), deflate=True))
    yield Study("maps in another order", [labelled(some)], [at(shown_block(noise(some, 15), some, turned))])
    sides = [(1 + i % 200, 1 + i // 200) for i in range(2000)]
    shapes = [shown_block(array(0, [1, *edges], b"\x7f" * (edges[0] * edges[1])), 1) for edges in sides]
    yield Study("maps of many shapes", [labelled(1)], [at(b"".join(shapes))])
    yield Study("many maps of one sample", [labelled(1)], [at(shown_block(one, 1) * (size // 2000))] * 20)
    steps = min(1000, size // 600)
    each = [labelled(5, first=5 * i) for i in range(steps)]
    yield Study("samples of their own at each step", each, [at(shown_block(noise(5, 7), 5), i) for i in range(steps)])
    each = [labelled(100, first=100 * i) for i in range(size // 4000)]
    few = [at(shown_block(array(0, [100, 1, 1], bytes(100), deflate=True), 100), i) for i in range(len(each))]
    yield Study("many samples of their own at each step", each, few)
    longer = min(1000, size // (some // 40 * 49 + 9 * some // 40))
    shown = at(shown_block(noise(some // 40, 7), some // 40))
    yield Study("many steps", [labelled(some // 40)], [shown] * longer, [_said(some // 40)] * longer)
    yield Study("predictions of many samples", [labelled(most)], [at(shown_block(cells, most))], [_said(most)])
    sum_ = _sums(200)
    yield Study("sums of many classes", [labelled(1)], [at(shown_block(one, 1))], sums=[sum_] * (size // len(sum_)))


def _said(count: int) -> bytes:
    """Return predictions with their probabilities."""
    classes = array(INT, [count], struct.pack(f"<{count}i", *(i % 9 for i in range(count))), deflate=True)
    return stamp() + field(2, classes) + field(3, array(FLOAT, [count], struct.pack("<f", 0.9) * count, deflate=True))


def _sums(groups: int) -> bytes:
    """Return sums of so many classes on the finest grid, deflated to little."""

    classes = struct.pack(f"<{groups + 1}i", *range(groups), -1)
    return b"".join(
        [
            stamp(),
            field(2, array(INT, [2], struct.pack("<2i", 10, 10))),
            field(3, array(INT, [groups + 1], classes, deflate=True)),
            field(4, _zeros(INT, groups + 1)),
            field(5, _zeros(INT, groups + 1)),
            field(6, _zeros(FLOAT, groups + 1, 100)),
            field(7, _zeros(FLOAT, groups + 1, 100)),
            field(8, _zeros(INT, groups + 1, 250)),
            field(9, _zeros(INT, 250, 3)),
            field(10, _zeros(FLOAT, groups + 1, 7)),
        ]
    )
