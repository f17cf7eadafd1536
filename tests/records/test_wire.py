"""The wire reader: what protobuf reads, and no more of it than the bytes pay for."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from google.protobuf.message import DecodeError, Message

from tensorboard_plugin_gradcam.records import Cohort, CorruptRecord, Sample
from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.records.wire import TEXT_BYTES, read
from tests.fuzz.inputs import inputs, sealed

CLASSES: dict[str, type[Message]] = {
    "series": pb.Series,
    "cohort": pb.Cohort,
    "predictions": pb.Predictions,
    "maps": pb.Maps,
    "numbers": pb.Numbers,
    "lease": pb.Lease,
    "sums": pb.Sums,
}


def same(ours: Any, theirs: Message) -> bool:
    """Compare every field, as far down as there are messages."""
    for field in theirs.DESCRIPTOR.fields:
        left, right = getattr(ours, field.name), getattr(theirs, field.name)
        if isinstance(right, (str, bytes, int, float)):
            pairs = [(bytes(left) if isinstance(right, bytes) else left, right)]
        elif isinstance(right, Message):
            if ours.HasField(field.name) != theirs.HasField(field.name):
                return False
            pairs = [(left, right)]
        else:
            if len(left) != len(right):
                return False
            pairs = list(zip(left, right, strict=True))
        for one, other in pairs:
            both_nan = one != one and other != other
            if not (same(one, other) if isinstance(other, Message) else both_nan or one == other):
                return False
    return True


def test_what_is_read_is_what_protobuf_reads() -> None:
    """On damaged messages too: fields twice, in another order, unknown, packed or not."""
    read_by_both = 0
    for kind, data in islice(inputs(7), 4000):
        payload = data
        if kind != "series":
            try:
                payload = bytes(read(data, pb.Envelope).payload)
            except CorruptRecord:
                continue
        try:
            ours = read(payload, CLASSES[kind])
        except CorruptRecord:
            continue
        try:
            theirs = CLASSES[kind].FromString(payload)  # what we read, protobuf reads too
        except DecodeError as error:
            raise AssertionError((kind, payload)) from error
        assert same(ours, theirs), (kind, payload)
        read_by_both += 1
    assert read_by_both > 700


def test_what_protobuf_refuses_is_refused() -> None:
    for kind, data in islice(inputs(8), 2000):
        try:
            CLASSES[kind].FromString(data)
        except DecodeError:
            with pytest.raises(CorruptRecord):
                read(data, CLASSES[kind])


@pytest.mark.parametrize(
    ("message", "unit"),
    [
        (pb.Cohort, b"\x0a\x00"),  # empty samples
        (pb.Cohort, b"\x12\x00"),  # empty class names
        (pb.Maps, b"\x12\x00"),  # blocks without content
        (pb.Maps, b"\x12\x02\x22\x00"),  # blocks of empty arrays
        (pb.Block, b"\x3a\x00"),  # names
        (pb.Block, b"\x52\x00"),  # flags
        (pb.Sample, b"\x12\x00"),  # slices
        (pb.Array, b"\x18\x01"),  # axes, one by one
        (pb.Array, b"\x10\x00"),  # one number again and again
        (pb.Block, b"\x22\x00"),  # one array again and again
        (pb.Maps, b"\x78\x00"),  # unknown fields
    ],
)
def test_a_million_small_parts_are_refused(message: type[Message], unit: bytes) -> None:
    with pytest.raises(CorruptRecord, match="far too many small ones"):
        read(unit * 1_000_000, message)


@pytest.mark.parametrize("unit", [b"\x3a\x00", b"\x52\x00", b"\x40\x01", b"\x22\x02\x18\x01"])
def test_many_blocks_of_small_parts_are_refused_too(unit: bytes) -> None:
    """Names, flags and axes, in blocks that protobuf's own parser reads one by one."""
    block = unit * (3000 // len(unit))
    with pytest.raises(CorruptRecord, match="far too many small ones"):
        read((b"\x12" + _varint(len(block)) + block) * 1000, pb.Maps)


def _varint(number: int) -> bytes:
    return bytes([number & 0x7F | 0x80, number >> 7])


def test_axes_packed_into_one_field_are_refused_too() -> None:
    packed = b"\x1a" + b"\x80\x80\x40" + b"\x01" * 2**20
    with pytest.raises(CorruptRecord, match="far too many"):
        read(packed, pb.Array)


def test_bytes_are_not_copied() -> None:
    data = pb.Array(data=b"x" * 1000).SerializeToString()
    assert memoryview(read(data, pb.Array).data).obj is data


@pytest.mark.parametrize(("unit", "name"), [(b"\x0a\x00", "samples"), (b"\x12\x00", "class names")])
def test_a_cohort_has_at_most_so_many_parts(unit: bytes, name: str) -> None:
    with pytest.raises(CorruptRecord, match=f"100000 {name}"):
        Cohort.from_bytes(sealed(unit * 100_001))


def test_a_cohort_of_a_hundred_thousand_samples_is_read() -> None:
    cohort = Cohort((Sample("ab" * 16, label=3, id="id", width=224, height=224),) * 100_000)
    assert len(Cohort.from_bytes(cohort.to_bytes()).samples) == 100_000


@pytest.mark.parametrize(
    ("cohort", "message"),
    [
        (Cohort((Sample(),) * 100_001), "at most 100,000 samples"),
        (Cohort((), ("a",) * 100_001), "at most 100,000 class names"),
        (Cohort((Sample(boxes=((0, 0, 1, 1),) * 10_001),)), "at most 10,000 boxes of one sample"),
        (Cohort((Sample(caption="ä" * TEXT_BYTES),)), "a caption of at most 16,777,216 bytes"),
        (Cohort((Sample(id="\udcff"),)), "an id that UTF-8 can encode"),
        (Cohort((), ("\ud800",)), "a class name that UTF-8 can encode"),
    ],
)
def test_what_readers_would_refuse_can_not_be_written(cohort: Cohort, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cohort.to_bytes()


def test_groups_are_refused() -> None:
    with pytest.raises(CorruptRecord, match="wire type"):
        read(b"\x13" * 50 + b"\x14" * 50, pb.Maps)
