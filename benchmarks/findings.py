"""How many planted marks the findings see, and how often they see one where there is none.

    python -m benchmarks.findings [--logs 40]

Maps are random ones, and those of the demo's network, trained on clean photographs of solar cells; plants move a part
of some samples' evidence onto a place from a step on. A plant counts as found where the first hot spot names its class,
touches its place, and starts within one kept step of it. False alarms are counted on logs whose labels are permuted.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.findings import Finding, Observations, Source, Summary, find_in

Maps = NDArray[np.float32]
STEPS, BIRTH = 12, 5


class Plant(NamedTuple):
    """Cells that are looked at, as fractions of the picture: x0, y0, x1, y1; the frame where `hollow`."""

    name: str
    place: tuple[float, float, float, float]
    share: float
    everyone: bool = False
    hollow: bool = False

    def mask(self, side: int) -> Maps:
        """Return the place's share of each cell, which sum to 1."""
        x0, y0, x1, y1 = (round(edge * side) for edge in self.place)
        mask = np.zeros((side, side), dtype=np.float32)
        mask[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)] = 1
        if self.hollow:
            band = max(1, side // 7)
            mask[band:-band, band:-band] = 0
        return np.asarray(mask / mask.sum())


PLANTS = (
    *(Plant(f"corner mark on {share:.0%}", (0, 0, 0.14, 0.14), share) for share in (0.1, 0.3, 0.9)),
    Plant("border line on 90%", (0, 0, 1, 1), 0.9, hollow=True),
    Plant("caption strip on 90%", (0, 0.86, 1, 1), 0.9),
    Plant("tint behind the object on 90%", (0.57, 0.28, 0.86, 0.57), 0.9),
    Plant("corner mark on all classes", (0, 0, 0.14, 0.14), 0.9, everyone=True),
)


def random_maps(count: int, side: int, random: np.random.Generator) -> Maps:
    """Return maps with a few spots each, smooth as those of a network."""
    noise = random.gamma(0.3, size=(count, side + 2, side + 2))
    smooth = [noise[:, dy : dy + side, dx : dx + side] for dy in range(3) for dx in range(3)]
    return np.asarray(np.sum(smooth, axis=0), dtype=np.float32)


def network_maps() -> Maps:
    """Return the demo's network's maps of its validation cells, ``(N, 10, 10)``, after a short training."""
    import torch

    from demo import train as demo
    from tensorboard_plugin_gradcam import CAM

    torch.manual_seed(0)
    training, validation = demo.load_cells()
    model = demo.Network()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for images, labels in demo.batches(training, 32, 120):
        optimizer.zero_grad()
        torch.autograd.backward(torch.nn.functional.cross_entropy(model(demo.NORMALIZE(images)), labels))
        optimizer.step()
    maps = [
        next(iter(CAM(model, "block3")(demo.NORMALIZE(part)).maps.values())) for part in validation.images.split(64)
    ]
    return np.asarray(torch.cat(maps).clamp(min=0), dtype=np.float32)


def regridded(maps: Maps, side: int) -> Maps:
    """Bring maps to another resolution by area."""
    from tensorboard_plugin_gradcam.findings.attention import regridded as by_area

    return by_area(maps, (side, side))


def summary(maps: Maps, random: np.random.Generator, plant: Plant | None) -> tuple[Summary, NDArray[np.int32]]:
    """Return a log of two classes, whose maps waver from step to step."""
    count, side = maps.shape[:2]
    labels = (random.permutation(count) % 2).astype(np.int32)
    marked: NDArray[np.bool_] = np.asarray(random.random(count) < (0 if plant is None else plant.share))
    if plant is not None and not plant.everyone:
        marked &= labels == 1
    right = random.random(count) < 0.85
    found = Summary()
    for step in range(STEPS):
        shown: Maps = np.asarray(maps * random.gamma(8, 1 / 8, size=maps.shape), dtype=np.float32)
        if plant is not None and step >= BIRTH:
            strength = np.asarray(random.uniform(1.2, 6, size=(count, 1, 1)))
            added: Maps = np.asarray(strength * shown.sum(axis=(1, 2), keepdims=True) * plant.mask(side))
            shown[marked] += added[marked]
        predicted = np.where(right, labels, 1 - labels).astype(np.int32)
        sure = np.asarray(random.uniform(0.5, 1, size=count), dtype=np.float32)
        names = tuple(map(str, range(count)))
        found.add(Observations(10 * step, shown, labels, predicted, sure, identities=names))
    return found, labels


def is_found(findings: list[Finding], plant: Plant) -> bool:
    """Tell whether the first hot spot is the plant, with its step right."""
    spots = [finding for finding in findings if finding.kind.startswith("hot_spot")]
    if not spots or spots[0].region is None:
        return False
    spot, region = spots[0], spots[0].region
    x0, y0, x1, y1 = plant.place
    touches = region.x0 < x1 and region.x1 > x0 and region.y0 < y1 and region.y1 > y0
    right_class = spot.group == (None if plant.everyone else 1)
    return touches and right_class and spot.since is not None and abs(spot.since - 10 * BIRTH) <= 10


def rows(draw: Callable[[int, int, np.random.Generator], Maps], logs: int, sides: tuple[int, ...]) -> Iterator[str]:
    """Yield a line of the table for each plant and resolution."""
    sizes = (20, 50, 200, 500)
    for side in sides:
        for plant in (*PLANTS, None):
            counts = []
            for size in sizes:
                # The class with the mark has `size` samples, the other as many.
                random = np.random.default_rng([side, size])
                hits = 0
                for _ in range(logs):
                    found, _labels = summary(draw(2 * size, side, random), random, plant)
                    findings = find_in(Source("run", "val", "grad_cam", "layer", found))
                    hits += is_found(findings, plant) if plant else bool(findings)
                counts.append(f"{hits / logs:.2f}")
            yield f"| {plant.name if plant else 'nothing: false alarms'} | {side} x {side} | {' | '.join(counts)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=int, default=40, help="of each kind (%(default)s)")
    logs = parser.parse_args().logs
    header = "| plant | maps | 20 of the class | 50 | 200 | 500 |\n|---|---|---|---|---|---|"
    print(f"Random maps, {logs} logs of {STEPS} steps each\n\n{header}")
    for line in rows(random_maps, logs, (7, 14)):
        print(line, flush=True)
    real = network_maps()

    def drawn(count: int, side: int, random: np.random.Generator) -> Maps:
        return regridded(real[random.choice(len(real), count, replace=count > len(real))], side)

    print(f"\nMaps of the demo's network on photographs of solar cells\n\n{header}")
    for line in rows(drawn, logs, (7,)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
