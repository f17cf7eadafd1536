"""Cards: one picture for a talk, as the tab's "Card…" makes them, without a browser.

Words are set in the typeface that Pillow ships, so that a card looks the same on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tensorboard_plugin_gradcam import heatmap
from tensorboard_plugin_gradcam.exports.subjects import Shown, Subject

Shape = Literal["wide", "square"]

SHAPES: dict[Shape, tuple[int, int]] = {"wide": (1200, 675), "square": (1080, 1080)}
MOST_COLUMNS = 4
MARGIN, GAP, TOP = 40, 20, 136
RUN_COLORS = ("#425066", "#12b5cb", "#e52592", "#f9ab00")


@dataclass(frozen=True)
class Ink:
    """Colours of a card."""

    background: str
    text: str
    second: str
    accent: str
    right: str
    wrong: str


LIGHT = Ink("#ffffff", "#212121", "#616161", "#e8710a", "#1e7d34", "#c5221f")
DARK = Ink("#303030", "#f5f5f5", "#c0c0c0", "#ff9d3f", "#8fd6a2", "#ff9c93")


@dataclass(frozen=True)
class Card:
    """What a card shows: some samples or one sample in some runs, at the steps that all of them have.

    Attributes:
        subjects: at most four, one a column; one alone stands beside its photograph.
        title: the largest line.
        dark: whether it is drawn on a dark ground.
        shape: "wide" is 1,200 x 675 pixels, "square" 1,080 x 1,080.
    """

    subjects: tuple[Subject, ...]
    title: str = ""
    dark: bool = False
    shape: Shape = "wide"

    @property
    def steps(self) -> list[int]:
        """The steps at which every subject has a map, or else those of the first."""
        own = [subject.steps() for subject in self.subjects]
        return sorted(set.intersection(*map(set, own))) or own[0]


def chosen(subjects: Sequence[Subject]) -> tuple[Subject, ...]:
    """Return what fits on a card: the first samples of one run, or the first sample of several runs."""
    first = subjects[0]
    kin = [one for one in subjects if one.key == first.key]
    same = [one for one in kin if one.identity == first.identity]
    row = same if len(same) > 1 else [one for one in kin if one.series.run == first.series.run]
    return tuple(row[:MOST_COLUMNS])


def drawn(card: Card, step: int) -> Image.Image:
    """Return the card at a step."""
    width, height = SHAPES[card.shape]
    ink = DARK if card.dark else LIGHT
    picture = Image.new("RGB", (width, height), ink.background)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, width, 5), fill=ink.accent)
    shown = [subject.at(step) for subject in card.subjects]
    _head(draw, card, step, next((one for one in shown if one), None), ink, width)
    columns: list[tuple[Subject, Shown | None, bool]] = [
        (subject, one, True) for subject, one in zip(card.subjects, shown, strict=True)
    ]
    if len(columns) == 1:
        columns.append((card.subjects[0], shown[0], False))
    room = (width - 2 * MARGIN - GAP * (len(columns) - 1)) // len(columns)
    side = min(room, height - TOP - 34 - 80)
    left = MARGIN if len(columns) > 2 else (width - len(columns) * side - GAP) // 2
    top = TOP + (height - TOP - 34 - 80 - side) // 2  # in the middle of what is left
    for at, (subject, one, overlaid) in enumerate(columns):
        box = (left + at * (side + GAP), top, side)
        _column(picture, draw, card, subject, one, box, ink, at, overlaid)
    _foot(draw, card, ink, width, height)
    return picture


def _head(draw: ImageDraw.ImageDraw, card: Card, step: int, shown: Shown | None, ink: Ink, width: int) -> None:
    first = card.subjects[0]
    several = len({subject.identity for subject in card.subjects}) > 1
    title = card.title or (first.series.run if several else first.name)
    said = [] if several or not first.label else [f"true: {first.label}"]
    said += [first.series.tag, first.series.layer, _method(first.series.method)]
    aside = f"of {card.steps[-1]:,}" if shown is None or shown.epoch is None else f"epoch {shown.epoch:.4g}"
    _text(draw, f"step {step:,}", (width - MARGIN, 60), 28, ink.text, "rs")
    _text(draw, aside, (width - MARGIN, 85), 16, ink.second, "rs")
    _text(draw, title, (MARGIN, 60), 28, ink.text, room=width - 2 * MARGIN - 220)
    _text(draw, " · ".join(filter(None, said)), (MARGIN, 85), 16, ink.second, room=width - 2 * MARGIN - 220)


def _column(
    picture: Image.Image,
    draw: ImageDraw.ImageDraw,
    card: Card,
    subject: Subject,
    shown: Shown | None,
    box: tuple[int, int, int],
    ink: Ink,
    at: int,
    overlaid: bool,
) -> None:
    left, top, side = box
    several = len({one.identity for one in card.subjects}) > 1
    name = (subject.name if several else subject.series.run) if overlaid else "photograph"
    begin = left
    if overlaid and not several:
        draw.ellipse((left, top - 22, left + 12, top - 10), fill=RUN_COLORS[at])
        begin += 20
    size = 16 if side < 300 else 20
    _text(draw, name, (begin, top - 10), size, ink.text, room=left + side - begin)
    pixels = pixels_of(subject, shown, overlaid)
    times = side / max(pixels.shape[:2])
    shape = round(pixels.shape[1] * times), round(pixels.shape[0] * times)
    corner = left + (side - shape[0]) // 2, top + (side - shape[1]) // 2
    picture.paste(Image.fromarray(pixels).resize(shape, Image.Resampling.BICUBIC), corner)
    for x0, y0, x1, y1 in shown.sample.boxes if shown else ():
        frame = (
            corner[0] + x0 * shape[0],
            corner[1] + y0 * shape[1],
            corner[0] + x1 * shape[0],
            corner[1] + y1 * shape[1],
        )
        draw.rectangle(frame, outline="#000000", width=4)
        draw.rectangle(
            tuple(edge + one for edge, one in zip(frame, (1, 1, -1, -1), strict=True)), outline="#ffffff", width=2
        )
    if overlaid and shown is not None and shown.prediction:
        _verdict(draw, shown, (left, top + side + 27), side, size, ink)


def pixels_of(subject: Subject, shown: Shown | None, overlaid: bool = True, side: int = 0) -> NDArray[np.uint8]:
    """Return the photograph ``(H, W, 3)`` with the heatmap over it; enlarged first where it is small."""
    photograph = subject.photograph(shown.sample if shown else None)
    enlarged = max(1, -(-448 // max(photograph.shape[:2]))) if not side else 1
    if enlarged > 1:
        size = photograph.shape[1] * enlarged, photograph.shape[0] * enlarged
        photograph = np.asarray(Image.fromarray(photograph).resize(size, Image.Resampling.BICUBIC))
    if not overlaid or shown is None:
        return photograph
    return np.asarray(heatmap.overlay(photograph, shown.evidence, signed=subject.series.kind == "signed"))


def _verdict(draw: ImageDraw.ImageDraw, shown: Shown, place: tuple[int, int], side: int, size: int, ink: Ink) -> None:
    left, base = place
    if shown.probability is not None:
        _text(draw, f"{shown.probability:.2f}", (left + side, base), size, ink.text, "rs")
    begin = left
    if shown.right is not None:
        _mark(draw, shown.right, left, base, size, ink.right if shown.right else ink.wrong)
        begin += size + 4
    _text(draw, shown.prediction, (begin, base), size, ink.text, room=left + side - begin - 3 * size)


def _mark(draw: ImageDraw.ImageDraw, right: bool, left: int, base: int, size: int, color: str) -> None:
    """Draw a tick or a cross, which the typeface lacks."""
    middle, low, high = left + 0.35 * size, base - 0.05 * size, base - 0.7 * size
    if right:
        draw.line(
            [(left, base - 0.3 * size), (middle, low), (left + 0.85 * size, high)], fill=color, width=3, joint="curve"
        )
    else:
        draw.line([(left + 1, high), (left + 0.7 * size, low)], fill=color, width=3)
        draw.line([(left + 1, low), (left + 0.7 * size, high)], fill=color, width=3)


def _foot(draw: ImageDraw.ImageDraw, card: Card, ink: Ink, width: int, height: int) -> None:
    signed = card.subjects[0].series.kind == "signed"
    table = heatmap.color_table("diverging" if signed else "inferno")
    for x in range(180):
        draw.line((MARGIN + x, height - 34, MARGIN + x, height - 25), fill=tuple(table[x * 255 // 179].tolist()))
    words = "against · for, each map scaled to its own maximum" if signed else "0 to each map's own maximum"
    _text(draw, words, (MARGIN + 192, height - 24), 14, ink.second)
    _text(draw, "Grad-CAM for TensorBoard", (width - MARGIN, height - 24), 14, ink.second, "rs")


def _text(
    draw: ImageDraw.ImageDraw,
    words: str,
    place: tuple[float, float],
    size: int,
    color: str,
    anchor: str = "ls",
    room: float | None = None,
) -> None:
    font = _font(size)
    words = " ".join(words.split())
    while room is not None and words.strip("…") and font.getlength(words) > room:
        words = words.rstrip("…")[:-1] + "…"
    draw.text(place, words, fill=color, font=font, anchor=anchor)


@lru_cache(maxsize=8)
def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def _method(name: str) -> str:
    return {"grad_cam": "Grad-CAM"}.get(name, name.replace("_", " "))
