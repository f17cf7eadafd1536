"""The candidates for the layer that is looked at, with what was measured of each, and the one that is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .arrangement import Arrangement

WHOLE = 0.98  # of the most paths: nothing to speak of goes around it
MOST = 0.9  # of a level's paths: finer levels lead around it
QUARTER = 0.25  # of a finer level's paths: what a coarser one has to keep
LITTLE = 0.02  # of the paths: what reads the cells by less is no way of its own
EARLY = "too early"
CELLS, CHANNELS = 0.1, 3  # that the score has to depend on: the share of the cells, and how many channels
SHALLOW = 0.3  # of the order in which modules end: what is before it has seen too little


@dataclass(frozen=True)
class Candidate:
    """An output of a module, with what was measured of it.

    Attributes:
        label: the module's name, with its run and the part of its output where there are several.
        shape: of the output, for one image.
        arrangement: which of its axes are space; None where no place can be measured.
        is_clear: whether that was measured of this output itself, rather than of an earlier one of the same cells.
        path: the share of all paths from the score to the image that leads through it.
        dependence: the share of its cells that the score depends on.
        channels: how many of the channels that were looked at the score depends on.
        depth: when it ended, from 0 for the first module of the pass to 1 for the last.
        has_weights: whether the module has any of its own.
        is_score: whether what follows only pools or resizes it: its channels are the classes.
        is_read_by_attention: whether it is nothing but the queries, keys or values of an attention.
        of_image: whether it sees the image at all.
        runs: how often the module ran.
        is_part: whether the module gives it in a tuple or a mapping.
        weights_before: how many outputs of modules with weights of their own came before it.
    """

    label: str
    shape: tuple[int, ...]
    arrangement: Arrangement | None
    is_clear: bool
    path: float
    dependence: float
    channels: int
    depth: float
    has_weights: bool
    is_score: bool = False
    is_read_by_attention: bool = False
    of_image: bool = True
    runs: int = 1
    is_part: bool = False
    weights_before: int = 0

    @property
    def grid(self) -> tuple[int, ...]:
        """Cells along each axis of the image; () where there are none."""
        return () if self.arrangement is None else self.arrangement.grid

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return 0 if self.arrangement is None else self.arrangement.cells

    @property
    def is_felt(self) -> bool:
        """Say whether the score depends on enough of its cells."""
        few = 1 if self.arrangement is None else min(CHANNELS, self.arrangement.channels)
        return self.dependence >= CELLS and self.channels >= few

    @property
    def objection(self) -> str:
        """Say why it can't be taken; "" where it can."""
        reasons: list[tuple[bool, str]] = [
            (not self.of_image, "does not see the image"),
            (self.cells == 0, "no place in the image can be measured"),
            (self.cells == 1, "one cell"),
            (self.path == 0, "leads to no score"),
            (not self.is_felt, "the score does not depend on its cells"),
            (self.is_score, "the scores themselves"),
            (self.is_read_by_attention, "what an attention reads"),
            (self.depth < SHALLOW, EARLY),
        ]
        return next((text for holds, text in reasons if holds), "")


@dataclass(frozen=True)
class Candidates(Sequence[Candidate]):
    """All outputs of a forward pass in the order in which their modules finished, and the one that was chosen.

    Printed, it is a table.

    Attributes:
        items: the candidates.
        choice: label of the one that is taken; None where there is none.
        reason: why, in a sentence.
    """

    items: tuple[Candidate, ...]
    choice: str | None
    reason: str

    def __getitem__(self, index: int) -> Candidate:  # type: ignore[override]
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self.items)

    @property
    def chosen(self) -> Candidate | None:
        """The candidate that is taken."""
        return next((item for item in self.items if item.label == self.choice), None)

    @property
    def summary(self) -> str:
        """The choice and its figures in one line."""
        item = self.chosen
        if item is None:
            return "no layer found"
        grid = " x ".join(map(str, item.grid))
        return (
            f"layer {self.reason}; found by measuring: {grid} cells, {item.path:.0%} of the paths lead through it, "
            f"the scores depend on {item.dependence:.0%} of its cells"
        )

    def best(self, count: int = 3) -> list[Candidate]:
        """Return those that come nearest to being taken: deep, on many paths, with cells that the score depends on."""

        def merit(item: Candidate) -> tuple[float, ...]:
            figures = (item.cells > 1, item.is_felt, not item.is_score, not item.is_read_by_attention)
            return (sum(figures), item.path, item.depth)

        return sorted((item for item in self.items if item.of_image), key=merit, reverse=True)[:count]

    def __str__(self) -> str:
        return f"{table([item for item in self.items if item.of_image], self.choice)}\n{self.reason}"


