"""Inputs for fuzzing: kept records, and what random damage makes of them."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from tensorboard_plugin_gradcam.records import records_pb2 as pb

CORPUS = Path(__file__).parent / "corpus"
KINDS = ("series", "cohort", "predictions", "maps", "numbers", "lease", "sums")


def corpus() -> dict[str, list[bytes]]:
    """Return the kept inputs by kind; a file's name starts with its kind."""
    return {kind: [path.read_bytes() for path in sorted(CORPUS.glob(f"{kind}-*"))] for kind in KINDS}


def sealed(payload: bytes) -> bytes:
    """Put any payload into an envelope with the right checksum, so that decoding gets past it."""
    version = pb.Version(major=1)
    return pb.Envelope(version=version, crc32=zlib.crc32(payload), payload=payload).SerializeToString()


def payload_of(record: bytes) -> bytes:
    """Return what an envelope holds."""
    return pb.Envelope.FromString(record).payload


def damaged(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """Damage bytes in one to three random ways."""
    buffer = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        rng.choice(_DAMAGES)(rng, buffer, others)
    return bytes(buffer)


def _flip(rng: random.Random, buffer: bytearray, _: list[bytes]) -> None:
    if buffer:
        buffer[rng.randrange(len(buffer))] ^= 1 << rng.randrange(8)


def _overwrite(rng: random.Random, buffer: bytearray, _: list[bytes]) -> None:
    if buffer:
        at = rng.randrange(len(buffer))
        edge = rng.choice(
            [b"\x00", b"\x7f", b"\x80", b"\xff", b"\xff" * 4, b"\xff" * 9 + b"\x01", b"\x80\x80\x80\x80\x10"]
        )
        buffer[at : at + len(edge)] = edge


def _cut(rng: random.Random, buffer: bytearray, _: list[bytes]) -> None:
    if buffer:
        at = rng.randrange(len(buffer))
        del buffer[at : at + rng.choice([1, 2, 8, len(buffer)])]


def _repeat(rng: random.Random, buffer: bytearray, _: list[bytes]) -> None:
    if buffer:
        at = rng.randrange(len(buffer))
        buffer[at:at] = buffer[at : at + rng.randint(1, 32)] * rng.randint(1, 4)


def _insert(rng: random.Random, buffer: bytearray, _: list[bytes]) -> None:
    at = rng.randint(0, len(buffer))
    buffer[at:at] = rng.randbytes(rng.randint(1, 16))


def _splice(rng: random.Random, buffer: bytearray, others: list[bytes]) -> None:
    other = rng.choice(others)
    buffer[rng.randint(0, len(buffer)) :] = other[rng.randint(0, len(other)) :]


_DAMAGES: list[Callable[[random.Random, bytearray, list[bytes]], None]] = [
    _flip,
    _flip,
    _flip,
    _overwrite,
    _cut,
    _repeat,
    _insert,
    _splice,
]


def inputs(seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield kinds and inputs without end: damaged envelopes, damaged payloads under a right checksum, noise."""
    rng = random.Random(seed)
    kept = corpus()
    inner = {kind: [payload_of(record) for record in kept[kind]] for kind in KINDS if kind != "series"}
    while True:
        kind = rng.choice(KINDS)
        draw = rng.random()
        if draw < 0.05:
            yield kind, rng.randbytes(rng.randint(0, 200))
        elif kind == "series" or draw < 0.2:
            yield kind, damaged(rng, rng.choice(kept[kind]), kept[kind])
        else:
            yield kind, sealed(damaged(rng, rng.choice(inner[kind]), inner[kind]))
