"""Which measures there are, what each needs, and what it costs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Literal

Needs = Literal["map", "rival", "head", "picture", "mask", "mosaic", "copy", "first", "previous", "truth"]
Baseline = Literal["mean", "zero", "own"]

_NAME = re.compile(r"(?P<name>gain|gain_head)(_(?P<steps>[1-9]\d*))?(_(?P<baseline>mean|zero|own))?")


@dataclass(frozen=True)
class Measure:
    """A measure, which gives numbers for each map.

    Attributes:
        name: name of its first number.
        needs: "map", the map alone; "rival", the map of the class that is ranked next; "head", what follows the layer;
            "picture", the whole network on changed pictures; "mask", on pictures behind their masks; "mosaic", on
            pictures put together; "copy", a copy of the network with random weights; "first" and "previous", the log's
            earlier maps; "truth", ground truth.
        cost: cost of a map in inferences, in words.
        numbers: names of all its numbers.
        zero: the value of an uninformative map; None if there is none.
        steps: steps of the curves; 0 without curves.
        baseline: what replaces a removed cell; None if that is found, see `gain_head`.
    """

    name: str
    needs: Needs
    cost: str
    numbers: tuple[str, ...]
    zero: float | None = None
    steps: int = 0
    baseline: Baseline | None = None

    @property
    def of_log(self) -> bool:
        """Whether it is of what is logged, and not of one explanation."""
        return self.needs in ("first", "previous", "truth")

    def using(self, steps: int | None = None, baseline: Baseline | None = None) -> Measure:
        """Return a gain with other steps or another baseline, under a name that says so.

        Args:
            steps: k, at least 2.
            baseline: of a cell: "mean", the channel's mean over the batch (of `gain`, over the picture); "zero"; "own",
                the channel's mean over the picture.

        Raises:
            ValueError: of a measure that takes nothing away, or with less than 2 steps.
        """
        if not self.steps:
            raise ValueError(f"expected a measure that takes cells away, gain or gain_head, got {self.name}")
        if steps is not None and steps < 2:
            raise ValueError(f"expected at least 2 steps, got {steps}")
        said = [str(steps)] if steps not in (None, self.steps) else []
        said += [baseline] if baseline not in (None, self.baseline) else []
        name = "_".join([self.name, *said])
        return replace(
            self,
            name=name,
            numbers=(name, f"{name}_logits"),
            steps=steps or self.steps,
            baseline=baseline or self.baseline,
        )


_ALL = (
    Measure("gain_head", "head", "0.05", ("gain_head", "gain_head_logits"), 0.0, 7),
    Measure("gain", "picture", "2 (k - 1) + 1", ("gain", "gain_logits"), 0.0, 4, "mean"),
    Measure("class_sensitivity", "rival", "0.02", ("class_sensitivity",), 0.0),
    Measure("randomisation", "first", "0", ("randomisation", "randomisation_entropy")),
    Measure("mosaic", "mosaic", "0.5 to 1.5", ("mosaic",), 0.25),
    Measure("average_drop", "mask", "1", ("average_drop",)),
    Measure("average_increase", "mask", "1, shared with average_drop", ("average_increase",)),
    Measure("concentration", "map", "0", ("concentration",)),
    Measure("steadiness", "previous", "0", ("steadiness",)),
    Measure("pointing_game", "truth", "0", ("pointing_game",)),
    Measure("energy_inside", "truth", "0", ("energy_inside",)),
    Measure("iou", "truth", "0", ("iou",)),
)

MEASURES: dict[str, Measure] = {measure.name: measure for measure in _ALL}


def of_a_copy(measure: Measure) -> Measure:
    """Return `randomisation` against a copy of the network with random weights, not the log's first step."""
    return replace(measure, needs="copy", cost="1") if measure.needs == "first" else measure


def find_measures(measures: Any) -> tuple[Measure, ...]:
    """Return the measures that a name, a `Measure` or an iterable of them stands for; none for none.

    "gain_7" is `gain` with 7 steps, "gain_head_own" has the picture's own mean as its baseline.

    Raises:
        ValueError: for a name that no measure has.
        TypeError: for what is no name.
    """
    items = [measures] if isinstance(measures, (str, Measure)) else measures
    if not isinstance(items, Iterable):
        raise TypeError(f"expected measures as names, such as ('gain_head',), got {measures!r}")
    return tuple(dict.fromkeys(map(_find, items)))


def _find(item: Any) -> Measure:
    if isinstance(item, Measure):
        return item
    if not isinstance(item, str):
        raise TypeError(f"expected a measure's name, such as 'gain_head', got {item!r}")
    name = re.sub(r"[^a-z0-9]+", "_", item.lower()).replace("randomization", "randomisation")
    if name in MEASURES:
        return MEASURES[name]
    found = _NAME.fullmatch(name)
    if found is None:
        close = get_close_matches(name, MEASURES, n=3) or sorted(MEASURES)
        raise ValueError(f"expected a measure such as {', '.join(close)}, got {item!r}")
    steps: int | None = int(found["steps"]) if found["steps"] else None
    baseline: Any = found["baseline"]
    return MEASURES[found["name"]].using(steps, baseline)