def table(items: Sequence[Candidate], choice: str | None = None) -> str:
    """Return candidates as lines of text, the one that is taken marked."""
    rows = [("", "layer", "output", "cells", "path", "depends", "")]
    for item in items:
        shape = " x ".join(map(str, item.shape))
        grid = " x ".join(map(str, item.grid)) or "-"
        mark = ">" if item.label == choice else ""
        place = grid if item.is_clear or not item.cells else f"{grid} ~"
        rows.append((mark, item.label, shape, place, f"{item.path:.2f}", f"{item.dependence:.2f}", item.objection))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def chosen(items: Sequence[Candidate], is_dense: bool) -> Candidates:
    """Choose from an image's outputs.

    If the network scores the whole image: the deepest output that no path goes around. If the score depends on no cell
    of the outputs behind it, as with a class token: the input of the last attention that reads the cells. If the
    network's output has space itself, or is boxes: the output with the most channels at the coarsest level that keeps
    most of the paths.

    Args:
        items: in the order in which they ended.
        is_dense: whether the output has space, or is boxes.
    """
    possible = _possible(items)
    if not possible and not any(item.path for item in items):
        possible = [item for item in items if item.cells > 1 and item.depth >= SHALLOW and item.has_weights]
        if possible:
            last = max(possible, key=lambda item: item.depth)
            reason = (
                "the deepest output with space; no graph leads from the scores to the image, so gradients have none"
            )
            return Candidates(tuple(items), last.label, f"{last.label}: {reason}")
    if not possible:
        return Candidates(tuple(items), None, "no output has space, leads to the score and is more than one cell")
    rule = _of_levels if is_dense else _of_classes
    found, reason = rule(possible, items)
    return Candidates(tuple(items), found.label, f"{found.label}: {reason}")


def _possible(items: Sequence[Candidate]) -> list[Candidate]:
    """Return those that may be taken; early ones only where all later ones are on few of the paths."""
    fit = [item for item in items if not item.objection or item.objection == EARLY]
    fit = [item for item in fit if item.arrangement is not None and item.arrangement.is_whole] or fit
    weighty = [item for item in fit if item.has_weights]
    # In a graph without containers, what joins two branches has no weights of its own.
    best, best_weighty = (max((item.path for item in some), default=0.0) for some in (fit, _late(weighty)))
    fit = weighty if weighty and best_weighty >= best / 2 + 0.01 else fit
    late = _late(fit)
    most = max((item.path for item in fit), default=0.0)
    return late if any(item.path >= most / 2 for item in late) else fit


def _late(items: Sequence[Candidate]) -> list[Candidate]:
    return [item for item in items if not item.objection]


def _of_classes(possible: Sequence[Candidate], items: Sequence[Candidate]) -> tuple[Candidate, str]:
    found = _deepest(possible)
    behind = [item for item in items if item.depth > found.depth and item.of_image]
    is_unread = any(
        item.path >= WHOLE and not item.is_felt and item.grid == found.grid and item.cells > 1 for item in behind
    )
    if is_unread:
        readers = [
            item for item in possible if item.depth > found.depth and item.grid == found.grid and item.path >= LITTLE
        ]
        last = _first_of(readers, lambda item: item.path) if readers else found
        if readers and all(item.path >= WHOLE * last.path for item in readers):  # no other one reads the cells as well
            return last, "the last output whose cells the score still depends on; behind it one token is read"
        return found, "behind it the score depends on one token alone"
    return found, "the deepest output with space that every path to the score passes through"


def _of_levels(possible: Sequence[Candidate], items: Sequence[Candidate]) -> tuple[Candidate, str]:
    levels: dict[int, list[Candidate]] = {}
    for item in possible:
        levels.setdefault(item.cells, []).append(item)
    best = {cells: max(item.path for item in level) for cells, level in levels.items()}
    finest, *coarser = sorted(levels, reverse=True)
    kept = finest
    for cells in coarser:
        if best[cells] >= QUARTER * best[kept]:
            kept = cells
    level = [item for item in levels[kept] if item.path >= MOST * best[kept]]
    channels = max(item.arrangement.channels for item in level if item.arrangement is not None)
    widest = [item for item in level if item.arrangement is not None and item.arrangement.channels == channels]
    return max(
        widest, key=lambda item: item.depth
    ), "the widest output of the coarsest level that keeps most of the paths"


def _deepest(items: Sequence[Candidate]) -> Candidate:
    """Return the deepest that no path goes around.

    Instead of a module that runs again, one like it that runs once; instead of a part of what a module gives, the same
    cells where a module gives nothing else.
    """
    most = max(item.path for item in items)
    whole = [item for item in items if item.path >= WHOLE * most]
    last = max(whole, key=lambda item: item.depth)
    once = [item for item in whole if item.runs == 1 and item.grid == last.grid and item.depth >= last.depth / 2]
    if last.runs > 1 and once:
        return max(once, key=lambda item: item.depth)
    alike = [item for item in whole if item.weights_before == last.weights_before and item.cells == last.cells]
    alone = [item for item in alike if not item.is_part]
    return max(alone, key=lambda item: item.depth) if last.is_part and alone else last


def _first_of(items: Sequence[Candidate], of: Callable[[Candidate], float]) -> Candidate:
    most = max(map(of, items))
    return min((item for item in items if of(item) >= WHOLE * most), key=lambda item: item.depth)
