"""Make the pictures of the README and the docs anew: `make pictures`.

The demo is trained for a few steps, TensorBoard started on it, and the tab photographed in Debian's Chromium.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser.conftest import FLAGS  # noqa: E402
from tests.viewer.server import tensorboard  # noqa: E402

STEPS = "400"
SIZE = {"width": 1400, "height": 900}


def train(logdir: Path) -> None:
    """Train both runs of the demo."""
    command = [sys.executable, str(ROOT / "demo/train.py"), "--logdir", str(logdir), "--steps", STEPS, "--no-serve"]
    subprocess.run(command, check=True)


def photograph(logdir: Path, file: Path) -> None:
    """Save what the tab opens with."""
    with tensorboard(logdir, "true") as server, sync_playwright() as playwright:
        server.wait(lambda it: len(it.get("series").json["runs"]) == 2)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport=SIZE)
        page.goto(f"http://{server.host}:{server.port}/#gradcam")
        frame = page.wait_for_selector("iframe").content_frame()
        assert frame
        frame.wait_for_selector("[data-testid=tile-canvas][data-ready=true]")
        page.wait_for_timeout(3000)  # the tiles below the first come a little later
        Image.open(io.BytesIO(page.screenshot())).save(file, quality=90, method=6)
        browser.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        train(Path(folder))
        photograph(Path(folder), ROOT / "docs/tab.webp")
