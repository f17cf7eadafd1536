"""How many planted marks the findings see, and how often they see one where there is none.

    python -m benchmarks.findings [--logs 40] [--tables random network kinds]

Maps are random ones, and those of the demo's network, trained on clean photographs of solar cells. Plants move a part
of some samples' evidence onto a place from a step on, which is brighter in their pictures. A plant counts as found if
the first hot spot names its class, touches its place, and starts within one kept step of it; how late it starts is
counted, too. False alarms are logs with any finding, whose labels are permuted.

The table of kinds plants one thing of each other kind into random maps with objects that are marked.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.findings import Finding, Observations, Source, Summary, find, find_in

Maps = NDArray[np.float32]
STEPS, BIRTH = 12, 5
SIZES = 20, 50, 200, 500  # samples of a class
TABLES = ("random", "network", "kinds")


class Plant(NamedTuple):
    """Cells that are looked at, as fractions of the picture: x0, y0, x1, y1; the frame where `hollow`."""

    name: str
    place: tuple[float, float, float, float]
    share: float
    everyone: bool = False
    hollow: bool = False
    seen: bool = True  # whether small pictures are logged, in which the place is brighter

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
    *(Plant(f"corner mark on {share:.0%}, no pictures", (0, 0, 0.14, 0.14), share, seen=False) for share in (0.1, 0.3)),
    Plant("border line on 90%", (0, 0, 1, 1), 0.9, hollow=True),
    Plant("caption strip on 90%", (0, 0.86, 1, 1), 0.9),
    Plant("caption strip at the top on 30%", (0, 0, 1, 0.14), 0.3),
    Plant("tint behind the object on 90%", (0.57, 0.28, 0.86, 0.57), 0.9),
    *(
        Plant(f"mark at the middle of the left edge on {share:.0%}", (0, 0.43, 0.14, 0.57), share)
        for share in (0.3, 0.9)
    ),
    *(
        Plant(f"corner mark on {share:.0%} of all classes", (0, 0, 0.14, 0.14), share, everyone=True)
        for share in (0.3, 0.9)
    ),
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


def log(maps: Maps, random: np.random.Generator, plant: Plant | None) -> Source:
    """Return a log of two classes, whose maps waver from step to step."""
    count, side = maps.shape[:2]
    labels = (random.permutation(count) % 2).astype(np.int32)
    marked: NDArray[np.bool_] = np.asarray(random.random(count) < (0 if plant is None else plant.share))
    if plant is not None and not plant.everyone:
        marked &= labels == 1
    right = random.random(count) < 0.85
    found = Summary()
    names = tuple(map(str, range(count)))
    pictures = pictures_of(marked, plant, random)
    digests = () if plant is not None and not plant.seen else names
    for step in range(STEPS):
        shown: Maps = np.asarray(maps * random.gamma(8, 1 / 8, size=maps.shape), dtype=np.float32)
        if plant is not None and step >= BIRTH:
            strength = np.asarray(random.uniform(1.2, 6, size=(count, 1, 1)))
            added: Maps = np.asarray(strength * shown.sum(axis=(1, 2), keepdims=True) * plant.mask(side))
            shown[marked] += added[marked]
        predicted = np.where(right, labels, 1 - labels).astype(np.int32)
        sure = np.asarray(random.uniform(0.5, 1, size=count), dtype=np.float32)
        found.add(Observations(10 * step, shown, labels, predicted, sure, identities=names, pictures=digests))

    def looks(wanted: Sequence[str]) -> Maps:
        return pictures[[int(name) for name in wanted]]

    return Source("run", "val", "grad_cam", "layer", found, looks)


def pictures_of(marked: NDArray[np.bool_], plant: Plant | None, random: np.random.Generator) -> Maps:
    """Return small grey pictures ``(N, 32, 32)``, noise on a common one, brighter where something is planted."""
    pictures = random.normal(120, 30, size=(32, 32)) + random.normal(0, 30, size=(len(marked), 32, 32))
    if plant is not None:
        pictures[marked] += 80 * (plant.mask(32) > 0)
    return np.clip(pictures, 0, 255).astype(np.float32)


def is_found(findings: list[Finding], plant: Plant) -> bool:
    """Tell whether the first hot spot is the plant, with its step right."""
    late = lateness(findings, plant)
    return late is not None and abs(late) <= 1


def lateness(findings: list[Finding], plant: Plant) -> int | None:
    """Return how many kept steps after the plant the first hot spot starts; None where it is not the plant."""
    spots = [finding for finding in findings if finding.kind.startswith("hot_spot")]
    if not spots or spots[0].region is None:
        return None
    spot, region = spots[0], spots[0].region
    x0, y0, x1, y1 = plant.place
    touches = region.x0 < x1 and region.x1 > x0 and region.y0 < y1 and region.y1 > y0
    right_class = spot.group == (None if plant.everyone else 1)
    return (spot.since or 0) // 10 - BIRTH if touches and right_class else None


def rows(draw: Callable[[int, int, np.random.Generator], Maps], logs: int, sides: tuple[int, ...]) -> Iterator[str]:
    """Yield a line of the table for each plant and resolution."""
    for side in sides:
        for plant in (*PLANTS, None):
            counts, late = [], []
            for size in SIZES:
                # The class with the mark has `size` samples, the other as many.
                random = np.random.default_rng([side, size])
                hits = 0
                for _ in range(logs):
                    findings = find_in(log(draw(2 * size, side, random), random, plant))
                    hits += is_found(findings, plant) if plant else bool(findings)
                    late += [one for one in [lateness(findings, plant)] if one is not None] if plant else []
                counts.append(f"{hits / logs:.2f}")
            delay = f"{np.mean(np.abs(late)):.2f}" if late else ""
            name = plant.name if plant else "nothing: false alarms"
            yield f"| {name} | {side} x {side} | {' | '.join(counts)} | {delay} |"


Made = tuple[Maps, NDArray[np.int32], Maps]  # maps, predictions, probabilities of one step


class Scene:
    """Two classes of pictures with an object each, on which half of the evidence lies; the network is right on most."""

    def __init__(self, size: int, random: np.random.Generator) -> None:
        self.random, count = random, 2 * size
        self.labels = (random.permutation(count) % 2).astype(np.int32)
        self.objects = np.zeros((count, 7, 7), dtype=np.float32)
        for index, (top, left) in enumerate(random.integers(0, 5, size=(count, 2))):
            self.objects[index, top : top + 3, left : left + 3] = 1
        self.predictions = np.where(random.random(count) < 0.85, self.labels, 1 - self.labels).astype(np.int32)
        self.part = (self.labels == 1) & (random.random(count) < 0.25)  # of class 1
        self.base = random_maps(count, 7, random)

    def step(self) -> Made:
        """Return one step without anything planted."""
        maps = self.base * self.random.gamma(8, 1 / 8, size=self.base.shape)
        maps += self.objects * maps.sum(axis=(1, 2), keepdims=True) / 9
        sure = self.random.uniform(0.5, 1, size=len(maps)).astype(np.float32)
        return maps.astype(np.float32), self.predictions, sure


def off_the_object(scene: Scene) -> Made:
    maps, said, sure = scene.step()
    maps[scene.labels == 1] *= 1 - 0.9 * scene.objects[scene.labels == 1]
    return maps, said, sure


def another_way(scene: Scene) -> Made:
    maps, said, sure = scene.step()
    rows = np.linspace(0, 1, 7, dtype=np.float32)[:, None]
    maps[scene.part] = maps[scene.part] ** 0.2 * (rows < 0.5) * 3
    return maps, np.where(scene.part, 0, said).astype(np.int32), sure


def elsewhere(scene: Scene) -> Made:
    maps, said, sure = scene.step()
    columns = np.linspace(0, 1, 7, dtype=np.float32)
    maps[scene.labels == 1] *= np.where(columns < 0.7, 0.02, 1)
    return maps, said, sure


def the_same(scene: Scene) -> Made:
    maps, said, sure = scene.step()
    return np.asarray(maps[:1] + 0.02 * maps, dtype=np.float32), said, sure


def dead(scene: Scene) -> Made:
    maps, said, sure = scene.step()
    maps[(scene.labels == 1) & (np.arange(len(maps)) % 10 < 7)] = 0
    return maps, said, sure


def sure_outside(scene: Scene) -> Made:
    maps, said, sure = scene.step()
    wrong = said != scene.labels
    maps[wrong] *= 1 - 0.99 * scene.objects[wrong]
    return maps, said, np.where(wrong, 0.95, sure).astype(np.float32)


def nothing(scene: Scene) -> Made:
    return scene.step()


KINDS: dict[str, tuple[Callable[[Scene], Made], int | None]] = {  # what is planted from a step on, and in which class
    "change": (off_the_object, 1),
    "strategy": (another_way, 1),
    "runs_differ": (elsewhere, 1),
    "same_map": (the_same, None),
    "dead_maps": (dead, 1),
    "sure_and_outside": (sure_outside, None),
}


def source_of(scene: Scene, planted: Callable[[Scene], Made], run: str) -> Source:
    """Return a log in which something is planted from a step on."""
    found, kept = Summary(), {}
    names = tuple(map(str, range(len(scene.labels))))
    for step in range(STEPS):
        maps, said, sure = (planted if step >= BIRTH else nothing)(scene)
        kept[10 * step] = Observations(
            10 * step, maps, scene.labels, said, sure, truths=scene.objects, identities=names
        )  # fmt: skip
        found.add(kept[10 * step])
    return Source(run, "val", "grad_cam", "layer", found, maps_at=kept.get)


def rows_of_kinds(logs: int) -> Iterator[str]:
    """Yield a line for each other kind: how often it is found, with its class right and its step where it has one."""
    for kind, (planted, group) in [*KINDS.items(), ("any", (nothing, None))]:
        counts = []
        for size in SIZES:
            random = np.random.default_rng([len(kind), size])
            hits = 0
            for _ in range(logs):
                scene = Scene(size, random)
                findings = find([source_of(scene, nothing, "other"), source_of(scene, planted, "run")])
                hits += any(is_of_kind(one, kind, group) for one in findings) if kind in KINDS else bool(findings)
            counts.append(f"{hits / logs:.2f}")
        yield f"| {kind if kind in KINDS else 'nothing: logs with any finding'} | {' | '.join(counts)} |"


def is_of_kind(finding: Finding, kind: str, group: int | None) -> bool:
    dated = kind not in ("runs_differ", "sure_and_outside")
    right_step = not dated or (finding.since is not None and abs(finding.since - 10 * BIRTH) <= 10)
    return finding.kind == kind and finding.group == group and right_step


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=int, default=40, help="of each kind (%(default)s)")
    parser.add_argument("--tables", nargs="*", choices=TABLES, default=TABLES, help="to print (all)")
    given = parser.parse_args()
    logs = given.logs
    header = "| plant | maps | 20 of the class | 50 | 200 | 500 | steps off |\n|---|---|---|---|---|---|---|"
    if "random" in given.tables:
        print(f"Random maps, {logs} logs of {STEPS} steps each\n\n{header}")
        for line in rows(random_maps, logs, (7, 14)):
            print(line, flush=True)
    if "network" in given.tables:
        real = network_maps()

        def drawn(count: int, side: int, random: np.random.Generator) -> Maps:
            return regridded(real[random.choice(len(real), count, replace=count > len(real))], side)

        print(f"\nMaps of the demo's network on photographs of solar cells\n\n{header}")
        for line in rows(drawn, logs, (7,)):
            print(line, flush=True)
    if "kinds" in given.tables:
        print("\nThe other kinds\n\n| planted | 20 of the class | 50 | 200 | 500 |\n|---|---|---|---|---|")
        for line in rows_of_kinds(logs):
            print(line, flush=True)


if __name__ == "__main__":
    main()
