"""Event files from a stranger: names, pictures and records that no writer of ours would write."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from tensorboard.compat.proto import tensor_pb2, types_pb2

from tensorboard_plugin_gradcam.records import Cohort, Maps, Sample, Series, Stamp, digest_of_bytes, digest_of_pixels
from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tests.viewer.eventlog import BLOB, EventLog, block, image_series, maps_series, png

ALERT = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
TEXTS = {
    "html": ALERT,
    "attribute": "\" onmouseover=\"document.title='owned'\" x='",
    "url": "javascript:document.title='owned'",
    "template": "{{constructor.constructor('document.title=1')()}}",
    "control": "a\x00b\x01\x1b[31mred\x7f\r\n\tc",
    "emoji": "👩‍🔬🏳️‍🌈 𝓰𝓻𝓪𝓭",
    "right_to_left": "\u202eمرحبا שלום\u202c",
    "percent": "%00%2e%2e/..\\..\\ &amp; <!-- -->",
    "long": "x" * 10_000_000,
    "zalgo": "a" + "\u0301" * 2000,
}
# A run is a folder's name: neither "/" nor NUL, and at most 255 bytes.
RUNS = {name: text.replace("/", "∕").replace("\x00", "")[:80] for name, text in TEXTS.items()}
STEPS = [0, 10, 20]


def write_good(run: Path, tag: str = "good") -> None:
    """Write what must be shown whatever stands beside it."""
    pixels = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
    with EventLog(run) as log:
        log.add(image_series(pixels), png(pixels))
        list_ = Cohort((Sample(digest_of_pixels(pixels), width=32, height=32, label=0),) * 4, ("a", "b"))
        log.add(Series("cohort", digest=list_.digest), list_.to_bytes())
        for ordinal, step in enumerate(STEPS):
            raw = np.random.default_rng(step).normal(size=(4, 7, 7))
            log.add(maps_series(tag), Maps(Stamp(list_.digest, ordinal, 1), (block(raw),)).to_bytes(), step)


def write_names(run: Path, text: str) -> None:
    """Write a series in which every text is hostile."""
    pixels = np.zeros((16, 16, 3), np.uint8)
    short = text[:900]
    with EventLog(run) as log:
        log.add(image_series(pixels), png(pixels))
        samples = [
            pb.Sample(
                image=digest_of_pixels(pixels), slices=[text[:50]], label=1, has_label=True, id=text, caption=text,
                boxes=[-1e30, 0, 1e30, 1], width=16, height=16,
            ),
            pb.Sample(image=text[:50]),
        ]  # fmt: skip
        list_ = envelope(pb.Cohort(samples=samples, class_names=[text, text]))  # longer than a writer of ours allows
        digest = digest_of_bytes(list_)
        log.add(Series("cohort", digest=digest), list_)
        record = Maps(Stamp(digest, 0, 1), (block(np.eye(2)[None].repeat(2, 0), names=(text, short)),)).to_bytes()
        for tag, method, layer in ((text, "m", "l"), (short, short, short)):
            series = maps_series(tag, method, layer)
            log.add_value(f"{len(tag)}/{method}"[:200], series.to_bytes(), record, 1)


def write_pictures(run: Path) -> dict[str, str]:
    """Write blobs that are not the pictures they claim to be, and samples that show them; return digests by name."""
    good = png(np.zeros((8, 8, 3), np.uint8))
    blobs = {
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="document.title=1"/>',
        "html": b"<!DOCTYPE html><script>document.title='owned'</script>",
        "gif": b"GIF89a\x01\x00\x01\x00",
        "truncated": good[:40],
        "flipped": good[:-20] + bytes([good[-20] ^ 1]) + good[-19:],
        "cut_in_header": good[:20],
        "empty": b"",
        "bomb": good[:16] + b"\x00\x01\x86\xa0" * 2 + good[24:],
        "zero": good[:16] + bytes(8) + good[24:],
        "polyglot": good + b"<script>document.title='owned'</script>",
        "jpeg": b"\xff\xd8\xff\xe0" + b"\xff" * 1000,
        "webp": b"RIFF\x00\x00\x00\x00WEBPVP8X" + b"\xff" * 14,
    }
    digests = {name: f"{number:032x}" for number, name in enumerate(blobs)}
    with EventLog(run) as log:
        for name, blob in blobs.items():
            log.add(Series("image", digest=digests[name]), blob)
        samples = [Sample(image=digest, width=8, height=8, caption=name) for name, digest in digests.items()]
        list_ = Cohort(tuple(samples))
        log.add(Series("cohort", digest=list_.digest), list_.to_bytes())
        raw = np.random.default_rng(0).normal(size=(len(blobs), 7, 7))
        log.add(maps_series("pictures"), Maps(Stamp(list_.digest, 0, 1), (block(raw),)).to_bytes(), 0)
    return digests


def envelope(record: pb.Maps | pb.Predictions | pb.Cohort, major: int = 1) -> bytes:
    """Seal any message, whatever it claims."""
    payload = record.SerializeToString()
    return pb.Envelope(version=pb.Version(major=major), crc32=zlib.crc32(payload), payload=payload).SerializeToString()


def _array(shape: tuple[int, ...], data: bytes = b"", type_: int = 0, compression: int = 0) -> pb.Array:
    return pb.Array(type=type_, compression=compression, shape=shape, data=data)  # type: ignore[arg-type]


def _one_block(values: pb.Array, **more: pb.Array) -> bytes:
    edges = {"minimum": _array((1,), bytes(4), pb.Array.FLOAT32), "maximum": _array((1,), bytes(4), pb.Array.FLOAT32)}
    stamp = pb.Stamp(cohort=bytes(16))
    return envelope(pb.Maps(stamp=stamp, blocks=[pb.Block(values=values, **(edges | more))]))


def records() -> dict[str, bytes]:
    """Return records that can't be shown, by what is wrong with them."""
    good = Maps(Stamp("0" * 32, 0, 1), (block(np.eye(3)[None]),)).to_bytes()
    nan = b"\x00\x00\xc0\x7f"
    bomb = zlib.compress(bytes(2**27), 9)
    many = [pb.Block(values=_array((1, 1)), minimum=_array((1,)), maximum=_array((1,)))] * 3
    return {
        "empty": b"",
        "random": np.random.default_rng(0).bytes(500),
        "truncated": good[:-7],
        "newer": envelope(pb.Maps(stamp=pb.Stamp(cohort=bytes(16))), 2),
        "no_version": envelope(pb.Maps(), 0),
        "billion_cells": _one_block(_array((1, 31623, 31623))),
        "overflowing": _one_block(_array((2**32 - 1,) * 8)),
        "many_axes": _one_block(_array((1,) * 5000, b"\x00")),
        "negative_as_unsigned": _one_block(_array((2**32 - 1, 1))),
        "no_axes": _one_block(_array((), b"\x00")),
        "too_short": _one_block(_array((1, 7, 7), b"\x00" * 48)),
        "too_long": _one_block(_array((1, 7, 7), b"\x00" * 50)),
        "deflate_bomb": _one_block(_array((1, 7, 7), bomb, 0, 1)),
        "deflated_noise": _one_block(_array((1, 7, 7), b"\x00\x01\x02", 0, 1)),
        "compression_9": _one_block(_array((1, 1, 1), b"\x00", 0, 9)),
        "type_77": _one_block(_array((1, 1, 1), b"\x00", 77)),
        "negative_samples": _one_block(_array((1, 1, 1), b"\x00"), samples=_array((1,), b"\xff" * 4, pb.Array.INT32)),
        "float_samples": _one_block(_array((1, 1, 1), b"\x00"), samples=_array((1,), nan, pb.Array.FLOAT32)),
        "short_cohort": envelope(pb.Maps(stamp=pb.Stamp(cohort=b"abc"))),
        "wrong_counts": envelope(pb.Maps(stamp=pb.Stamp(cohort=bytes(16)), blocks=many)),
        "predictions": envelope(pb.Predictions(stamp=pb.Stamp(cohort=bytes(16)), prediction=_array((1,), b"\x01"))),
    }


