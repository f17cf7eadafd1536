"""A training that never ends: `python -m tests.trust.long_run [STEPS]`.

Logs STEPS steps in one process and prints, for each tenth of them, the time a step and the memory of the process. Ends
with 1 if the last tenth took half as long again as the second, or 16 MiB more.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.writer.victim import log, open_writer

PARTS = 10


def memory() -> float:
    """Return the MiB that this process holds now."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def main(steps: int = 100_000) -> int:
    """Log, and print the figures."""
    times: list[float] = []
    held: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        writer = open_writer("torch", folder)
        for part in range(PARTS):
            took = []
            for step in range(part * steps // PARTS, (part + 1) * steps // PARTS):
                began = time.perf_counter()
                log(writer, step)
                took.append(time.perf_counter() - began)
            times.append(statistics.median(took) * 1e6)
            held.append(memory())
            sys.stdout.write(f"to step {step + 1:7,}: median {times[-1]:4.0f} us a step, {held[-1]:.1f} MiB\n")
            sys.stdout.flush()
        writer.close()
    return int(times[-1] > 1.5 * times[1] or held[-1] > held[1] + 16)


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
