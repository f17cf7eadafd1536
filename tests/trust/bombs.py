"""Small logs that would take gigabytes: `python -m tests.trust.bombs [MEGABYTES]`.

Each bomb is a few megabytes of event file, written byte by byte here, so that nothing of the package decides what can
be written. The real TensorBoard loads them, with each of its loaders, and each is asked for once, and by ten clients at
once, the cache being cold. What must hold: one request takes at most three times the bytes of the record and 64 MB, and
a second of processor and one more for each 10 MB; ten together take at most `AT_ONCE`; and all is answered, if only by
"try again".
"""

from __future__ import annotations

import os
import re
import struct
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tensorboard.compat.tensorflow_stub import pywrap_tensorflow

from tests.viewer.server import Answer, Server, tensorboard

MB = 1_000_000
AT_ONCE = 1_000 * MB
STATUSES = frozenset({200, 404, 415, 503})


def varint(number: int) -> bytes:
    """Encode a number as protobuf does."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: bytes | int) -> bytes:
    """Encode a field: bytes with their length, a number as a varint."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def array(type_: int, shape: list[int], data: bytes, deflate: bool = False) -> bytes:
    """Encode an `Array`."""
    body = zlib.compress(data, 9) if deflate else data
    return field(1, type_) + field(2, int(deflate)) + field(3, b"".join(map(varint, shape))) + field(4, body)


def zeros(count: int) -> bytes:
    """Deflate zeros without holding them."""
    stream = zlib.compressobj(9)
    parts = [stream.compress(bytes(min(2**20, count - at))) for at in range(0, count, 2**20)]
    return b"".join([*parts, stream.flush()])


def zero_array(type_: int, shape: list[int], count: int) -> bytes:
    """Encode an `Array` of deflated zeros, `count` bytes of them."""
    packed = field(3, b"".join(map(varint, shape)))
    return field(1, type_) + field(2, 1) + packed + field(4, zeros(count))


def envelope(payload: bytes) -> bytes:
    """Seal a payload as a record of format 1.0."""
    return field(1, field(1, 1)) + varint(2 << 3 | 5) + struct.pack("<I", zlib.crc32(payload)) + field(3, payload)


STAMP = field(1, field(1, bytes(16)))
FLOAT = 5


def block(values: bytes, count: int, *more: bytes) -> bytes:
    """Encode a `Block` of a maps record."""
    edges = array(FLOAT, [count], bytes(4 * count)) if count < 2**16 else zero_array(FLOAT, [count], 4 * count)
    return field(2, field(4, values) + field(5, edges) + field(6, edges) + b"".join(more))


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


