"""Records: what is encoded is decoded, and no damage goes unnoticed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tensorboard_plugin_gradcam.records import (
    FORMAT,
    Block,
    Cohort,
    CorruptRecord,
    Lease,
    Maps,
    NewerFormat,
    Numbers,
    Predictions,
    Replaced,
    Sample,
    Series,
    Stamp,
    Sums,
    dequantised,
    quantised,
)
from tensorboard_plugin_gradcam.records import records_pb2 as pb

STAMP = Stamp("0123456789abcdef" * 2, ordinal=3, session=1_700_000_000_000_000, epoch=1.5)


def cohort() -> Cohort:
    mask = np.zeros((6, 5), np.uint8)
    mask[2:4, 1:3] = 1
    return Cohort(
        (
            Sample("ab" * 16, label=2, id="cell 7", caption="é", boxes=((0.0, 0.25, 0.5, 1.0),), width=32, height=24),
            Sample("", label=None, mask=mask),
            Sample("cd" * 16, slices=("ef" * 16, "cd" * 16, "01" * 16), label=0),
        ),
        ("cat", "dog", "fox"),
    )


def predictions() -> Predictions:
    return Predictions(
        STAMP,
        prediction=np.array([2, 0, -1], np.int32),
        probability=np.array([0.5, 1, np.nan], np.float32),
        top_classes=np.array([[2, 1], [0, 2], [-1, -1]], np.int32),
        top_probabilities=np.array([[0.5, 0.4], [1, 0], [np.nan, np.nan]], np.float32),
    )


def maps() -> Maps:
    random = np.random.default_rng(0)
    blocks = []
    for shape, dtype in (((3, 7, 7), np.uint8), ((2, 28, 28), np.float16), ((1, 4, 5, 6), np.float32)):
        values = random.integers(0, 255, shape).astype(dtype)
        low, high = np.zeros(len(values), np.float32), np.full(len(values), 3.7, np.float32)
        blocks.append(Block(values, low, high, samples=np.arange(len(values), dtype=np.int32)[::-1].copy()))
    named = Block(
        blocks[0].values, blocks[0].minimum, blocks[0].maximum, targets=np.array([1, -1, 300], np.int32),
        scores=np.array([1.5, -2, 3], np.float32), names=("a", "", "b"), native_shape=(70, 70),
        non_finite=np.array([0, 3, 0], np.int32), flags=("", "all zero", ""),
    )  # fmt: skip
    return Maps(STAMP, (*blocks, named))


def assert_same(left: Any, right: Any) -> None:
    """Compare dataclasses field by field; arrays with their types."""
    assert type(left) is type(right)
    if isinstance(left, np.ndarray):
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)
    elif isinstance(left, tuple):
        assert len(left) == len(right)
        for a, b in zip(left, right, strict=True):
            assert_same(a, b)
    elif hasattr(left, "__dataclass_fields__"):
        for name in left.__dataclass_fields__:
            assert_same(getattr(left, name), getattr(right, name))
    else:
        assert left == pytest.approx(right, rel=1e-6) if isinstance(left, float) else left == right


def later_stamp() -> Stamp:
    return replace(
        STAMP, notes=("3 left out", "é"), relation="adds_on", held=7, replaced=(Replaced(3, 9, 4), Replaced(5, 5, 1))
    )


def later_cohort() -> Cohort:
    volume = np.ones((2, 3, 4), np.uint8)
    sample = Sample(
        boxes=((0.0, 0.0, 1.0, 1.0), (0.0, 0.0, 0.5, 0.5)), mask=volume, labels=(0, 2), values=(1.5, -2.0),
        box_classes=(7, -1), class_mask=volume.astype(np.int16) * 300 - 1,
    )  # fmt: skip
    return Cohort((sample, Sample(labels=())))


def later_predictions() -> Predictions:
    classes, numbers = np.array([[2, -1], [0, 3]], np.int32), np.array([[0.5, np.nan], [1, 0]], np.float32)
    return Predictions(
        later_stamp(), task="multilabel", threshold=0.25, set_classes=classes, set_probabilities=numbers,
        values=numbers, boxes=np.arange(16, dtype=np.float32).reshape(2, 2, 4), box_classes=classes,
        box_scores=numbers, masks=np.arange(12, dtype=np.int16).reshape(2, 2, 3) - 1,
    )  # fmt: skip


def explained_boxes() -> Maps:
    values = np.zeros((2, 3, 3), np.uint8)
    edge = np.zeros(2, np.float32)
    return Maps(later_stamp(), (Block(values, edge, edge, boxes=np.array([4, -1], np.int32)),))


def numbers() -> Numbers:
    index = np.array([4, 0], np.int32)
    return Numbers(later_stamp(), np.array([0.25, np.nan], np.float32), index, index - 1)


def lease() -> Lease:
    return Lease(STAMP.session, "host", 7, 1.5, 2.5, closed=True, series=("gradcam:predictions:val",))


def sums() -> Sums:
    random = np.random.default_rng(3)
    return Sums(
        later_stamp(), grid=np.array([2, 3], np.int32), classes=np.array([4, -1], np.int32),
        count=np.array([5, 300], np.int32), seen=np.array([0, 299], np.int32),
        mean=random.random((2, 6), np.float32), square=random.random((2, 6), np.float32),
        hits=random.integers(0, 300, (2, 5)).astype(np.int32), lone=np.ones((5, 3), np.int32),
        numbers=np.where(np.eye(2, 7) > 0, np.nan, random.random((2, 7))).astype(np.float32), peak=2.5,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": np.zeros((2, 7), np.float32)}, "mean of shape"),
        ({"classes": np.array([4, 5], np.int32)}, "all samples"),
        ({"grid": np.array([0, 3], np.int32)}, "rows and columns"),
        ({"grid": np.array([1, 11], np.int32)}, "at most 10 rows"),
        ({"hits": np.zeros((2, 4), np.int32)}, "hits of shape"),
    ],
)
def test_sums_whose_parts_contradict_each_other_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(sums(), **change)


RECORDS: list[Callable[[], Any]] = [
    cohort, predictions, maps, later_cohort, later_predictions, explained_boxes, numbers, lease, sums
]  # fmt: skip


@pytest.mark.parametrize("make", RECORDS)
def test_records_come_back(make: Callable[[], Any]) -> None:
    record = make()
    assert_same(type(record).from_bytes(record.to_bytes()), record)
    assert make().to_bytes() == record.to_bytes()


@pytest.mark.parametrize(
    "series",
    [
        Series("image", digest="ab" * 16),
        Series("predictions", "val/hard"),
        Series("maps", "val", "grad_cam_plus_plus", "layer4.2", first=True, map_kind="signed"),
        Series("numbers", "val", "grad_cam", "layer4", name="uncertainty", session=3, part=2),
        Series("lease", session=2**63),
        Series("sums", "val", "grad_cam", "layer4", map_kind="signed"),
        Series("maps", "val", "grad_cam", "layer4", session=3, turn=10),
    ],
)
def test_series_come_back(series: Series) -> None:
    assert Series.from_bytes(series.to_bytes()) == series


@pytest.mark.parametrize("make", RECORDS)
def test_a_flipped_byte_is_noticed(make: Callable[[], Any]) -> None:
    """In the payload always; elsewhere the record is refused, or reads as it was written."""
    record = make()
    data = record.to_bytes()
    payload = pb.Envelope.FromString(data).payload
    start = data.index(payload)
    for at in range(len(data)):
        damaged = data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1 :]
        if start <= at < start + len(payload):
            with pytest.raises(CorruptRecord):
                type(record).from_bytes(damaged)
            continue
        try:
            read = type(record).from_bytes(damaged)
        except (CorruptRecord, NewerFormat):
            continue
        assert_same(read, record)


@pytest.mark.parametrize("make", RECORDS)
def test_a_record_cut_short_is_noticed(make: Callable[[], Any]) -> None:
    record = make()
    data = record.to_bytes()
    for size in range(len(data)):
        with pytest.raises(CorruptRecord):
            type(record).from_bytes(data[:size])


@pytest.mark.parametrize("make", RECORDS)
def test_a_newer_major_version_is_told_and_a_newer_minor_one_is_read(make: Callable[[], Any]) -> None:
    record = make()
    envelope = pb.Envelope.FromString(record.to_bytes())
    envelope.version.minor += 7
    assert_same(type(record).from_bytes(envelope.SerializeToString()), record)
    envelope.version.major += 1
    with pytest.raises(NewerFormat, match="update the package") as caught:
        type(record).from_bytes(envelope.SerializeToString())
    assert caught.value.found == (FORMAT[0] + 1, FORMAT[1] + 7)


def test_a_series_of_a_newer_major_version_is_told() -> None:
    message = pb.Series.FromString(Series("predictions", "val").to_bytes())
    message.version.major += 1
    with pytest.raises(NewerFormat):
        Series.from_bytes(message.SerializeToString())


def test_quantised_maps_are_within_half_a_level() -> None:
    maps = np.random.default_rng(0).normal(0, [[[1e-8]], [[1]], [[1e6]]], (3, 14, 14)).astype(np.float32)
    found = quantised(maps, "uint8")
    error = np.abs(dequantised(found.values, found.minimum, found.maximum) - maps).max((1, 2))
    assert (error <= (maps.max((1, 2)) - maps.min((1, 2))) / 510 * 1.0001).all()
