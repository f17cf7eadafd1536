"""What the scripts of the gallery share: their arguments, photographs, a training loop, and the picture of a log.

Run one from the repository's root, as a module, and look at its log with TensorBoard:

    python -m demo.gallery.planted_shortcut
    tensorboard --logdir runs/gallery
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from demo.train import NORMALIZE, Cells, batches
from tensorboard_plugin_gradcam import heatmap, read_gradcam
from tensorboard_plugin_gradcam.writer import Probe

TILE = 150  # pixels
Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]


class Arguments(NamedTuple):
    """Of every script."""

    logdir: Path
    steps: int
    picture: Path | None


def arguments(script: str, description: str | None, steps: int) -> Arguments:
    """Read the command line."""
    name = Path(script).stem
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--logdir", type=Path, default=Path("runs/gallery") / name, help="where to log (%(default)s)")
    parser.add_argument("--steps", type=int, default=steps, help="of the training (%(default)s)")
    parser.add_argument("--picture", type=Path, help="save what was logged as a picture, WebP")
    found = parser.parse_args()
    return Arguments(found.logdir, found.steps, found.picture)


def cross_entropy(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross entropy."""
    return functional.cross_entropy(model(images), labels)


def training(
    model: nn.Module, cells: Cells, steps: int, loss: Loss = cross_entropy, weight_decay: float = 0.0, lr: float = 2e-3
) -> Iterator[tuple[int, float]]:
    """Train on photographs of solar cells; yield each step's number, from 0, and its loss."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
    drawn = batches(cells, 32, steps)
    yield from descending(optimizer, (loss(model, NORMALIZE(images), labels) for images, labels in drawn))


def descending(optimizer: torch.optim.Optimizer, losses: Iterable[Tensor]) -> Iterator[tuple[int, float]]:
    """Follow the gradient of each loss, each computed once the step before is done; yield the step and its loss."""
    for step, loss in enumerate(losses):
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        yield step, loss.item()


def descend(optimizer: torch.optim.Optimizer, losses: Iterable[Tensor], steps: int, probe: Probe) -> None:
    """Train, log some ten steps, and print the last one's loss."""
    for step, loss in descending(optimizer, losses):
        if is_logged(step, steps):
            probe.log(step)
        if step == steps - 1:
            print(f"loss {loss:.3f}")


def is_logged(step: int, steps: int, times: int = 10) -> bool:
    """Tell whether a step is among some ten evenly spaced ones and the last."""
    return step % max(1, steps // times) == 0 or step == steps - 1


def balanced(cells: Cells, count: int) -> Cells:
    """Return the first cells of each class."""
    chosen = torch.cat([torch.nonzero(cells.labels == label)[: count // 2, 0] for label in (0, 1)])
    return Cells(cells.images[chosen], cells.labels[chosen])


def save_rows(path: Path | None, rows: Sequence[tuple[str, Sequence[NDArray[np.uint8]]]]) -> None:
    """Save named rows of pictures as one picture."""
    if path is None:
        return
    from PIL import Image, ImageDraw

    gap, line = 4, 18
    width = max(len(pictures) for _, pictures in rows) * (TILE + gap) - gap
    sheet = Image.new("RGB", (width, len(rows) * (TILE + line + gap)), "white")
    for number, (name, pictures) in enumerate(rows):
        top = number * (TILE + line + gap)
        ImageDraw.Draw(sheet).text((1, top + 2), name, fill="black", font_size=13)
        for column, picture in enumerate(pictures):
            sheet.paste(
                Image.fromarray(picture).convert("RGB").resize((TILE, TILE)), (column * (TILE + gap), top + line)
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, quality=85, method=6)


def overlays(
    logdir: Path, run: str, samples: Sequence[int], step: int = -1, method: str | None = None
) -> list[NDArray[np.uint8]]:
    """Draw samples of a run as the tab does; `step` counts kept steps, -1 is the last."""
    log = read_gradcam(logdir)
    series = next(one for key, one in log.maps.items() if key[0] == run and method in (None, key[2]))
    moment = series.moments[step]
    assert moment.cohort is not None
    values = series.array()[step]
    found = []
    for sample in samples:
        known = moment.cohort.samples[sample]
        map_, picture = values[sample], known.image
        if map_.ndim == 3:  # of a volume: the slice with the most evidence
            deepest = int(np.argmax(map_.max(axis=(1, 2))))
            picture = known.slices[int((deepest + 0.5) * len(known.slices) / len(map_))]
            map_ = map_[deepest]
        found.append(np.asarray(heatmap.overlay(log.image(run, picture), map_)))
    return found
