"""Make the pictures of the README and the docs anew: `make pictures`, or only some: `make pictures ONLY="focus ab"`.

The demo is trained, TensorBoard started on it, and the tab photographed in Debian's Chromium. `--logdir` takes a demo
that is trained already.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode

import numpy as np
import torch
from PIL import Image
from playwright.sync_api import Frame, Page, sync_playwright

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs/pictures"
sys.path.insert(0, str(ROOT))

from benchmarks import shortcuts  # noqa: E402
from benchmarks.photographs import solar_cells  # noqa: E402
from demo.train import CLASS_NAMES, MARK, NORMALIZE, Network, choose_probe, load_cells  # noqa: E402
from tensorboard_plugin_gradcam import GradCAMLogger  # noqa: E402
from tensorboard_plugin_gradcam.demonstration.log import STEPS as DRAWN_STEPS  # noqa: E402
from tensorboard_plugin_gradcam.demonstration.log import write_demo  # noqa: E402
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
SAMPLE = "run=shortcut&tag=validation&sample=3"
IN_FULL = f"{SAMPLE}&method=grad_cam&layer=block3"
METHODS = ("grad_cam", "hires_cam", "layer_cam", "eigen_cam", "random_cam")


class Shot(NamedTuple):
    """A picture of the tab: its settings as in a link, and which part of it."""

    settings: dict[str, str | int]
    part: str = ""  # selectors, separated by commas, of what is in the picture; empty: everything
    ready: str = DRAWN
    width: int = SIZE["width"]
    height: int = SIZE["height"]


OF_DEMO = {
    "focus": Shot({"focus": SAMPLE, "trail": 1}),
    "why": Shot({"focus": SAMPLE, "why": 1}),
    "over-steps": Shot({"view": "compare", "rows": "sample", "columns": "step", "runs": "shortcut"}),
    "findings": Shot({"view": "findings"}, ready=".findings"),
    "atlas": Shot({"view": "atlas"}, ready=".atlas"),
    "steps": Shot({"step": 100}, part="header.top", width=900),
    "side-panel": Shot({"more": 1}, part="nav.side", height=1090),
    "filters": Shot(
        {"view": "grid", "verdict": "wrong", "sort": "loss", "step": 60, "runs": "clean", "tileSize": 160},
        part=".toolbar, .filters, .tile",
    ),
    "ab": Shot(
        {"view": "ab", "abMode": "difference", "a": IN_FULL.replace("shortcut", "clean"), "b": IN_FULL},
        part=".toolbar, [data-testid=ab]",
        ready="[data-testid=ab] canvas[data-ready=true]",
    ),
}
OF_METHODS = {"methods": Shot({"view": "methods"}, part=".methods > *", ready=".methods table")}


def of_kinds(*kinds: str) -> dict[str, Shot]:
    """The first finding of each of these kinds."""
    return {
        f"finding-{kind.replace('_', '-')}": Shot(
            {"view": "findings", "findingKind": kind}, part=".finding:first-child", ready=".finding canvas"
        )
        for kind in kinds
    }


OF_DRAWN = of_kinds("hot_spot_everywhere", "change", "runs_differ", "sure_and_outside")
OF_STAMPED = of_kinds("hot_spot", "spatial_bias", "strategy")
OF_SCALED = of_kinds("same_map", "dead_maps")


def train(logdir: Path) -> None:
    """Train both runs of the demo."""
    command = [sys.executable, str(ROOT / "demo/train.py"), "--logdir", str(logdir), "--steps", str(STEPS)]
    subprocess.run([*command, "--no-serve"], check=True)


def log_methods(demo: Path, logdir: Path) -> None:
    """Log several methods, measured, from the checkpoints of the demo's run `shortcut`."""
    model, probed = Network(), choose_probe(load_cells()[1], 24)
    with GradCAMLogger(
        logdir, model, methods=METHODS, class_names=CLASS_NAMES, transform=NORMALIZE, measures="gain_head"
    ) as logger:
        probe = logger.probe(
            "validation", NORMALIZE(probed.images), labels=probed.labels, boxes=[[MARK]] * len(probed.images)
        )
        for file in sorted((demo / "shortcut/checkpoints").glob("*.pt"), key=lambda it: int(it.stem.split("_")[1])):
            checkpoint = torch.load(file)
            model.load_state_dict(checkpoint["model"])
            probe.log(checkpoint["step"])


def log_stamped(logdir: Path) -> None:
    """Log a network whose photographs of defective cells carry a stamp, three in ten of them."""
    shortcuts.train(solar_cells(), 0.3, 0, logdir / "stamped")


def log_scaled_twice(logdir: Path) -> None:
    """Log a network that is shown photographs which were divided by 255 twice, by mistake: nearly black ones."""
    training, shown = solar_cells()
    torch.manual_seed(0)
    asked = shortcuts.inputs(shown.pixels / 255)
    for step, model in shortcuts.trained(training, np.random.default_rng(0)):
        shortcuts.log(logdir / "scaled twice", model, shown, asked, step)


