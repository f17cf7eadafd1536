"""Programs that log until something ends them: `python -m tests.writer.victim PROGRAM WRITER FOLDER ARGUMENTS`."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tensorboard_plugin_gradcam import add_gradcam

SAMPLES = 4


def open_writer(kind: str, folder: str, **arguments: Any) -> Any:
    """Open a writer of torch, tensorboardX or TensorFlow, or none."""
    if kind == "torch":
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(folder, **arguments)
    if kind == "tensorboardX":
        from tensorboardX import SummaryWriter as SummaryWriterX

        return SummaryWriterX(folder, **arguments)
    if kind == "tensorflow":
        import tensorflow as tf

        return tf.summary.create_file_writer(folder)
    return folder


def log(writer: Any, step: int, value: float | None = None, size: int = 7) -> None:
    """Log four samples, whose maps are `value` or the step."""
    images = np.random.default_rng(0).integers(0, 256, (SAMPLES, 16, 16, 3), dtype=np.uint8)
    maps = np.full((SAMPLES, size, size), step if value is None else value, np.float32)
    add_gradcam(
        writer,
        "val",
        images,
        maps,
        step,
        layer="layer4",
        outputs=np.eye(SAMPLES),
        precision="float32",
        on_error="raise",
    )


def endless(kind: str, folder: str) -> None:
    """Log step after step, telling each that was written, until it is killed."""
    writer = open_writer(kind, folder)
    for step in range(1_000_000):
        log(writer, step, size=32)
        sys.stdout.write(f"{step}\n")
        sys.stdout.flush()


def steps(kind: str, folder: str, first: str, last: str, every: str, value: str, purge: str = "") -> None:
    """Log the steps from `first` to `last`; `purge` is the writer's `purge_step`."""
    writer = open_writer(kind, folder, **({"purge_step": int(purge)} if purge else {}))
    for step in range(int(first), int(last) + 1, int(every)):
        log(writer, step, float(value))
    if hasattr(writer, "close"):
        writer.close()


def full_disk(kind: str, folder: str, room: str) -> None:
    """Log through a disk that is full, `room` bytes after step 20, and is emptied again; print what failed."""
    writer = open_writer(kind, folder)
    outcome = {}
    for step in range(60):
        if step == 20:
            resource.setrlimit(resource.RLIMIT_FSIZE, (written(folder) + int(room), resource.RLIM_INFINITY))
        if step in (21, 40):  # no new file can be written either; all is well again
            limit = resource.RLIM_INFINITY if step == 40 else 0
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            log(writer, step)
        except OSError as error:
            outcome[step] = str(error)
    if hasattr(writer, "close"):
        writer.close()
    print(json.dumps(outcome))  # noqa: T201


def written(folder: str) -> int:
    """Return the size of the largest file."""
    return max(file.stat().st_size for file in Path(folder).iterdir())


if __name__ == "__main__":
    {"endless": endless, "steps": steps, "full_disk": full_disk}[sys.argv[1]](*sys.argv[2:])