def odd_but_valid() -> dict[str, bytes]:
    """Return records that are strange and yet are what they say."""
    nan, inf = b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f"
    edges = {"minimum": _array((1,), nan, pb.Array.FLOAT32), "maximum": _array((1,), inf, pb.Array.FLOAT32)}
    return {
        "nan_range": _one_block(_array((1, 2, 2), bytes(4)), **edges),
        "nan_values": _one_block(_array((1, 1, 2), nan + inf, pb.Array.FLOAT32)),
        "no_maps": _one_block(
            _array((0, 7, 7)),
            minimum=_array((0,), b"", pb.Array.FLOAT32),
            maximum=_array((0,), b"", pb.Array.FLOAT32),
        ),
        "no_cells": _one_block(_array((1, 0, 7))),
        "absent_sample": _one_block(
            _array((1, 1, 1), b"\x09"), samples=_array((1,), b"\xff\xff\xff\x7f", pb.Array.INT32)
        ),
        "no_blocks": envelope(pb.Maps(stamp=pb.Stamp(cohort=bytes(16)))),
        "nan_epoch": envelope(
            pb.Maps(
                stamp=pb.Stamp(
                    cohort=bytes(16), has_epoch=True, epoch=float("nan"), ordinal=2**64 - 1, session=2**64 - 1
                )
            )
        ),
    }


