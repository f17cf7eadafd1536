"""`recommend`: which method, at which layer, for a network, by what the network itself says of its maps."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.aliases import Layers, Methods, ModelInputs, Targets
from tensorboard_plugin_gradcam.layer_finding import Candidates
from tensorboard_plugin_gradcam.measures import Interval, interval
from tensorboard_plugin_gradcam.misnamed import told

if TYPE_CHECKING:
    from torch import nn

    from tensorboard_plugin_gradcam.cam import CAM

METHODS = (
    "grad_cam", "grad_cam_plus_plus", "layer_cam", "xgrad_cam", "hires_cam", "eigen_cam", "eigen_grad_cam",
    "random_cam",
)  # fmt: skip
ZERO = "random_cam"
SENSITIVE = 0.05  # class sensitivity below which a map is hardly about its class
FEW = 8  # pictures below which intervals are too wide to tell much


@dataclass(frozen=True, eq=False)
class Row:
    """The result of one method at one layer.

    Attributes:
        method: name of the method.
        layer: label of the layer.
        gain: mean gain over the pictures, with its interval.
        sensitivity: mean class sensitivity, with its interval.
        cost: cost of a map, in inferences.
        is_best: whether it does not clearly differ from the row with the highest gain.
        gains: the gain of each picture.
    """

    method: str
    layer: str
    gain: Interval
    sensitivity: Interval
    cost: float
    is_best: bool
    gains: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Recommendation:
    """Methods at layers, best first; prints as a table.

    Attributes:
        rows: sorted by gain.
        chosen: the row to log; None if none is better than random maps.
        pictures: number of pictures.
        steps: k of the gain.
    """

    rows: tuple[Row, ...]
    chosen: Row | None
    pictures: int
    steps: int

    @property
    def call(self) -> str:
        """The `GradCAMLogger` call that logs the chosen method."""
        if self.chosen is None:
            return ""
        return (
            f'GradCAMLogger(writer, model, layers="{self.chosen.layer}", methods="{self.chosen.method}", '
            'measures=("gain_head", "class_sensitivity"))'
        )

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON's types; what is not known is None."""
        rows = [
            {
                "method": row.method,
                "layer": row.layer,
                "gain": _known(row.gain.mean),
                "gain_low": _known(row.gain.low),
                "gain_high": _known(row.gain.high),
                "class_sensitivity": _known(row.sensitivity.mean),
                "inferences": _known(row.cost),
                "is_best": row.is_best,
                "is_chosen": row is self.chosen,
            }
            for row in self.rows
        ]
        return {"pictures": self.pictures, "steps": self.steps, "rows": rows, "call": self.call}

    def __str__(self) -> str:
        """Return the table, and what to log."""
        head = ("", "method", "layer", f"gain (k = {self.steps})", "95 %", "class sensitivity", "inferences")
        cells = [head, *map(_cells, self.rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
        table = [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells
        ]
        return "\n".join([*table, "", *self._sentences()])

    def _sentences(self) -> list[str]:
        few = f"; {self.pictures} pictures tell little, {FEW} to 32 are better" if self.pictures < FEW else ""
        said = [f"Over {self.pictures} pictures{few}. = marks what can't be told apart from the highest gain."]
        if len({row.layer for row in self.rows}) > 1:
            said.append("Finer layers have smoother curves: compare methods at one layer first.")
        if not any(row.gain.count for row in self.rows):
            why = "taking the whole picture away does not lower the score, so there is nothing to divide by"
            return [*said, f"No map has a gain here: {why}."]
        if self.chosen is None:
            return [*said, "No method is better than random maps here: trust none of them on such pictures yet."]
        low = self.chosen.sensitivity.mean
        if low < SENSITIVE:
            said.append(f"Its class sensitivity is {low:.2f}: the map hardly depends on the class.")
        return [*said, f"To log: {self.call}"]


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _cells(row: Row) -> tuple[str, ...]:
    return (
        "=" if row.is_best else "",
        row.method,
        row.layer,
        f"{row.gain.mean:.3f}",
        f"{row.gain.low:.3f} to {row.gain.high:.3f}",
        f"{row.sensitivity.mean:.2f}",
        f"{row.cost:.2f}",
    )


@told
def recommend(
    model: nn.Module,
    images: ModelInputs,
    *,
    layers: Layers = None,
    methods: Methods = METHODS,
    targets: Targets = None,
    steps: int = 4,
    batch_size: int = 16,
    verbose: bool = True,
) -> Recommendation:
    """Compare methods at the candidate layers of a network on a few pictures, and print what to log.

    A map's `gain` says how well its ranking of cells agrees with the network's (see docs/belief.md). The table shows
    its mean with a bootstrap interval over the pictures, how much the maps depend on the class, and what they cost.
    Among the methods without a clear difference from the best, those that depend on the class are preferred, then the
    cheapest, then the first of `methods`.

    Example:
        >>> recommend(model, images)

    Args:
        model: a torch model.
        images: the model's inputs, ``(N, C, H, W)``; use 8 to 32 typical ones.
        layers: as for `CAM`; by default the layer that `CAM` finds, and the deepest one before it with more cells.
        methods: as for `CAM`; `random_cam` is always added, as the zero line.
        targets: as for `CAM`.
        steps: k; the cost is 2 (k - 1) + 1 inferences per picture and method.
        batch_size: number of images per forward pass.
        verbose: whether to print the table.

    Raises:
        ValueError: layers, methods, targets or steps do not fit, or `gain` is undefined for the model.
        TypeError: `model` is not a torch model.
    """
    from tensorboard_plugin_gradcam.cam import CAM
    from tensorboard_plugin_gradcam.cam.methods import find_methods
    from tensorboard_plugin_gradcam.measures import MEASURES

    gain = MEASURES["gain"].using(steps)
    asked = list(find_methods(methods))
    asked += [] if any(method.name == ZERO for method in asked) else find_methods(ZERO)
    found = _candidate_layers(CAM(model).candidates(images)) if layers is None else layers
    cam = CAM(model, found, asked, batch_size=batch_size, measures=(gain, "class_sensitivity"))
    result = cam(images, targets)
    if gain.name not in result.measures:
        raise ValueError("; ".join(result.notes))
    costs = _costs(cam, images, targets)
    gains = {key: values.double().numpy() for key, values in result.measures[gain.name].items()}
    sensitivities = result.measures.get("class_sensitivity", {})
    ranked = sorted(gains, key=lambda key: -np.nan_to_num(interval(gains[key]).mean, nan=-np.inf))
    rows = tuple(
        Row(
            method,
            layer,
            interval(gains[method, layer]),
            interval(sensitivities[method, layer].numpy() if (method, layer) in sensitivities else np.array([])),
            costs[method],
            not _is_less(gains[method, layer], gains[ranked[0]]),
            gains[method, layer],
        )
        for method, layer in ranked
    )
    recommendation = Recommendation(rows, _chosen(rows, [method.name for method in cam.methods]), result.count, steps)
    if verbose:
        sys.stdout.write(f"{recommendation}\n")
    return recommendation


def _candidate_layers(candidates: Candidates) -> list[str]:
    """Return the layer that is found, and the deepest with more cells that as good as all paths lead through."""
    chosen = candidates.chosen
    if chosen is None:
        raise ValueError(f"expected layers=, for none was found ({candidates.reason}), got None")
    finer = [
        item
        for item in candidates
        if not item.objection and item.cells > chosen.cells and item.path >= 0.9 * chosen.path and not item.is_part
    ]
    return [chosen.label, *([max(finer, key=lambda item: item.depth).label] if finer else [])]


def _costs(cam: CAM, images: Any, targets: Any) -> dict[str, float]:
    """Return what a map of each method costs, in inferences, by the faster of two runs."""
    import torch

    from tensorboard_plugin_gradcam.cam import CAM
    from tensorboard_plugin_gradcam.cam.borrowing import borrowing
    from tensorboard_plugin_gradcam.cam.inputs import Inputs

    def inference() -> None:
        with borrowing(cam.model) as borrowed, borrowed.interruptible(), torch.no_grad():
            Inputs.of(images).run(cam.model)

    one = _seconds(inference)
    explained = {method: CAM(cam.model, cam.layers, method) for method in cam.methods}
    return {method.name: _seconds(partial(alone, images, targets)) / one for method, alone in explained.items()}


def _seconds(run: Callable[[], object]) -> float:
    times = []
    for _ in range(2):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return min(times)


def _is_less(gains: NDArray[np.float64], than: NDArray[np.float64]) -> bool:
    """Say whether gains are surely less than others of the same pictures."""
    difference = interval(than - gains)
    return difference.count == 0 or difference.low > 0


def _chosen(rows: Sequence[Row], methods: Sequence[str]) -> Row | None:
    zero = {row.layer: row.gains for row in rows if row.method == ZERO}
    better = [
        row
        for row in rows
        if row.is_best and row.method != ZERO and (row.layer not in zero or _is_less(zero[row.layer], row.gains))
    ]

    def worth(row: Row) -> tuple[bool, int, int]:
        return row.sensitivity.mean < SENSITIVE, round(row.cost), methods.index(row.method)

    return min(better, key=worth, default=None)
