"""One headless Chromium, and one TensorBoard for each log, for all browser tests of a worker."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.rest import PATIENCE_MS, patient, patient_reads
from tests.browser.tab import Rich, train
from tests.viewer.server import Server, tensorboard

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    # WebGL2 in software, so that the shader is tested where there is no GPU.
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.fail("expected Chromium on the path; install it (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        expect.set_options(timeout=PATIENCE_MS)
        with patient_reads():
            yield browser
        browser.close()


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short trainings on crops of real photographs, with maps at every tenth step.

    100 pixels for 12 cells: where a cell has a power of two of pixels, masks fall exactly between two colours at one
    pixel in a thousand, and which of the two is taken is a matter of the last bit.
    """
    logdir = tmp_path_factory.mktemp("log")
    for seed, run in enumerate(("first", "second")):
        train(logdir / run, seed)
    return logdir


@pytest.fixture(scope="session", params=["true", "false"], ids=["load_fast", "load_slow"])
def server(request: pytest.FixtureRequest, log: Path) -> Iterator[Server]:
    with tensorboard(log, request.param) as running:
        running.wait_for(log)
        yield running


@pytest.fixture(scope="session")
def rich_log(tmp_path_factory: pytest.TempPathFactory) -> Rich:
    return Rich(tmp_path_factory.mktemp("rich"))


@pytest.fixture(scope="session")
def rich(rich_log: Rich) -> Iterator[Server]:
    """One TensorBoard, on the fast loader, for whatever does not hang on the loader."""
    with tensorboard(rich_log.logdir) as running:
        running.wait_for(rich_log.logdir)
        yield running


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    page = patient(chromium.new_page(viewport={"width": 1400, "height": 900}))
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert errors == []
