"""The long run of the fuzzers: `python -m tests.fuzz.soak [RECORDS] [REQUESTS] [SEED]`.

Prints its figures and ends with 1 if anything was unhandled; each such input is written to tests/fuzz/corpus, where the
short run finds it from then on.
"""

from __future__ import annotations

import logging
import multiprocessing
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from hashlib import sha256
from itertools import islice
from pathlib import Path

from tests.fuzz.checks import check
from tests.fuzz.inputs import CORPUS, inputs
from tests.fuzz.wsgi import client, fault, requests, write_log

WORKERS = 2


def soak_records(job: tuple[int, int]) -> Counter[str]:
    """Check a number of inputs from a seed on."""
    seed, count = job
    counts: Counter[str] = Counter()
    for kind, data in islice(inputs(seed), count):
        try:
            counts["read" if check(kind, data) else "refused"] += 1
        except Exception:
            counts["unhandled"] += 1
            (CORPUS / f"{kind}-found-{sha256(data).hexdigest()[:12]}").write_bytes(data)
            traceback.print_exc()
    return counts


def soak_requests(job: tuple[int, int]) -> Counter[str]:
    """Send a number of requests from a seed on."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    seed, count = job
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        digests = write_log(Path(folder))
        browser = client(Path(folder))
        for asked in islice(requests(seed, digests), count):
            wrong = fault(browser, asked, (folder, "site-packages", "/viewer", "Traceback"))
            counts["unhandled" if wrong else "answered"] += 1
            if wrong:
                sys.stderr.write(f"{wrong}: {asked}\n")
    return counts


def main(records: int = 1_000_000, asked: int = 100_000, seed: int = 0) -> int:
    """Run both and print the figures."""
    unhandled = 0
    with multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        for name, work, count in (("record inputs", soak_records, records), ("requests", soak_requests, asked)):
            started = time.monotonic()
            jobs = [(seed + worker + 1, count // WORKERS) for worker in range(WORKERS)]
            counts = sum(pool.map(work, jobs), Counter[str]())
            unhandled += counts["unhandled"]
            sys.stdout.write(f"{counts.total():,} {name} in {time.monotonic() - started:.0f} s: {dict(counts)}\n")
    return 1 if unhandled else 0


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
