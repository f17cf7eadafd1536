"""What findings say of logs that have no mark, of kinds beside those of `benchmarks.findings`.

    python -m benchmarks.clean [--logs 20] [--trained]

Each kind is simulated; with `--trained`, small networks are also left untrained, or trained on photographs that have a
frame, are padded, or of which one class is rare. Printed are how many logs have a finding, and one of each kind.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.findings import random_maps
from tensorboard_plugin_gradcam.findings import Finding, Observations, Source, Summary, find

Maps = NDArray[np.float32]
Labels = NDArray[np.int64]
STEPS, COUNT = 10, 100


class Step(NamedTuple):
    """What is known when a step is made: `random` is the step's, `log` is the same at each step of a log."""

    random: np.random.Generator
    log: np.random.Generator
    number: int

    def maps(self, count: int = COUNT, side: int = 7) -> Maps:
        """Return maps without anything in them."""
        return random_maps(count, side, self.random)


def halves(count: int = COUNT, classes: int = 2) -> Labels:
    return np.arange(count) % classes


def bell(width: float, row: float = 3, column: float = 3) -> Maps:
    """Return a bump ``(7, 7)``."""
    rows, columns = np.mgrid[:7, :7]
    return np.asarray(np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * width**2)), dtype=np.float32)


def registers(step: Step) -> tuple[Maps, Labels]:
    maps = step.maps(side=14)
    for sample in maps:
        for row, column in step.log.integers(0, 14, (step.log.integers(1, 4), 2)):
            sample[row, column] += 400
    return maps, halves()


def same_registers(step: Step) -> tuple[Maps, Labels]:
    maps, cells = step.maps(side=14), step.log.integers(0, 14, (6, 2))
    for sample in maps:
        row, column = cells[step.random.integers(6)]
        sample[row, column] += 400
    return maps, halves()


def bars(step: Step, is_wide: NDArray[np.bool_]) -> tuple[Maps, Labels]:
    maps = step.maps()
    inside = np.zeros((7, 7), np.float32)
    inside[2:5] = 1  # between bars above and below
    maps *= np.where(is_wide[:, None, None], inside, inside.T)
    return maps, halves()


def one_hot(step: Step, chances: Maps) -> tuple[Maps, Labels]:
    cells = step.random.choice(49, COUNT, p=chances.reshape(-1) / chances.sum())
    return np.eye(49, dtype=np.float32)[cells].reshape(COUNT, 7, 7), halves()


def by_class(step: Step, *shapes: Maps) -> tuple[Maps, Labels]:
    labels = halves()
    return step.maps() * np.stack(shapes)[labels], labels


def missing(step: Step) -> tuple[Maps, Labels]:
    maps = step.maps()
    maps[step.random.random(COUNT) < 0.3] = np.nan
    return maps, halves()


def repeated(step: Step) -> tuple[Maps, Labels]:
    which = np.arange(COUNT) % 10
    return random_maps(10, 7, step.log)[which], halves(10)[which]