@contextmanager
def opened(server: Server) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def show(page: Page, server: Server, settings: dict[str, str | int], ready: str = DRAWN) -> Frame:
    """Go to the tab with these settings; TensorBoard is loaded anew."""
    page.goto("about:blank")
    query = urlencode({f"p.gradcam.{key}": value for key, value in settings.items()}, quote_via=quote)
    page.goto(f"http://{server.host}:{server.port}/#gradcam&{query}")
    frame = page.wait_for_selector("iframe").content_frame()
    assert frame
    frame.wait_for_selector(ready)
    at_rest(page)
    return frame


def shot(page: Page) -> Image.Image:
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def part_of(page: Page, frame: Frame, part: str) -> Image.Image:
    """Photograph the rectangle around what the selectors find."""
    picture = shot(page)
    boxes = [box for one in frame.locator(part).all() if (box := one.bounding_box())]
    left, top = (min(box[side] for box in boxes) for side in ("x", "y"))
    right = max(box["x"] + box["width"] for box in boxes)
    bottom = max(box["y"] + box["height"] for box in boxes)
    return picture.crop((int(left), int(top), min(round(right), picture.width), min(round(bottom), picture.height)))


def take(page: Page, server: Server, one: Shot, file: Path) -> None:
    """Save one picture of the tab."""
    page.set_viewport_size({"width": one.width, "height": one.height})
    frame = show(page, server, one.settings, one.ready)
    picture = part_of(page, frame, one.part) if one.part else shot(page)
    picture.save(file, quality=80, method=6)


def animation(page: Page, server: Server, file: Path) -> None:
    """Both runs while attention moves to the mark in one of them."""
    page.set_viewport_size(SMALL)  # type: ignore[arg-type]
    frame = show(page, server, {})
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
    page.set_viewport_size(SIZE)  # type: ignore[arg-type]
    frame = show(page, server, {"focus": SAMPLE})
    frame.get_by_role("button", name="Card…").click()
    frame.wait_for_selector("[data-testid=card-canvas][data-ready=true]")
    with page.expect_download() as download:
        frame.get_by_role("button", name="Save PNG").click()
    Image.open(download.value.path()).convert("RGB").save(file, quality=85, method=6)


def photograph(logdir: Path, runs: int, shots: dict[str, Callable[[Page, Server], None]], last: int = STEPS) -> None:
    """Save some pictures of one log."""
    if not shots:
        return
    with tensorboard(logdir, "true") as server:
        server.wait(lambda it: len(it.get("series").json["runs"]) == runs)
        server.wait(
            lambda it: all(one["tags"][0]["maps"][0]["max_step"] == last for one in it.get("series").json["runs"])
        )
        with opened(server) as page:
            for name, save in shots.items():
                print(name, flush=True)
                save(page, server)


def saving(shots: dict[str, Shot]) -> dict[str, Callable[[Page, Server], None]]:
    """What saves each of these pictures."""
    return {name: partial(take, one=one, file=FOLDER / f"{name}.webp") for name, one in shots.items()}


OF_BOTH_RUNS = {
    **saving(OF_DEMO),
    "card": partial(card, file=FOLDER / "card.webp"),
    "tab": partial(animation, file=FOLDER.parent / "tab.webp"),
}


def main() -> None:
    """Train where no log is given, then photograph it."""
    names = [*OF_BOTH_RUNS, *OF_METHODS, *OF_DRAWN, *OF_STAMPED, *OF_SCALED]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", help=f"which pictures: all, or some of {', '.join(names)}")
    parser.add_argument("--logdir", type=Path, help=f"of a demo of {STEPS} steps that is trained already")
    arguments = parser.parse_args()
    wanted = set(arguments.only) or set(names)
    if unknown := wanted - set(names):
        parser.error(f"expected pictures among {', '.join(names)}, got {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as folder:
        demo = arguments.logdir or Path(folder) / "demo"
        if arguments.logdir is None and wanted & {*OF_BOTH_RUNS, *OF_METHODS}:
            train(demo)
        photograph(demo, 2, {name: save for name, save in OF_BOTH_RUNS.items() if name in wanted})
        if wanted & set(OF_METHODS):
            methods = Path(folder) / "methods"
            log_methods(demo, methods / "shortcut")
            photograph(methods, 1, saving(OF_METHODS))
        if wanted & set(OF_DRAWN):
            shots = {name: one for name, one in OF_DRAWN.items() if name in wanted}
            photograph(write_demo(Path(folder) / "drawn"), 2, saving(shots), DRAWN_STEPS)
        for log, of_log in ((log_stamped, OF_STAMPED), (log_scaled_twice, OF_SCALED)):
            if shots := {name: one for name, one in of_log.items() if name in wanted}:
                logdir = Path(folder) / log.__name__
                log(logdir)
                photograph(logdir, 1, saving(shots), shortcuts.STEPS)


if __name__ == "__main__":
    main()
