"""A log, or a part of it, as pictures: cards as PNG, GIF and WebM, and a folder of overlays."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from PIL import Image

from tensorboard_plugin_gradcam.exports import cards
from tensorboard_plugin_gradcam.exports.cards import Card
from tensorboard_plugin_gradcam.exports.subjects import Subject, subjects_of
from tensorboard_plugin_gradcam.progress import progress
from tensorboard_plugin_gradcam.reader import GradCAMLog
from tensorboard_plugin_gradcam.spreading import evenly

MOST_FRAMES = 200
FIRST_MS, LAST_MS = 600, 1500  # that the first and the last frame stay


def card_of(log: GradCAMLog, title: str, dark: bool, shape: cards.Shape) -> Card:
    """Return the card of a log.

    Raises:
        ValueError: there are no maps of pictures.
    """
    subjects = [subject for subject in subjects_of(log) if subject.steps()]
    if not subjects:
        why = ": of a whole data set, the maps of its last steps only are kept (keep_maps=)" if log.sums else ""
        raise ValueError(f"expected maps of pictures at the chosen steps to draw, got none{why}")
    # Where nothing else was chosen, Grad-CAM at the deepest layer, as in the tab.
    best = [subject for subject in subjects if subject.series.method == "grad_cam"] or subjects
    last = best[-1].series
    best = [one for one in best if (one.series.method, one.series.layer) == (last.method, last.layer)]
    return Card(cards.chosen(best), title, dark, shape)


def write_png(card: Card, path: Path) -> None:
    """Write the card at its last step."""
    cards.drawn(card, card.steps[-1]).save(path, "PNG")


def write_gif(card: Card, path: Path, fps: float, quiet: bool) -> None:
    """Write the card over its steps, over and over; at most 200 of them."""
    frames = [
        picture.quantize(128, dither=Image.Dither.NONE)
        for picture in (cards.drawn(card, step) for step in progress(_thinned(card.steps), "drawing", "step", quiet))
    ]
    times = [round(1000 / fps)] * len(frames)
    times[0], times[-1] = max(times[0], FIRST_MS), max(times[-1], LAST_MS)
    frames[0].save(path, "GIF", save_all=True, append_images=frames[1:], duration=times, loop=0, optimize=False)


def write_webm(card: Card, path: Path, fps: float, quiet: bool) -> None:
    """Write the card over its steps as a VP8 video.

    Raises:
        OSError: this OpenCV can't write WebM.
    """
    import cv2

    width, height = cards.SHAPES[card.shape]
    code = cv2.VideoWriter.fourcc(*"VP80")
    video = cv2.VideoWriter(str(path), code, fps, (width, height - height % 2))
    try:
        if not video.isOpened():
            raise OSError("this OpenCV can't write WebM (it was built without FFmpeg): export a .gif")
        for step in progress(_thinned(card.steps), "drawing", "step", quiet):
            frame = np.asarray(cards.drawn(card, step))[: height - height % 2, :, ::-1]
            video.write(np.ascontiguousarray(frame))
        for _ in range(round(fps)):  # the last step stays for a second
            video.write(np.ascontiguousarray(frame))
    finally:
        video.release()


def write_images(log: GradCAMLog, folder: Path, last_only: bool, quiet: bool) -> int:
    """Write the photographs as they were logged, and each map over its photograph; return the number of overlays."""
    written = 0
    for subject in progress(list(subjects_of(log)), "drawing", "sample", quiet):
        _write_photograph(subject, folder / _name(subject.series.run) / "photographs")
        folder_of = folder / _name(subject.series.run) / "_".join(_name(part) for part in subject.key if part)
        for step in subject.steps()[-1:] if last_only else subject.steps():
            shown = subject.at(step)
            if shown is not None:
                folder_of.mkdir(parents=True, exist_ok=True)
                pixels = cards.pixels_of(subject, shown, side=1)
                name = f"{_name(subject.identity)}_step{step}.png"
                Image.fromarray(pixels).save(folder_of / name)
                written += 1
    return written


def _write_photograph(subject: Subject, folder: Path) -> None:
    data = subject.log.files.get((subject.series.run, subject.sample.image))
    if data is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{_name(subject.identity)}{_suffix(data)}").write_bytes(data)


def _thinned(steps: list[int]) -> list[int]:
    return evenly(steps, MOST_FRAMES)


def _name(text: str) -> str:
    """Return a file's name: nothing of a log becomes a path."""
    return re.sub(r"[^\w.-]+", "-", text).strip(".-")[:80] or "run"


def _suffix(data: bytes) -> str:
    return {b"\x89PNG": ".png", b"RIFF": ".webp"}.get(data[:4], ".jpg")
