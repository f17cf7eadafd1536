"""Trying whether a place that maps point at is what decides: it is taken out of pictures, and put into others.

Maps show where a network looks, which need not be why it answers. So the place is filled from its surroundings in the
pictures behind a finding, and the mean of what stands there is pasted into pictures of other classes. As a control, the
mean of what pictures of other classes have at the same place is pasted likewise. Predictions that flip are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.findings import Finding, Region

MOST_PICTURES = 50  # that a crop is pasted into
MOST_FINDINGS = 5

Pictures = NDArray[np.float32]  # (N, H, W, C), as the model sees them
Predict = Callable[[Pictures], NDArray[np.intp]]


@dataclass(frozen=True)
class Proof:
    """What became of predictions when a region was taken out of pictures, and put into others.

    Attributes:
        sentence: of the finding that names the region.
        step: whose weights predicted.
        group: class index of the finding.
        group_name: of the class.
        region: ``(x0, y0, x1, y1)`` in fractions of the width and height.
        removed_from: pictures behind the finding that were predicted as the class.
        removed_flipped: of these, those that were no longer when the region was filled from its surroundings.
        pasted_into: pictures of other classes, which were not predicted as the class.
        pasted_flipped: of these, those that were when the mean crop of the pictures behind the finding was pasted.
        control_flipped: likewise with the mean crop of pictures of other classes.
    """

    sentence: str
    step: int
    group: int
    group_name: str
    region: tuple[float, float, float, float]
    removed_from: int
    removed_flipped: int
    pasted_into: int
    pasted_flipped: int
    control_flipped: int

    def __str__(self) -> str:
        """Return it in words."""
        name = f"`{self.group_name}`"
        return (
            f"{self.sentence}. "
            f"Taken out of {self.removed_from} pictures predicted as {name}, {self.removed_flipped} stopped being so; "
            f"pasted into {self.pasted_into} pictures of other classes, {self.pasted_flipped} became {name} "
            f"(as a control, {self.control_flipped} with what other classes have there)."
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {**asdict(self), "text": str(self)}


def provable(findings: Sequence[Finding], tag: str) -> list[Finding]:
    """Return the findings of a tag that name a region and a class, each of these once, the strongest first."""
    found: dict[tuple[Region, int], Finding] = {}
    for one in findings:
        if one.tag == tag and one.region is not None and one.region.hole is None and one.group is not None:
            found.setdefault((one.region, one.group), one)
    return list(found.values())[:MOST_FINDINGS]


def prove(
    finding: Finding,
    behind: Pictures,
    others: Pictures,
    predict: Predict,
    class_names: tuple[str, ...] = (),
) -> Proof:
    """Take a finding's region out of the pictures behind it, put it into others, and count predictions that flip.

    Args:
        finding: with a region and a class.
        behind: the pictures behind it, ``(N, H, W, C)``.
        others: pictures of other classes, ``(M, H, W, C)``.
        predict: returns class indices of pictures.
        class_names: by class index.

    Raises:
        ValueError: the finding has no region or no class, or there are no pictures behind it.
    """
    region, group = finding.region, finding.group
    if region is None or group is None or not len(behind):
        raise ValueError(f"expected a finding with a region, a class and pictures, got {finding.kind!r}")
    at = pixels_of(region, behind.shape[1:3])
    is_group = predict(behind) == group
    filled = predict(np.stack([without(picture, at) for picture in behind[is_group]])) if is_group.any() else None
    spared = others[predict(others) != group][:MOST_PICTURES] if len(others) else others
    crops = [behind[:, at[0], at[1]].mean(axis=0), others[:, at[0], at[1]].mean(axis=0)] if len(spared) else []
    flipped = [int((predict(pasted(spared, crop, at)) == group).sum()) for crop in crops] or [0, 0]
    name = class_names[group] if 0 <= group < len(class_names) else f"class {group}"
    return Proof(
        finding.sentence(class_names),
        finding.step,
        group,
        name,
        (region.x0, region.y0, region.x1, region.y1),
        int(is_group.sum()),
        0 if filled is None else int((filled != group).sum()),
        len(spared),
        *flipped,
    )


def pixels_of(region: Region, size: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the rows and columns that a region covers, at least one of each."""
    height, width = size
    return _span(region.y0, region.y1, height), _span(region.x0, region.x1, width)


def _span(start: float, stop: float, size: int) -> slice:
    first = min(round(start * size), size - 1)
    return slice(first, max(round(stop * size), first + 1))


def pasted(pictures: Pictures, crop: Pictures, at: tuple[slice, slice]) -> Pictures:
    """Return copies of pictures with a crop at a place."""
    found = pictures.copy()
    found[:, at[0], at[1]] = crop
    return found


def without(picture: Pictures, at: tuple[slice, slice]) -> Pictures:
    """Return a copy of a picture ``(H, W, C)`` whose place is filled from the lines of pixels around it.

    Between opposite lines the fill is linear, and the mean of both directions is taken; a line that the picture's edge
    cuts off is taken for the one opposite.
    """
    rows, columns = at
    height, width = picture.shape[:2]
    has = rows.start > 0, rows.stop < height, columns.start > 0, columns.stop < width
    if not any(has):
        return np.broadcast_to(picture.mean(axis=(0, 1)), picture.shape).copy()
    top, bottom = _pair(picture[rows.start - 1, columns], picture[min(rows.stop, height - 1), columns], has[0], has[1])
    left, right = _pair(picture[rows, columns.start - 1], picture[rows, min(columns.stop, width - 1)], has[2], has[3])
    down = (np.arange(rows.stop - rows.start)[:, None, None] + 1) / (rows.stop - rows.start + 1)
    across = (np.arange(columns.stop - columns.start)[None, :, None] + 1) / (columns.stop - columns.start + 1)
    parts = []
    if has[0] or has[1]:
        parts.append((1 - down) * top[None] + down * bottom[None])
    if has[2] or has[3]:
        parts.append((1 - across) * left[:, None] + across * right[:, None])
    filled = picture.copy()
    filled[rows, columns] = np.mean(parts, axis=0)
    return filled


def _pair(before: Pictures, after: Pictures, has_before: bool, has_after: bool) -> tuple[Pictures, Pictures]:
    """Return the lines on both sides of a place, one of them twice where the other is cut off."""
    return (before if has_before else after), (after if has_after else before)