def pictures(size: int) -> Iterator[tuple[str, bytes]]:
    """Yield files that claim to be pictures."""
    header = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + struct.pack(">II", 8, 8) + b"\x08\x02\0\0\0"
    header += struct.pack(">I", zlib.crc32(header[12:]))
    chunk = b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    yield "empty PNG chunks", header + chunk * (size // len(chunk))
    yield "JPEG padding", b"\xff\xd8\xff" + b"\xff" * size
    yield "empty JPEG segments", b"\xff\xd8" + b"\xff\xe0\x00\x02" * (size // 4)


@dataclass(frozen=True)
class Bomb:
    """What is asked for, and the bytes that TensorBoard hands over for it."""

    name: str
    route: str
    arguments: dict[str, str]
    size: int


class RawLog:
    """An event file, byte by byte."""

    def __init__(self, run: Path) -> None:
        run.mkdir(parents=True)
        self._file = (run / "events.out.tfevents.1700000000.host.1.0").open("wb")
        self._frame(field(3, b"brain.Event:2"))

    def add(self, tag: str, content: bytes, data: bytes, step: int, data_class: int) -> None:
        """Write one string tensor of our plugin."""
        shape = field(2, field(2, field(1, 1))) if data_class == 3 else b""
        tensor = field(1, 7) + shape + field(8, data)
        metadata = field(1, field(1, b"gradcam") + field(2, content)) + field(4, data_class)
        value = field(1, tag.encode()) + field(9, metadata) + field(8, tensor)
        wall_time = varint(1 << 3 | 1) + struct.pack("<d", 1.7e9 + step)
        self._frame(wall_time + field(2, step) + field(5, field(1, value)))

    def _frame(self, data: bytes) -> None:
        length = struct.pack("<Q", len(data))
        self._file.write(length + _crc(length) + data + _crc(data))
        self._file.flush()


def _crc(data: bytes) -> bytes:
    from tensorboard_plugin_gradcam.event_files import masked_crc32c  # TensorBoard's own takes a second a megabyte

    crc = pywrap_tensorflow.masked_crc32c(data) & 0xFFFFFFFF if len(data) < 2**12 else masked_crc32c(data)
    return struct.pack("<I", crc)


def write_all(logdir: Path, size: int) -> list[Bomb]:
    """Write all bombs, each into a run of its own."""
    found = []
    version = field(1, field(1, 1))
    for kind, data_class, number, blobs in (("cohort", 3, 2, cohorts(size)), ("image", 3, 1, pictures(size))):
        for index, (name, blob) in enumerate(blobs):
            data = envelope(blob) if kind == "cohort" else blob
            digest = f"{index:032x}"
            log = RawLog(logdir / f"{kind}-{index}")
            content = version + field(2, number) + field(6, digest.encode())
            log.add(f"gradcam/{kind}/{digest}", content, data, 0, data_class)
            found.append(Bomb(name, kind, {"run": f"{kind}-{index}", "digest": digest}, len(data)))
    for index, (name, payloads) in enumerate(maps(size)):
        log = RawLog(logdir / f"maps-{index}")
        content = version + field(2, 4) + field(3, b"t") + field(4, b"m") + field(5, b"l")
        for step, payload in enumerate(payloads):
            log.add("t/m/l", content, envelope(payload), step, 2)
        place = {"run": f"maps-{index}", "tag": "t", "method": "m", "layer": "l"}
        found.append(Bomb(name, "maps", place, sum(len(envelope(one)) for one in payloads)))
    return found


def reset_peak(server: Server) -> int:
    """Forget the peak of TensorBoard's memory so far; return what it takes now, in bytes."""
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
    return memory(server, "VmRSS")


def memory(server: Server, name: str) -> int:
    """Return one of the kernel's figures of TensorBoard's memory, in bytes."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{server.process.pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def processor(server: Server) -> float:
    """Return the seconds of processor that TensorBoard took, its data server apart."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """What requests for one bomb took."""

    memory: int
    processor: float
    statuses: tuple[int, ...]


def cost(server: Server, bomb: Bomb, clients: int) -> Cost:
    """Ask for a bomb by a number of clients at once."""
    before, began = reset_peak(server), processor(server)
    with ThreadPoolExecutor(clients) as pool:
        ask = [pool.submit(server.get, bomb.route, **bomb.arguments) for _ in range(clients)]
        answers: list[Answer] = [one.result() for one in ask]
    statuses = tuple(sorted({answer.status for answer in answers}))
    return Cost(memory(server, "VmHWM") - before, processor(server) - began, statuses)


def faults(bomb: Bomb, one: Cost) -> list[str]:
    """Return which promises a single request broke."""
    found = []
    if one.memory > 3 * bomb.size + 64 * MB:
        found.append(f"{one.memory / MB:.0f} MB")
    if one.processor > 1 + bomb.size / (10 * MB):
        found.append(f"{one.processor:.1f} s of processor")
    if not STATUSES.issuperset(one.statuses):
        found.append(f"answers {one.statuses}")
    return found


def settled(server: Server, bombs: list[Bomb]) -> None:
    """Wait until TensorBoard has loaded everything."""
    runs = {bomb.arguments["run"] for bomb in bombs if bomb.route == "maps"}
    server.wait(lambda server: server.get("series").status == 200, 120)
    server.wait(lambda server: {run["run"] for run in server.get("series").json["runs"]} >= runs, 120)
    last = -1
    while (now := memory(server, "VmRSS")) - last > MB:
        last = now
        time.sleep(3)


def main(megabytes: int = 5) -> int:
    """Ask for all and print the figures."""
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        bombs = write_all(Path(name), megabytes * MB)
        for loader in ("true", "false"):
            for clients in (1, 10):
                with tensorboard(Path(name), loader) as server:
                    settled(server, bombs)
                    start = reset_peak(server)
                    peak = 0
                    for bomb in bombs:
                        taken = cost(server, bomb, clients)
                        wrong = faults(bomb, taken)
                        peak = max(peak, taken.memory)
                        bad += bool(wrong)
                        sys.stdout.write(
                            f"{bomb.route} {bomb.name}: {bomb.size / MB:.1f} MB took {taken.memory / MB:.0f} MB and "
                            f"{taken.processor:.1f} s, {taken.statuses} "
                            f"{'WRONG ' + ', '.join(wrong) if wrong else ''}\n"
                        )
                    both = memory(server, "VmRSS") - start
                    kind = "data server" if loader == "true" else "Python loader"
                    sys.stdout.write(
                        f"{kind}, {clients} at once: {len(bombs)} bombs, peak of one {peak / MB:.0f} MB, "
                        f"{both / MB:.0f} MB kept after all\n"
                    )
                    bad += both > AT_ONCE
                with tensorboard(Path(name), loader) as server:
                    settled(server, bombs)
                    start = reset_peak(server)
                    with ThreadPoolExecutor(len(bombs)) as pool:
                        ask = [pool.submit(server.get, bomb.route, **bomb.arguments) for bomb in bombs]
                        statuses = sorted({one.result().status for one in ask})
                    together = memory(server, "VmHWM") - start
                    bad += together > AT_ONCE or not STATUSES.issuperset(statuses)
                    sys.stdout.write(f"all at once: {together / MB:.0f} MB, {statuses}\n")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
