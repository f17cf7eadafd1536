"""The tab as a test sees it: opening it, moving it, reading its pixels, and logs to fill it with."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Frame, Locator, Page, Route, expect
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from tensorboard_plugin_gradcam import GradCAMLogger, add_gradcam
from tests.browser.rest import at_rest
from tests.viewer.server import Server

LAST = 40
TILE = "[data-testid=tile-canvas][data-sample='{sample}'][data-step='{step}'][data-ready=true]"


def train(directory: Path, seed: int) -> None:
    """Log a short training on crops of real photographs, with maps at every tenth step."""
    from sklearn.datasets import load_sample_images

    torch.manual_seed(seed)
    pictures = load_sample_images().images
    crops = [picture[y : y + 100, x : x + 100] for picture in pictures for y in (0, 150) for x in (0, 300)]
    x = torch.stack([torch.tensor(crop).permute(2, 0, 1).float() / 255 for crop in crops])
    y = torch.arange(len(x)) // 4
    model = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=4), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 2),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    with (
        SummaryWriter(str(directory)) as writer,
        GradCAMLogger(writer, model, class_names=["temple", "flower"]) as logger,
    ):
        probe = logger.probe("val", x, labels=y)
        for step in range(LAST + 1):
            if step % 10 == 0:
                probe.log(step)
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
            optimizer.zero_grad()


class Rich:
    """A log in which there is something of everything, and what is known of it.

    12 samples at steps 0, 20, .. 200, two runs, two layers. The evidence is a bump of width `WIDTH` that moves to the
    object in run "clean" and to a corner in run "shortcut". Sample 3 is all negative, 5 flat, 7 not finite, 9 all zero,
    and 11 all but zero.
    """

    SAMPLES = 12
    STEPS = tuple(range(0, 201, 20))
    CLASSES = ("temple", "flower", "leaf")
    WIDTH = 0.08

    def __init__(self, logdir: Path) -> None:
        rng = np.random.default_rng(0)
        self.logdir = logdir
        self.objects = rng.uniform(0.3, 0.7, (self.SAMPLES, 2))  # x and y of the object's middle
        self.labels = np.arange(self.SAMPLES) % 3
        self.maps: dict[tuple[str, int, str], NDArray[np.float32]] = {}
        for run in ("clean", "shortcut"):
            self._write(run, rng)

    def bump(self, run: str, step: int, cells: int) -> NDArray[np.float32]:
        """The maps of a step, (N, cells, cells)."""
        done = step / self.STEPS[-1]
        end = self.objects if run == "clean" else np.full_like(self.objects, 0.1)
        x, y = (0.5 + (end - 0.5) * done).T[:, :, None, None]
        places = (np.arange(cells) + 0.5) / cells
        distance = (places[None, None, :] - x) ** 2 + (places[None, :, None] - y) ** 2
        maps: NDArray[np.float32] = ((1 + 3 * done) * np.exp(-distance / self.WIDTH) - 0.1).astype(np.float32)
        maps[3] = -np.abs(maps[3]) - 0.01
        maps[5] = 0.5
        maps[7] = np.nan
        maps[9] = 0
        maps[11] *= 1e-4
        return maps

    def _write(self, run: str, rng: np.random.Generator) -> None:
        from sklearn.datasets import load_sample_images

        photographs = load_sample_images().images
        crops = np.stack([photographs[i % 2][9 * i : 9 * i + 96, 21 * i : 21 * i + 96] for i in range(self.SAMPLES)])
        boxes = [[[*(96 * (middle - 0.2)), *(96 * (middle + 0.2))]] for middle in self.objects]
        masks = [self._disc(middle) if i == 1 else None for i, middle in enumerate(self.objects)]
        with SummaryWriter(str(self.logdir / run)) as writer:
            for step in self.STEPS:
                writer.add_scalar("loss", 1 / (1 + step), step)  # so that TensorBoard has another tab
                for layer, cells in (("layer3", 14), ("layer4", 7)):
                    self.maps[run, step, layer] = self.bump(run, step, cells)
                logits = rng.standard_normal((self.SAMPLES, 3))
                logits[np.arange(self.SAMPLES), self.labels] += 4 * step / self.STEPS[-1] if run == "clean" else 0
                maps = {("grad_cam", layer): self.maps[run, step, layer] for layer in ("layer3", "layer4")}
                add_gradcam(
                    writer, "val", crops, maps, step,
                    labels=self.labels, outputs=logits, losses=rng.random(self.SAMPLES), class_names=self.CLASSES,
                    top_k=3, boxes=[[] if i == 1 else box for i, box in enumerate(boxes)], truth_masks=masks,
                    epoch=step / 50,
                    ids=[f"photo {i:04d}" if i else "" for i in range(self.SAMPLES)],
                )  # fmt: skip

    @staticmethod
    def _disc(middle: NDArray[np.float64]) -> NDArray[np.uint8]:
        y, x = (np.mgrid[:96, :96] + 0.5) / 96
        inside: NDArray[np.uint8] = ((x - middle[0]) ** 2 + (y - middle[1]) ** 2 < 0.03).astype(np.uint8)
        return inside


def opened(page: Page, server: Server, hash_: str = "gradcam", query: str = "") -> Frame:
    """The tab's frame, with a tile drawn."""
    page.goto(f"http://{server.host}:{server.port}/{query}#{hash_}")
    inserted = page.wait_for_selector("iframe")
    frame = inserted and inserted.content_frame()
    assert frame
    frame.wait_for_selector("[data-testid=tile-canvas][data-ready=true]")
    at_rest(page)
    return frame


