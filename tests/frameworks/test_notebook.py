"""demo/notebook.ipynb, executed in a real kernel: its pictures, its log, and the tab in its frame."""

from __future__ import annotations

import base64
import io
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from tensorboard_plugin_gradcam import read_gradcam
from tests.browser.conftest import FLAGS

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "demo" / "notebook.ipynb"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def executed(folder: Path) -> Iterator[Any]:
    """The notebook with its outputs, while its kernel and TensorBoard still run."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=250, resources={"metadata": {"path": str(folder)}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")  # where `tensorboard` is
        patch.setenv("TMPDIR", str(folder))  # where TensorBoard looks for servers that it could use again
        with client.setup_kernel():
            for index, cell in enumerate(notebook.cells):
                client.execute_cell(cell, index)
            yield notebook
            notebook.cells.append(nbformat.v4.new_code_cell(STOP))
            client.execute_cell(notebook.cells[-1], len(notebook.cells) - 1)


STOP = """
import os, signal
from tensorboard import manager
for server in manager.get_all():
    os.kill(server.pid, signal.SIGTERM)
"""


@contextmanager
def served(html: str) -> Iterator[int]:
    """A page around the cell's output, from a local server: Chromium lets only local pages frame local servers."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *args: object) -> None: ...

    with ThreadingHTTPServer(("localhost", 0), Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def pictures(notebook: Any) -> list[np.ndarray[Any, Any]]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    files = [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(file)))).astype(float) for file in files]


def test_the_committed_pictures_are_those_that_the_cells_make(executed: Any) -> None:
    committed, made = pictures(nbformat.read(NOTEBOOK, as_version=4)), pictures(executed)
    assert len(committed) == len(made) == 2
    for one, other in zip(committed, made, strict=True):
        assert one.shape == other.shape
        assert np.abs(one - other).mean() < 8, "execute the notebook again and commit it"


def test_the_committed_notebook_is_small_and_says_nothing_of_a_machine() -> None:
    text = NOTEBOOK.read_text()
    assert len(text) < 300_000
    assert not re.search(r"/(tmp|home|root|Users)/|127\.0\.0\.1|localhost", text)
    assert "Traceback" not in text


def test_each_class_is_seen_in_its_own_half(executed: Any, folder: Path) -> None:
    (series,) = read_gradcam(folder / "runs" / "notebook").maps.values()
    assert series.steps.tolist() == [0, 10, 20, 30, 40]
    temple, flower = np.maximum(series.array()[-1], 0)
    edge = round(temple.shape[1] * 100 / 260)
    assert temple[:, :edge].sum() > 0.8 * temple.sum() > 0
    assert flower[:, edge:].sum() > 0.8 * flower.sum() > 0


def test_tensorboards_frame_shows_the_tab(executed: Any) -> None:
    (html,) = [
        output.data["text/html"]
        for cell in executed.cells
        for output in cell.get("outputs", [])
        if "iframe" in output.get("data", {}).get("text/html", "")
    ]
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.fail("expected Chromium on the path; install it (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=chromium, args=FLAGS).new_page()
        page.set_default_timeout(120_000)
        with served(html) as port:
            page.goto(f"http://localhost:{port}/")
            frame = page.frame_locator("iframe")
            frame.get_by_text("Grad-CAM", exact=True).first.click()
            frame.frame_locator("iframe").locator("[data-testid=tile-canvas][data-ready=true]").first.wait_for()
