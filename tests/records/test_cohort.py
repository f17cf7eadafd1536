"""Samples and lists of them: what they are called by, and what they refuse."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest

from tensorboard_plugin_gradcam.records import Cohort, CohortParts, CorruptRecord, Sample
from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tests.trust.raw import array, envelope, field, varint


def test_a_sample_is_known_by_its_id_or_else_by_its_pictures() -> None:
    samples = (Sample("aa", id="cell 7"), Sample("bb"), Sample("cc", slices=("bb", "cc")), Sample())
    assert Cohort(samples).identities == ("cell 7#0", "bb#0", "bb,cc#0", "#0")


def test_samples_that_are_alike_are_told_apart_by_which_one_it_is() -> None:
    assert Cohort((Sample("aa"), Sample("bb"), Sample("aa"))).identities == ("aa#0", "bb#0", "aa#1")


def test_classes_of_boxes_are_one_a_box_or_none() -> None:
    with pytest.raises(ValueError, match="a class for each of 1 boxes, got 2"):
        Sample(boxes=((0, 0, 1, 1),), box_classes=(1, 2))


@pytest.mark.parametrize("shape", [(3,), (1, 2, 3, 4)])
def test_a_mask_is_of_a_picture_or_a_volume(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="mask"):
        Sample(mask=np.zeros(shape, np.uint8))
    with pytest.raises(ValueError, match="class mask"):
        Sample(class_mask=np.zeros(shape, np.int16))


def _odd_sample(rng: random.Random) -> bytes:
    """Encode a sample of a few fields in any order and any of the ways that protobuf allows."""
    floats = [struct.pack("<f", rng.random()) for _ in range(4 * rng.randrange(3))]
    digests = [b"%032x" % rng.randrange(2**128) for _ in range(2)]
    classes = b"".join(varint(rng.choice([3, 300, 2**64 - 1])) for _ in floats[::4])
    ways = [
        lambda: field(1, digests[0]),
        lambda: field(2, digests[1]),
        lambda: field(3, rng.choice([7, 2**31 - 1, 2**64 - 5])) + field(4, rng.randrange(3)),
        lambda: field(5, rng.choice(["", "a", "é" * 200, "😀"]).encode()),
        lambda: field(6, b"x" * rng.randrange(300)),
        lambda: field(7, b"".join(floats)),
        lambda: field(7, b"".join(floats)) + field(14, classes),
        lambda: b"".join(varint(7 << 3 | 5) + one for one in floats),
        lambda: field(9, rng.randrange(2**32)) + field(10, 12),
        lambda: field(11, b"\x01\x80\x01" + varint(2**64 - 1)) + field(12, 1),
        lambda: field(11, 5) + field(12, 1),
        lambda: field(13, struct.pack("<f", rng.random())),
        lambda: field(8, array(0, [1, 2], b"\0\1")),
        lambda: field(rng.choice([40, 80, 2**20]), b"later") + field(41, 3) + varint(42 << 3 | 5) + bytes(4),
    ]  # fmt: skip
    return b"".join(way() for way in rng.choices(ways, k=rng.randrange(7)))


def _is_consistent(message: pb.Sample) -> bool:
    return (
        len(message.mask.shape) <= 2
        and len(message.boxes) % 4 == 0
        and len(message.box_classes) in (0, len(message.boxes) // 4)
    )


def _of_protobuf(message: pb.Sample) -> dict[str, object]:
    """Return what a message says, by the names of `Sample`."""
    edges = list(message.boxes)
    return {
        **{name: getattr(message, name) for name in ("image", "id", "caption", "width", "height")},
        **{name: tuple(getattr(message, name)) for name in ("slices", "values", "box_classes")},
        "label": message.label if message.has_label else None,
        "labels": tuple(message.labels) if message.has_labels else None,
        "boxes": tuple(zip(*(iter(edges),) * 4, strict=True)),
        "mask": message.mask.data if message.HasField("mask") else None,
    }


def test_samples_that_are_read_many_at_a_time_are_what_protobuf_reads() -> None:
    rng = random.Random(0)
    odd = [_odd_sample(rng) for _ in range(2000)]
    messages = [pb.Sample.FromString(one) for one in odd]
    whole = [index for index, one in enumerate(messages) if _is_consistent(one)]
    found = Cohort.from_bytes(envelope(b"".join(field(1, odd[index]) for index in whole))).samples
    assert len(found) == len(whole) > 1000
    for index, sample in zip(whole, found, strict=True):
        expected = _of_protobuf(messages[index])
        seen = {name: getattr(sample, name) for name in expected}
        seen["mask"] = None if sample.mask is None else sample.mask.tobytes()
        assert seen == expected, odd[index]


@pytest.mark.parametrize(
    "sample",
    [
        field(7, struct.pack("<3f", 0, 0, 1)),
        field(7, struct.pack("<4f", 0, 0, 1, float("nan"))),
        field(7, struct.pack("<4f", 0, 0, 1, 1)) + field(14, b"\x01\x02"),
        field(7, struct.pack("<4f", 0, 0, 1, 1)) + field(14, b"\xff"),
        field(7, b"abc"),
        field(6, b"\xff\xfe"),
        field(5, b"abc")[:-1],
        field(11, b"\xff" * 11 + b"\x01"),
        b"\x03\x01",
        b"\x00\x01",
    ],
    ids=["edges", "nan", "classes", "cut classes", "cut edges", "utf-8", "cut text", "long number", "group", "field 0"],
)
@pytest.mark.parametrize("among", [1, 100])
def test_a_sample_that_is_wrong_is_refused_whatever_stands_beside_it(sample: bytes, among: int) -> None:
    good = field(1, field(5, b"a") + field(7, struct.pack("<4f", 0, 0, 1, 1)) + field(11, b"\x01") + field(12, 1))
    data = envelope(good * among + field(1, sample) + good * among)
    with pytest.raises(CorruptRecord):
        Cohort.from_bytes(data)
    with pytest.raises(CorruptRecord):
        for _ in CohortParts(data).batches():
            pass


def test_the_list_of_samples_ends_where_a_sample_reaches_beyond_it() -> None:
    with pytest.raises(CorruptRecord, match="cut short"):
        CohortParts(envelope(field(1, field(5, b"abc"))[:-1]))
