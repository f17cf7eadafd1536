"""A short run of the fuzzers; `soak.py` beside this file is the long one."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.fuzz.checks import check
from tests.fuzz.inputs import KINDS, corpus, inputs, payload_of, sealed
from tests.fuzz.make_corpus import records
from tests.fuzz.wsgi import client, fault, requests, write_log


@pytest.mark.parametrize("kind", KINDS)
def test_the_corpus_is_read(kind: str) -> None:
    assert all(check(kind, data) for data in corpus()[kind])


def test_the_corpus_is_what_this_version_writes() -> None:
    """Envelopes may grow fields; what they hold stays as it is kept."""
    kept = {name: data for kind, files in corpus().items() for name, data in zip(_names(kind), files, strict=True)}
    for name, data in records().items():
        assert kept[name] == data if name.startswith("series") else payload_of(kept[name]) == payload_of(data)


def _names(kind: str) -> list[str]:
    return sorted(name for name in records() if name.startswith(f"{kind}-"))


@settings(max_examples=300, deadline=None)
@given(some.sampled_from(KINDS), some.binary(max_size=300), some.booleans())
def test_any_bytes_are_read_or_refused(kind: str, data: bytes, seal: bool) -> None:
    check(kind, sealed(data) if seal else data)


def test_damaged_records_are_read_or_refused() -> None:
    read = sum(check(kind, data) for kind, data in islice(inputs(1), 20_000))
    assert 1_000 < read < 19_000  # inputs that all fail early, or all pass, would test little


@pytest.mark.filterwarnings("ignore")
def test_any_request_is_answered(tmp_path: Path) -> None:
    digests = write_log(tmp_path)
    browser = client(tmp_path)
    secrets = (str(tmp_path), "site-packages", "/viewer", "Traceback")
    statuses = set()
    for asked in islice(requests(1, digests), 2_000):
        assert fault(browser, asked, secrets) is None, asked
        statuses.add(browser.open(asked.path, method=asked.method).status_code)
    assert {200, 400, 404, 405} <= statuses