def look(page: Page, server: Server, **settings: object) -> Frame:
    """The tab's page without TensorBoard around it, which takes a tenth of the time, once tiles are drawn.

    A grid, unless another view is asked for: by itself the page compares runs that have the same samples.
    """
    settings = {"view": "grid", **settings}
    page.goto("about:blank")  # a change of the hash alone is no navigation
    page.goto(f"http://{server.host}:{server.port}/data/plugin_entry.html?name=gradcam{hash_of(settings)}")
    page.wait_for_selector("[data-testid=tile-canvas][data-ready=true]")
    at_rest(page)
    return page.main_frame


@contextmanager
def held(page: Page, requests: Callable[[str], bool]) -> Iterator[None]:
    """Keep back the answers to requests whose addresses are meant, until the context ends."""
    kept: list[Route] = []
    is_over = False

    def handle(route: Route) -> None:
        if is_over or not requests(route.request.url):
            route.continue_()
        else:
            kept.append(route)

    page.route("**/*", handle)
    yield
    is_over = True
    for route in kept:
        route.continue_()


def turn_to(frame: Frame, **settings: object) -> None:
    """Have the page follow another link."""
    follow = """(hash) => new Promise((done) => {
        if (location.hash === hash) return done();
        addEventListener('hashchange', () => done(), {once: true});
        location.hash = hash;
    })"""
    frame.evaluate(follow, hash_of(settings))


def hash_of(settings: dict[str, object]) -> str:
    """The hash in which TensorBoard keeps a view."""
    return "#gradcam" + "".join(f"&p.gradcam.{name}={quote(str(value))}" for name, value in settings.items())


def tile(frame: Frame, run: str, sample: int, step: int) -> Locator:
    """A sample's tile with what is over the picture, once it shows the step."""
    canvas = frame.locator(f"[data-run={run}]" + TILE.format(sample=sample, step=step))
    return frame.locator(".tile", has=canvas)


def go_to(frame: Frame, step: int) -> None:
    """Type a step."""
    box = frame.locator("[data-testid=step-input]")
    box.fill(str(step))
    box.press("Enter")


def pixels(frame: Frame, selector: str) -> NDArray[np.uint8]:
    """The canvas's own pixels, once it is drawn."""
    frame.wait_for_selector(selector)
    return pixels_of(frame.locator(selector).first)


def pixels_of(canvas: Locator) -> NDArray[np.uint8]:
    """What a canvas shows once the page is at rest."""
    return _pixels_at(canvas.evaluate("(canvas) => canvas.toDataURL('image/png')"))


def drawn(canvases: Locator) -> list[tuple[int, NDArray[np.uint8]]]:
    """The sample of each canvas and what it shows, all at one moment: rows that come into sight add canvases later."""
    expect(canvases.first).to_be_visible()
    read = "(all) => all.map((canvas) => [Number(canvas.dataset.sample), canvas.toDataURL('image/png')])"
    return [(sample, _pixels_at(url)) for sample, url in canvases.evaluate_all(read)]


def _pixels_at(url: str) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"))


def at_size(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A canvas of whole multiples of `side` pixels a side: the middle one of each square."""
    times = len(picture) // side
    return picture[times // 2 :: times, times // 2 :: times]