def write_records(run: Path) -> None:
    """Write each bad record between two good ones of its own series, and series of which nothing can be read."""
    list_ = "0" * 32
    with EventLog(run) as log:
        for name, data in {**records(), **odd_but_valid()}.items():
            series = maps_series(name)
            log.add(series, Maps(Stamp(list_, 0, 0), (block(np.eye(3)[None]),)).to_bytes(), 0)
            log.add(series, data, 1)
            log.add(series, Maps(Stamp(list_, 2**63, 2**64 - 1), (block(2 * np.eye(3)[None]),)).to_bytes(), 2)
        contents = {
            "none": b"",
            "noise": b"\xff\x00\x81",
            "newer": b"\x0a\x02\x08\x63\x10\x04",
            "kind": b"\x0a\x02\x08\x01\x10\x63",
        }
        for name, content in contents.items():
            log.add_value(f"content_{name}", content, b"", 1)
        log.add_value("image_as_tensor", Series("image", digest="1" * 32).to_bytes(), b"", 1)
        log.add_value("gradcam/image/" + "2" * 32, maps_series().to_bytes(), b"maps as a blob", 1, kind=BLOB)


def write_tensors(run: Path) -> None:
    """Write tensors that are not strings, or that contradict themselves."""
    with EventLog(run) as log:
        number = tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, float_val=[1.0])
        several = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=[b"a", b"b"])
        several.tensor_shape.dim.add(size=2)
        contradiction = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=[b"a", b"b"])
        contradiction.tensor_shape.dim.add(size=3)
        negative = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=[b"a"])
        negative.tensor_shape.dim.add(size=-5)
        untyped = tensor_pb2.TensorProto()
        unknown = tensor_pb2.TensorProto(dtype=99)  # type: ignore[arg-type]
        odd = {"number": number, "several": several, "contradiction": contradiction, "negative": negative}
        for name, tensor in {**odd, "untyped": untyped, "unknown": unknown}.items():
            log.add_tensor(f"t/{name}", maps_series(name).to_bytes(), tensor, 1)
            log.add_tensor(f"gradcam/image/{name}", Series("image", digest="3" * 32).to_bytes(), tensor, 1, kind=BLOB)
        for step in (-1, -(2**63), 2**63 - 1, 2**53 + 1):
            log.add(maps_series("steps"), Maps(Stamp("0" * 32, 0, 1), (block(np.eye(3)[None]),)).to_bytes(), step, 1.0)
    with EventLog(run / "times") as log:
        for time in (float("nan"), float("inf"), -1e308):
            log.add(maps_series("times"), Maps(Stamp("0" * 32, 0, 1), (block(np.eye(3)[None]),)).to_bytes(), 1, time)


def write_all(logdir: Path, texts: dict[str, str] = TEXTS) -> None:
    """Write a log directory with everything above, and good runs between it."""
    write_good(logdir / "good")
    for name, text in texts.items():
        run = logdir / (RUNS[name] or name)
        write_names(run, text)
        write_good(run / "good")
    write_pictures(logdir / "pictures")
    write_good(logdir / "pictures", "good")
    write_records(logdir / "records")
    write_tensors(logdir / "tensors")
