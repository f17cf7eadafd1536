"""Build the wheel and the source distribution, install each in a new environment, and open the tab: `make dist`.

The environments are made outside the repository and removed afterwards. Each is given the packages that the
distribution asks for, and nothing else: TensorBoard has to start in it, list the plugin, and show a log that an older
version wrote.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
LOG = ROOT / "tests" / "golden" / "format-1.0"
TILE = "[data-testid=tile-canvas][data-ready=true]"
CLEAN = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # which may lead to a checkout
PATIENCE = 300  # seconds, of a machine that has much else to do


def build() -> list[Path]:
    """Build both into dist/, which is emptied first."""
    shutil.rmtree(DIST, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(DIST), str(ROOT)], check=True)
    return sorted([*DIST.glob("*.whl"), *DIST.glob("*.tar.gz")])


@contextmanager
def environment(distribution: Path) -> Iterator[Path]:
    """Make a new environment with the distribution in it; give its Python."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = Path(folder) / "bin" / "python"
        command = [str(python), "-m", "pip", "install", "--quiet", "--quiet", str(distribution)]
        subprocess.run(command, check=True, cwd=folder, env=CLEAN)
        yield python


@contextmanager
def tensorboard(python: Path) -> Iterator[str]:
    """Run that environment's TensorBoard on the golden log; give its address."""
    command = [str(python), "-m", "tensorboard.main", "--logdir", str(LOG), "--port", "0", "--host", "127.0.0.1"]
    process = subprocess.Popen(
        command, cwd=python.parent, env=CLEAN, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stderr
        said = []
        for line in process.stderr:
            said.append(line)
            if " at http" in line:
                yield line.split(" at ")[1].split()[0].rstrip("/")
                return
        raise RuntimeError("TensorBoard did not start:\n" + "".join(said))
    finally:
        process.terminate()
        process.wait(60)


def listed(address: str) -> bool:
    """Whether TensorBoard lists the plugin, and the plugin the log's runs, before the patience ends."""
    if "gradcam" not in fetched(f"{address}/data/plugins_listing"):
        return False
    until = time.monotonic() + PATIENCE
    while not fetched(f"{address}/data/plugin/gradcam/series")["runs"]:
        if time.monotonic() > until:
            return False
        time.sleep(0.5)
    return True


def fetched(url: str) -> Any:
    """Return the JSON at an address."""
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def shows_a_map(address: str) -> str:
    """Open the tab in Chromium and wait for a map; say what was seen."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        with urllib.request.urlopen(f"{address}/data/plugin/gradcam/index.js") as script:
            return f"the tab's script came, {len(script.read()):,} bytes (no Chromium here to open it in)"
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import FLAGS

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page()
        page.goto(f"{address}/#gradcam")
        element = page.wait_for_selector("iframe", timeout=PATIENCE * 1000, state="attached")
        frame = element and element.content_frame()
        assert frame
        frame.wait_for_selector(TILE, timeout=PATIENCE * 1000)
        count = len(frame.query_selector_all(TILE))
        browser.close()
    return f"the tab opened and drew {count} maps"


def main() -> None:
    """Build, install and look."""
    for distribution in build():
        with environment(distribution) as python, tensorboard(python) as address:
            if not listed(address):
                raise SystemExit(f"{distribution.name}: TensorBoard does not list the tab")
            print(
                f"{distribution.name} ({distribution.stat().st_size / 1e3:.0f} kB): {shows_a_map(address)}", flush=True
            )


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
