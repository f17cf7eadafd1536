"""Records: what is encoded is decoded, and no damage goes unnoticed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tensorboard_plugin_gradcam.records import (
    FORMAT,
    Block,
    Cohort,
    CorruptRecord,
    Maps,
    NewerFormat,
    Predictions,
    Sample,
    Series,
    Stamp,
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


RECORDS: list[Callable[[], Any]] = [cohort, predictions, maps]


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
