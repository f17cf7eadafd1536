"""Bytes and time a sample and step, beside overlays through `add_image` in the same run."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from tensorboard_plugin_gradcam import add_gradcam
from tensorboard_plugin_gradcam.heatmap import overlay

SIZE, STEPS, OVERLAY_STEPS = 224, 100, 2


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def ours(folder: Path, images: np.ndarray, maps: np.ndarray) -> tuple[float, float, float]:
    """Return bytes and microseconds a sample and step after the first step, and the first step's own milliseconds."""
    count = len(images)
    predictions = np.arange(count) % 10
    said: dict[str, Any] = {
        "predictions": predictions,
        "probabilities": np.linspace(0, 1, count),
        "targets": predictions,
    }
    with SummaryWriter(str(folder)) as writer:
        began = time.perf_counter()
        add_gradcam(writer, "val", images, maps, 0, **said)
        first = (time.perf_counter() - began) * 1e3 / count
        writer.flush()
        before = size_of(folder)
        began = time.perf_counter()
        for step in range(1, STEPS + 1):
            add_gradcam(writer, "val", images, maps, step, **said)
        took = time.perf_counter() - began
        writer.flush()
        return (size_of(folder) - before) / STEPS / count, took * 1e6 / STEPS / count, first


def overlays(folder: Path, images: np.ndarray, maps: np.ndarray) -> tuple[float, float]:
    """Return bytes and microseconds a sample and step of overlays through `add_image`."""
    with SummaryWriter(str(folder)) as writer:
        began = time.perf_counter()
        for step in range(OVERLAY_STEPS):
            for index, (image, map_) in enumerate(zip(images, maps, strict=True)):
                writer.add_image(f"val/{index}", overlay(image, map_), step, dataformats="HWC")
        writer.flush()
        took = time.perf_counter() - began
    return size_of(folder) / OVERLAY_STEPS / len(images), took * 1e6 / OVERLAY_STEPS / len(images)


def main() -> None:
    """Print both, for 16 and 64 samples."""
    from sklearn.datasets import load_sample_images

    photographs = load_sample_images().images
    rng = np.random.default_rng(0)
    for count in (16, 64):
        corners = rng.integers(0, 200, (count, 2))
        images = np.stack([photographs[n % 2][y : y + SIZE, x : x + SIZE] for n, (y, x) in enumerate(corners)])
        maps = rng.standard_normal((count, 7, 7)).astype(np.float32)
        with tempfile.TemporaryDirectory() as folder:
            size, took, first = ours(Path(folder) / "ours", images, maps)
            peer_size, peer_took = overlays(Path(folder) / "overlays", images, maps)
        print(
            f"{count} samples: {size:.1f} bytes and {took:.1f} us a sample and step (first {first:.1f} ms); "
            f"overlays {peer_size:.0f} bytes and {peer_took:.0f} us: {peer_size / size:.0f} times smaller, "
            f"{peer_took / took:.0f} times faster"
        )


if __name__ == "__main__":
    main()