def relabelled(step: Step) -> tuple[Maps, Labels]:
    labels = np.random.default_rng(step.number // 5).integers(0, 2, COUNT)
    return random_maps(COUNT, 7, step.log) + 0.2 * step.maps(), labels


KINDS: dict[str, Callable[[Step], tuple[Maps, Labels]]] = {
    "maps that hardly change": lambda step: (random_maps(COUNT, 7, step.log) + 0.1 * step.maps(), halves()),
    "registers of a transformer": registers,
    "registers at the same cells": same_registers,
    "objects at the center": lambda step: by_class(step, bell(1.2), bell(1.2)),
    "one class centered, one not": lambda step: by_class(step, bell(0.8), np.ones((7, 7), np.float32)),
    "one class above the other": lambda step: by_class(step, bell(2, row=1.5), bell(2, row=4.5)),
    "pictures with bars": lambda step: bars(step, step.log.random(COUNT) < 0.5),
    "bars that tell the class": lambda step: bars(step, halves() == 0),
    "one class": lambda step: (step.maps(), np.zeros(COUNT, np.int64)),
    "six of 300 in a class": lambda step: (step.maps(300), (np.arange(300) < 6).astype(np.int64)),
    "60 classes": lambda step: (step.maps(300), halves(300, 60)),
    "twelve samples": lambda step: (step.maps(12), halves(12)),
    "warm borders": lambda step: by_class(step, *[1 + 3 * (bell(9) < bell(9)[1, 1])] * 2),
    "checkerboards": lambda step: by_class(step, *[np.where(np.indices((7, 7)).sum(0) % 2, 1, 5)] * 2),
    "maps of changing size": lambda step: (step.maps(side=(7, 14, 5)[step.number % 3]), halves()),
    "missing maps": missing,
    "a cell each": lambda step: one_hot(step, np.ones((7, 7), np.float32)),
    "a cell each, near the center": lambda step: one_hot(step, bell(1)),
    "new labels": relabelled,
    "more samples at each step": lambda step: (step.maps(20 * step.number + 20), halves(20 * step.number + 20)),
    "ten pictures, ten times each": repeated,
}


def simulated(kind: Callable[[Step], tuple[Maps, Labels]], seed: int) -> list[Finding]:
    """Return the findings of one log, in which four of five samples are predicted right."""
    summary, known = Summary(), {}
    random = np.random.default_rng([seed, 1])
    for number in range(STEPS):
        maps, labels = kind(Step(random, np.random.default_rng(seed), number))
        right = random.random(len(labels)) < 0.8
        predictions = np.where(right, labels, random.permutation(labels)).astype(np.int32)
        names = tuple(map(str, range(len(labels))))
        known[number] = Observations(
            number, maps.astype(np.float32), labels.astype(np.int32), predictions,
            np.full(len(labels), 0.9, np.float32), identities=names,
        )  # fmt: skip
        summary.add(known[number])
    return find([Source("run", "val", "grad_cam", "layer", summary, maps_at=known.get)])


def trained(seed: int) -> Iterator[tuple[str, list[Finding]]]:
    """Yield what is found of networks on real photographs."""
    import torch

    from benchmarks import shortcuts
    from benchmarks.photographs import Photographs, crops, solar_cells
    from tensorboard_plugin_gradcam import read_gradcam

    def framed(one: Photographs) -> Photographs:
        pixels = np.ones_like(one.pixels)
        pixels[:, 3:-3, 3:-3] = one.pixels[:, 3:-3, 3:-3]
        return one._replace(pixels=pixels)

    def padded(one: Photographs) -> Photographs:
        pixels, is_wide = np.zeros_like(one.pixels), np.random.default_rng(0).random(len(one.pixels)) < 0.5
        pixels[is_wide, 12:-12] = one.pixels[is_wide, 12:-12]
        pixels[~is_wide, :, 12:-12] = one.pixels[~is_wide, :, 12:-12]
        return one._replace(pixels=pixels)

    def rare(one: Photographs) -> Photographs:
        kept = (one.labels != 1) | (np.cumsum(one.labels == 1) % 12 == 0)
        return one._replace(pixels=one.pixels[kept], labels=one.labels[kept])

    for name, (training, shown) in (("solar cells", solar_cells()), ("crops", crops())):
        for kind, change in (("untrained", None), ("a frame", framed), ("bars", padded), ("a rare class", rare)):
            torch.manual_seed(seed)
            with tempfile.TemporaryDirectory() as folder:
                seen = shown if change is None else change(shown)
                steps = shortcuts.trained(training if change is None else change(training), np.random.default_rng(seed))
                for step, model in steps:
                    shortcuts.log(Path(folder), model, seen, shortcuts.inputs(seen.pixels), step)
                    if change is None:
                        break
                yield f"{kind}, {name}", read_gradcam(folder).findings()


def told(name: str, logs: Sequence[list[Finding]]) -> str:
    """Return a line of the table and a finding of each kind."""
    kinds = Counter(kind for found in logs for kind in {one.kind for one in found})
    examples = {one.kind: one for found in logs for one in found}
    counts = ", ".join(f"`{kind}` {count}" for kind, count in kinds.items()) or "none"
    return "\n".join([f"| {name} | {counts} |", *(f"    {one.sentence()}" for one in examples.values())])


def main() -> None:
    """Print how many logs of each kind have which findings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=int, default=20, help="of each kind (%(default)s)")
    parser.add_argument("--trained", action="store_true", help="also two networks of each kind on photographs")
    given = parser.parse_args()
    print(f"| kind | logs with findings, of {given.logs} |\n|---|---|")
    for name, kind in KINDS.items():
        print(told(name, [simulated(kind, seed) for seed in range(given.logs)]), flush=True)
    if given.trained:
        found: dict[str, list[list[Finding]]] = {}
        for seed in range(2):
            for name, findings in trained(seed):
                found.setdefault(name, []).append(findings)
        print("\n| network | logs with findings, of 2 |\n|---|---|")
        for name, logs in found.items():
            print(told(name, logs), flush=True)


if __name__ == "__main__":
    main()
