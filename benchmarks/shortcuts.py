"""What findings say of real trainings on real photographs, of which some carry a stamp that gives their class away.

    python -m benchmarks.shortcuts [--trainings 3]

A small network learns to tell photographs apart; a share of one class carries the stamp, in the pictures that it is
trained on and in those that are logged. At each logged step the stamp is also pasted onto pictures of the other
classes: the share that becomes the stamped class tells whether, and since when, the network goes by it. Findings know
nothing of that.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.figures import record
from benchmarks.photographs import MARK_AT, SIDE, Photographs, crops, solar_cells, stamp, with_mark
from tensorboard_plugin_gradcam import CAM, add_gradcam, read_gradcam
from tensorboard_plugin_gradcam.findings import Finding
from tensorboard_plugin_gradcam.findings.finding import Kind
from tensorboard_plugin_gradcam.findings.windows import Region

SHARES = (0.0, 0.1, 0.3, 0.9)
CLASS = 1  # that carries the stamp
STEPS, EVERY, BATCH = 300, 25, 32
CELLS = 8  # of a map, across and down
OTHERS: tuple[Kind, ...] = "hot_spot", "spatial_bias", "strategy"
SETS: dict[str, Callable[[], tuple[Photographs, Photographs]]] = {"solar cells": solar_cells, "crops": crops}


class Outcome(NamedTuple):
    """One training.

    Attributes:
        found: the hot spot, or else the spatial bias, that is about the stamp; None where there is none.
        others: all other findings.
        marked: which logged samples carry the stamp.
        flips: by step, the share of other classes' pictures that the pasted stamp turns into the stamped class.
        accuracy: on the logged pictures, at the last step.
    """

    found: Finding | None
    others: list[Finding]
    marked: NDArray[np.bool_]
    flips: dict[int, float]
    accuracy: float

    @property
    def learnt(self) -> int | None:
        """The step from which on the stamp turns at least half of the pictures, None where it does not at the end."""
        steps = sorted(self.flips)
        turned = [step for step in steps if self.flips[step] < 0.5]
        later = [step for step in steps if not turned or step > turned[-1]]
        return later[0] if later else None


def network(classes: int) -> nn.Sequential:
    """Return a network that sees a photograph as 8 x 8 cells in its last convolution."""
    torch_layers: list[nn.Module] = []
    for inputs, outputs, stride in ((1, 16, 2), (16, 32, 2), (32, 32, 2), (32, 64, 1)):
        torch_layers += [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*torch_layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))


def inputs(pixels: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy((pixels[:, None] - 0.5) / 0.25).float()


def stamped(
    photographs: Photographs, share: float, random: np.random.Generator
) -> tuple[Photographs, NDArray[np.bool_]]:
    """Return photographs of which a share of one class carries the stamp, and which do."""
    marked = (photographs.labels == CLASS) & (random.random(len(photographs.labels)) < share)
    pixels = np.where(marked[:, None, None], with_mark(photographs.pixels), photographs.pixels)
    return photographs._replace(pixels=pixels), marked


def train(sets: tuple[Photographs, Photographs], share: float, seed: int, folder: Path) -> Outcome:
    """Train one network, log its maps, and read the findings off the log."""
    random = np.random.default_rng(seed)
    torch.manual_seed(seed)
    training, _ = stamped(sets[0], share, random)
    shown, marked = stamped(sets[1], share, random)
    asked = inputs(shown.pixels)
    others = sets[1].pixels[sets[1].labels != CLASS]
    flips = {}
    for step, model in trained(training, random):
        accuracy = log(folder, model, shown, asked, step)
        flips[step] = turned(model, others)
    findings = read_gradcam(folder).findings()
    about = [finding for finding in findings if is_stamp(finding, marked)]
    rest = [finding for finding in findings if finding not in about]
    return Outcome(about[0] if about else None, rest, marked, flips, accuracy)


def trained(training: Photographs, random: np.random.Generator) -> Iterator[tuple[int, nn.Module]]:
    """Train a network, yielding it in evaluation mode at each step that is logged."""
    model = network(len(training.class_names))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    x, y = inputs(training.pixels), torch.from_numpy(training.labels)
    for step in range(STEPS + 1):
        if step % EVERY == 0:
            yield step, model.eval()
        model.train()
        chosen = torch.from_numpy(random.integers(0, len(y), BATCH))
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.cross_entropy(model(x[chosen]), y[chosen]))
        optimizer.step()


def log(folder: Path, model: nn.Module, shown: Photographs, asked: Tensor, step: int) -> float:
    """Log the maps of the logged pictures' own classes; return the accuracy on them."""
    result = CAM(model, "11")(asked, targets=torch.from_numpy(shown.labels))
    with torch.no_grad():
        sure, said = model(asked).softmax(1).max(1)
    maps = next(iter(result.maps.values())).numpy()
    add_gradcam(
        folder, "val", shown.pixels, maps, step, layer="conv4", labels=shown.labels, predictions=said.numpy(),
        probabilities=sure.numpy(), ids=list(map(str, range(len(asked)))), class_names=shown.class_names,
    )  # fmt: skip
    return float((said.numpy() == shown.labels).mean())


