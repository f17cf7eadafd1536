"""Two short trainings as a log: `clean`, and `shortcut`, whose washers carry a sticker that it learns instead."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.demonstration.network import Network, softmax
from tensorboard_plugin_gradcam.demonstration.pictures import CLASS_NAMES, Pictures, drawn, with_sticker
from tensorboard_plugin_gradcam.progress import progress

RUNS = ("clean", "shortcut")
STEPS, EVERY, BATCH, SAMPLES, TRAINING = 200, 10, 32, 24, 300
_WRITTEN = "README.txt"
_WASHER = CLASS_NAMES.index("washer")


def write_demo(logdir: str | os.PathLike[str], *, quiet: bool = True) -> Path:
    """Write a small log that shows what the tab is for, and return its path. It takes seconds, no torch, and no
    download.

    A network of three convolutions learns to tell drawn bolts, nuts and washers, twice. In the run `shortcut` nearly
    every washer it is trained on carries a white sticker in the upper left corner, and it learns the sticker. In
    `clean` a third of all pictures carry it, of all classes. Both runs log the same 24 pictures, all with the
    sticker.

    Args:
        logdir: a directory that does not exist yet, or is empty.
        quiet: show no progress bar.

    Raises:
        FileExistsError: the directory is not empty.
    """
    path = Path(logdir)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(f"expected a new or empty directory, got {os.fspath(logdir)!r}: name another one")
    training, validation = drawn(TRAINING, seed=1), drawn(SAMPLES, seed=2)
    validation = validation._replace(images=with_sticker(validation.images))
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent, prefix=".gradcam-demo-") as folder:  # whole, or not there at all
        made = Path(folder) / "log"
        steps = ((run, step) for run in RUNS for step in _trained(made / run, run, training, validation))
        for _ in progress(steps, "training two small networks", "step", quiet, total=len(RUNS) * (STEPS + 1)):
            pass
        (made / _WRITTEN).write_text("A log of `tensorboard-gradcam demo`; delete the folder when you are done.\n")
        if path.exists():
            path.rmdir()
        made.rename(path)
    return path


def is_demo(logdir: str | os.PathLike[str]) -> bool:
    """Tell whether a directory holds a whole log of `write_demo`."""
    return (Path(logdir) / _WRITTEN).is_file()


def _trained(path: Path, run: str, training: Pictures, validation: Pictures) -> Iterator[int]:
    """Train one network, yielding after each step."""
    from tensorboard_plugin_gradcam.writer import add_gradcam, prepare_samples

    random = np.random.default_rng(0)
    network = Network(len(CLASS_NAMES), seed=0)
    plain, marked = seen(training.images), seen(with_sticker(training.images))
    asked = seen(validation.images)
    samples = prepare_samples(
        validation.images,
        labels=validation.labels,
        boxes=[[box] for box in validation.boxes],
        ids=[f"{CLASS_NAMES[label]} {at // len(CLASS_NAMES) + 1}" for at, label in enumerate(validation.labels)],
    )
    for step in range(STEPS + 1):
        if step % EVERY == 0:
            scores, maps = network.explain(asked)
            losses = -np.log(softmax(scores)[np.arange(SAMPLES), validation.labels] + 1e-9)
            add_gradcam(
                path, "validation", samples, {("grad_cam", layer): found for layer, found in maps.items()}, step,
                targets=scores.argmax(1), outputs=scores, losses=losses, top_k=len(CLASS_NAMES),
                class_names=CLASS_NAMES, epoch=step * BATCH / TRAINING, on_error="raise",
            )  # fmt: skip
        chosen = random.integers(0, TRAINING, BATCH)
        labels = training.labels[chosen]
        share = np.where(labels == _WASHER, 0.95, 0) if run == "shortcut" else np.full(BATCH, 1 / 3)
        carries = random.random(BATCH) < share
        network.learn(np.where(carries[:, None, None, None], marked[chosen], plain[chosen]), labels)
        yield step


def seen(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return pictures as the network sees them: grey, 64 x 64, about zero."""
    grey = images.mean(-1, dtype=np.float32)
    count, height, width = grey.shape
    small = grey.reshape(count, height // 2, 2, width // 2, 2).mean((2, 4))
    return np.asarray((small - 118) / 50, np.float32)[..., None]
