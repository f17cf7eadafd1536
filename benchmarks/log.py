"""Bytes and time per sample and step, beside overlays through `add_image` of torch and tensorboardX, and W&B's media.

W&B runs offline, where it is installed: what it would upload stays in its directory, and the time is that of its calls.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import tensorboardX
from torch.utils.tensorboard import SummaryWriter

from benchmarks.figures import record
from tensorboard_plugin_gradcam import add_gradcam, prepare_samples
from tensorboard_plugin_gradcam.heatmap import overlay

SIZE, STEPS, OVERLAY_STEPS, ROUNDS = 224, 200, 2, 3


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def ours(
    writer: Any, folder: Path, images: np.ndarray, maps: np.ndarray, registered: bool
) -> tuple[float, float, float]:
    """Return bytes and microseconds a sample and step after the first step, and the first step's own milliseconds.

    Each of the rounds is timed on its own, and the fastest counts: other programs' turns only ever add.
    """
    count = len(images)
    predictions = np.arange(count) % 10
    said: dict[str, Any] = {
        "predictions": predictions,
        "probabilities": np.linspace(0, 1, count),
        "targets": predictions,
    }
    began = time.perf_counter()
    samples: Any = prepare_samples(images) if registered else images
    add_gradcam(writer, "val", samples, maps, 0, **said)
    first = (time.perf_counter() - began) * 1e3 / count
    before, took = size_of(folder), np.inf
    for round_ in range(ROUNDS):
        began = time.perf_counter()
        for step in range(1 + round_ * STEPS, 1 + (round_ + 1) * STEPS):
            add_gradcam(writer, "val", samples, maps, step, **said)
        took = min(took, time.perf_counter() - began)
    return (size_of(folder) - before) / (ROUNDS * STEPS) / count, took * 1e6 / STEPS / count, first


def overlays(writer: Any, folder: Path, images: np.ndarray, maps: np.ndarray) -> tuple[float, float]:
    """Return bytes and microseconds a sample and step of overlays through `add_image`."""
    began = time.perf_counter()
    for step in range(OVERLAY_STEPS):
        for index, (image, map_) in enumerate(zip(images, maps, strict=True)):
            moved = np.roll(map_, step, axis=1)  # W&B stores equal pictures once
            writer.add_image(f"val/{index}", overlay(image, moved), step, dataformats="HWC")
    writer.close()
    took = time.perf_counter() - began
    return size_of(folder) / OVERLAY_STEPS / len(images), took * 1e6 / OVERLAY_STEPS / len(images)


def wandb_overlays(folder: Path, images: np.ndarray, maps: np.ndarray) -> tuple[float, float] | None:
    """Return bytes and microseconds per sample and step of W&B's offline media; None where it is not installed."""
    os.environ |= {"WANDB_SILENT": "true", "WANDB_MODE": "offline"}
    try:
        import wandb
    except ImportError:
        return None
    folder.mkdir()
    run = wandb.init(project="overlays", dir=str(folder), settings=wandb.Settings(console="off"))
    began = time.perf_counter()
    for step in range(OVERLAY_STEPS):
        drawn = [overlay(image, np.roll(map_, step, axis=1)) for image, map_ in zip(images, maps, strict=True)]
        run.log({f"val/{index}": wandb.Image(one) for index, one in enumerate(drawn)}, step=step)
    run.finish()
    took = time.perf_counter() - began
    return size_of(folder) / OVERLAY_STEPS / len(images), took * 1e6 / OVERLAY_STEPS / len(images)


def compare(folder: Path, images: np.ndarray, maps: np.ndarray) -> None:
    """Print what each way of logging costs."""
    print(f"{len(images)} samples of {SIZE} x {SIZE}, maps of {maps.shape[1]} x {maps.shape[2]}; a sample and step:")
    peers = {}
    for name, make in (("torch", SummaryWriter), ("tensorboardX", tensorboardX.SummaryWriter)):
        place = folder / f"overlays-{name}"
        peers[name] = overlays(make(str(place)), place, images, maps)
        print(f"  overlays, {name:<13} {peers[name][0]:9.1f} bytes {peers[name][1]:9.1f} us")
        keep(f"{len(images)} samples/add_image, {name}", *peers[name])
    if found := wandb_overlays(folder / "wandb", images, maps):
        print(f"  overlays, {'W&B offline':<13} {found[0]:9.1f} bytes {found[1]:9.1f} us")
        keep(f"{len(images)} samples/W&B offline", *found)
    for name, make in (("torch", SummaryWriter), ("tensorboardX", tensorboardX.SummaryWriter)):
        for registered in (True, False):
            place = folder / f"ours-{name}-{registered}"
            writer = make(str(place))
            size, took, first = ours(writer, place, images, maps, registered)
            writer.close()
            peer_size, peer_took = peers[name]
            how = "registered" if registered else "images"
            keep(f"{len(images)} samples/ours, {how}, {name}", size, took)
            print(
                f"  {how}, {name:<13} {size:9.1f} bytes {took:9.1f} us (first step {first:.1f} ms): "
                f"{peer_size / size:.0f} times smaller, {peer_took / took:.0f} times faster"
            )


def keep(name: str, size: float, took: float) -> None:
    """Keep both figures of a way of logging."""
    record(f"logging/{name}", size, "bytes per sample and step")
    record(f"logging/{name}, time", took, "us per sample and step")


def main() -> None:
    """Compare for 16 and 64 samples."""
    from sklearn.datasets import load_sample_images

    photographs = load_sample_images().images
    rng = np.random.default_rng(0)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="16 samples only")
    for count in (16,) if parser.parse_args().quick else (16, 64):
        corners = rng.integers(0, 200, (count, 2))
        images = np.stack([photographs[n % 2][y : y + SIZE, x : x + SIZE] for n, (y, x) in enumerate(corners)])
        maps = rng.standard_normal((count, 7, 7)).astype(np.float32)
        with tempfile.TemporaryDirectory() as folder:
            compare(Path(folder), images, maps)


if __name__ == "__main__":
    main()