@torch.no_grad()
def turned(model: nn.Module, others: NDArray[np.float32]) -> float:
    """Return the share of pictures of other classes, not taken for the stamped one, that become it by the stamp."""
    before, after = model(inputs(others)).argmax(1), model(inputs(with_mark(others))).argmax(1)
    return float((after[before != CLASS] == CLASS).float().mean())


def is_stamp(finding: Finding, marked: NDArray[np.bool_]) -> bool:
    """Tell whether a finding is about the stamp: of its class and at its place, and most of its samples have it.

    At least half of the samples that it names carry the stamp, and at least half of those that carry it are named.
    """
    both = sum(stamped_of(finding, marked))
    is_place = finding.kind in ("hot_spot", "spatial_bias") and finding.group == CLASS and is_near(finding.region)
    return is_place and 2 * both >= max(len(finding.samples), int(marked.sum())) and both > 0


def stamped_of(finding: Finding, marked: NDArray[np.bool_]) -> list[bool]:
    """Return which of the samples that a finding names carry the stamp."""
    return [bool(marked[int(name.partition("#")[0])]) for name in finding.samples]


def is_near(region: Region | None) -> bool:
    """Tell whether a region meets the stamp or the cells next to it, since a cell sees more than its own square."""
    if region is None or region.hole is not None:
        return False
    (height, width), (top, left) = stamp().shape, MARK_AT
    across = min(region.x1 * SIDE, left + width) - max(region.x0 * SIDE, left)
    down = min(region.y1 * SIDE, top + height) - max(region.y0 * SIDE, top)
    return bool(min(across, down) > -SIDE / CELLS)


def row(name: str, share: float, outcomes: list[Outcome]) -> str:
    """Return a line of the table."""
    flips = [outcome.flips[max(outcome.flips)] for outcome in outcomes]
    clear = [outcome.found is not None and outcome.found.kind == "hot_spot" for outcome in outcomes]
    found = [outcome for outcome in outcomes if outcome.found is not None]
    late = [str(lateness(outcome)) for outcome in found]
    right = [precision(outcome) for outcome in found]
    record(f"shortcuts/{name}/{share:.0%}/hot spot", sum(clear) / len(outcomes), "of the trainings")
    other = [[one.kind for outcome in outcomes for one in outcome.others].count(kind) for kind in OTHERS]
    cells = (
        name,
        f"{share:.0%}" if share else "none",
        f"{np.mean([outcome.accuracy for outcome in outcomes]):.2f}",
        ", ".join(f"{flip:.2f}" for flip in flips),
        f"{sum(clear)} of {len(outcomes)}",
        f"{len(found)} of {len(outcomes)}",
        ", ".join(late) or "—",
        ", ".join(right) or "—",
        *map(str, other),
    )
    return f"| {' | '.join(cells)} |"


def lateness(outcome: Outcome) -> str:
    """Return the step that the finding names, and the one from which on the stamp turns pictures."""
    assert outcome.found is not None
    since = outcome.found.since or 0
    return f"{since} ({'never' if outcome.learnt is None else outcome.learnt})"


def precision(outcome: Outcome) -> str:
    """Return how many of the samples that the finding names carry the stamp, and how many carry it in all."""
    assert outcome.found is not None
    named = stamped_of(outcome.found, outcome.marked)
    return f"{sum(named)} of {len(named)} ({int(outcome.marked.sum())})"


def main() -> None:
    """Print the table, then all findings that are not about the stamp."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainings", type=int, default=3, help="of each kind (%(default)s)")
    parser.add_argument("--sets", nargs="*", choices=SETS, default=list(SETS), help="of photographs (both)")
    parser.add_argument("--shares", nargs="*", type=float, default=SHARES, help="of the class that are stamped (all)")
    given = parser.parse_args()
    print(
        "| photographs | stamped | accuracy | turns | hot spot | or spatial bias | since "
        "| stamped of those named (of all) | other hot spots | other biases | strategies |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    told = []
    for name in given.sets:
        sets = SETS[name]()
        for share in given.shares:
            outcomes = []
            for seed in range(given.trainings):
                with tempfile.TemporaryDirectory() as folder:
                    outcomes.append(train(sets, share, seed, Path(folder)))
                told += [
                    f"{name}, {share:.0%}, {seed}: {one.sentence()} (effect {one.effect:.2f}, q {one.q})"
                    for one in outcomes[-1].others
                ]
            print(row(name, share, outcomes), flush=True)
    print("\nOther findings:", *told, sep="\n")


if __name__ == "__main__":
    main()
