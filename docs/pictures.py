"""Make the pictures of the README and the docs anew: `make pictures`.

The demo is trained, TensorBoard started on it, and the tab photographed in Debian's Chromium.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import Frame, Page, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser.conftest import FLAGS  # noqa: E402
from tests.browser.rest import at_rest  # noqa: E402
from tests.viewer.server import Server, tensorboard  # noqa: E402

STEPS = 400
SIZE = {"width": 1400, "height": 900}
SMALL = {"width": 1100, "height": 688}  # of the animation
ANIMATED = (20, 30, 40, 50, 60, 80, 100, 130, 160, 200, 300, 400)  # the first step has a note, which moves the tiles
FRAME_MS, REST_MS = 700, 2500
MOST_BYTES = 1_500_000
DRAWN = "[data-testid=tile-canvas][data-ready=true]"
SAMPLE = quote("run=shortcut&tag=validation&sample=3")
PICTURES = {
    "focus": f"&p.gradcam.focus={SAMPLE}&p.gradcam.trail=1",
    "why": f"&p.gradcam.focus={SAMPLE}&p.gradcam.why=1",
    "over-steps": "&p.gradcam.view=compare&p.gradcam.rows=sample&p.gradcam.columns=step&p.gradcam.runs=shortcut",
    "findings": "&p.gradcam.view=findings",
    "atlas": "&p.gradcam.view=atlas",
}


def train(logdir: Path) -> None:
    """Train both runs of the demo."""
    command = [sys.executable, str(ROOT / "demo/train.py"), "--logdir", str(logdir), "--steps", str(STEPS)]
    subprocess.run([*command, "--no-serve"], check=True)


@contextmanager
def opened(server: Server) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
        page.set_default_timeout(120_000)
        yield page
        browser.close()


def show(page: Page, server: Server, view: str = "", ready: str = DRAWN) -> Frame:
    """Go to a view; TensorBoard is loaded anew."""
    page.goto("about:blank")
    page.goto(f"http://{server.host}:{server.port}/#gradcam{view}")
    frame = page.wait_for_selector("iframe").content_frame()
    assert frame
    frame.wait_for_selector(ready)
    at_rest(page)
    return frame


def shot(page: Page) -> Image.Image:
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def animation(page: Page, server: Server, file: Path) -> None:
    """Both runs while attention moves to the mark in one of them."""
    page.set_viewport_size(SMALL)  # type: ignore[arg-type]
    frame = show(page, server)
    frames = []
    for step in ANIMATED:
        box = frame.get_by_test_id("step-input")
        box.fill(str(step))
        box.press("Enter")
        frame.wait_for_function(
            "(step) => [...document.querySelectorAll('[data-testid=tile-canvas]')]"
            ".every((one) => one.dataset.step === step)",
            arg=str(step),
        )
        frame.evaluate("document.activeElement.blur()")
        page.mouse.move(0, 0)
        at_rest(page)
        frames.append(shot(page))
    durations = [*[FRAME_MS] * (len(frames) - 1), REST_MS]
    for quality in (80, 70, 60, 50, 40):
        frames[0].save(
            file, save_all=True, append_images=frames[1:], duration=durations, loop=0, quality=quality, method=6
        )
        if file.stat().st_size <= MOST_BYTES:
            return
    raise SystemExit(f"expected at most {MOST_BYTES} bytes of {file}, got {file.stat().st_size}")


def card(page: Page, server: Server, file: Path) -> None:
    """The card as it is saved."""
    frame = show(page, server, f"&p.gradcam.focus={SAMPLE}")
    frame.get_by_role("button", name="Card…").click()
    frame.wait_for_selector("[data-testid=card-canvas][data-ready=true]")
    with page.expect_download() as download:
        frame.get_by_role("button", name="Save PNG").click()
    Image.open(download.value.path()).convert("RGB").save(file, quality=85, method=6)


def photograph(logdir: Path, folder: Path) -> None:
    """Save all pictures."""
    folder.mkdir(exist_ok=True)
    with tensorboard(logdir, "true") as server:
        server.wait(lambda it: len(it.get("series").json["runs"]) == 2)
        server.wait(
            lambda it: all(one["tags"][0]["maps"][0]["max_step"] == STEPS for one in it.get("series").json["runs"])
        )
        with opened(server) as page:
            for name, view in PICTURES.items():
                words = {"findings": "[data-testid=findings], .findings", "atlas": ".atlas"}.get(name, DRAWN)
                show(page, server, view, words)
                shot(page).save(folder / f"{name}.webp", quality=80, method=6)
            card(page, server, folder / "card.webp")
            animation(page, server, folder.parent / "tab.webp")


def main() -> None:
    """Train where no log is given, then photograph it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logdir", type=Path, help=f"of a demo of {STEPS} steps that is trained already")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        logdir = arguments.logdir or Path(folder)
        if arguments.logdir is None:
            train(logdir)
        photograph(logdir, ROOT / "docs/pictures")


if __name__ == "__main__":
    main()
