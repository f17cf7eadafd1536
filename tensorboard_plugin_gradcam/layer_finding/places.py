"""Where in the image the cells of an output are, from how they answer to changes of the image.

The image is changed a little, everywhere alike, and again with the change growing from 0 to 1 along one of its axes.
A cell's response to the second change, divided by its response to the first, is its place along that axis: the centroid
of what the cell sees, whatever the network computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .sampling import Sampling

Floats = NDArray[np.float64]

NOTHING = 1e-12  # of the largest answer's energy: what is below it does not see the image


@dataclass(frozen=True, eq=False)
class Places:
    """The places of an output's positions, axis by axis.

    Attributes:
        shape: of the output, for one image.
        curves: by axis of the output, ``(axes of the image, size)``: the mean place of each position along each axis of
            the image, in [0, 1]; NaN where nothing answers.
        positions: by axis of the output, the positions that the curves are known at.
    """

    shape: tuple[int, ...]
    curves: dict[int, Floats]
    positions: dict[int, NDArray[np.int64]]

    @classmethod
    def of(
        cls, shape: tuple[int, ...], sampling: Sampling, base: Floats, even: Floats, ramps: Sequence[Floats]
    ) -> Places | None:
        """Compute the places from values at the cells of a sampling; None where no cell answers.

        Args:
            shape: of the output, for one image.
            sampling: the cells.
            base: for the image itself.
            even: for the image with the even change.
            ramps: for each axis of the image, with the change that grows along it.
        """
        answers = even - base
        total = float((answers**2).sum())
        if not np.isfinite(total) or total <= 0:
            return None
        by_axis = sampling.by_axis(answers)
        grown = [sampling.by_axis(ramp - base) for ramp in ramps]
        curves: dict[int, Floats] = {}
        for axis, answer in by_axis.items():
            energy = (answer**2).sum(axis=1)
            is_alive = energy > NOTHING * energy.max() if energy.max() > 0 else np.zeros(len(energy), dtype=bool)
            curve = np.full((len(ramps), len(energy)), np.nan)
            for row, ramp_ in enumerate(grown):
                curve[row, is_alive] = (ramp_[axis] * answer).sum(axis=1)[is_alive] / energy[is_alive]
            curves[axis] = curve
        return cls(shape, curves, sampling.positions)

    @property
    def rank(self) -> int:
        """How many axes of the image were measured."""
        return max((len(curve) for curve in self.curves.values()), default=0)

    def along(self, axis: int) -> Places:
        """Return the places along one axis of the image alone."""
        return Places(self.shape, {of: curve[[axis]] for of, curve in self.curves.items()}, self.positions)


def ramp(shape: Sequence[int], axis: int) -> NDArray[np.float32]:
    """Return what grows from 0 to 1 along an axis of an image, to be multiplied to the change."""
    size = shape[axis]
    along = np.linspace(0, 1, size, dtype=np.float32) if size > 1 else np.full(1, 0.5, dtype=np.float32)
    return along.reshape([size if other == axis else 1 for other in range(len(shape))])


def step_of(image: NDArray[np.float64], precision: float) -> float:
    """Return the size of the change for an image, in its own units: small, but well above what rounding does.

    Args:
        image: its values.
        precision: the smallest relative difference of the type that the network computes in.
    """
    scale = float(np.abs(image).mean()) or 1.0
    return scale * min(0.1, max(0.01, 20 * precision))
