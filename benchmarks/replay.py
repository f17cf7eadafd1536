"""What a replay costs beside the loading and the maps alone, and what further processes save.

    python benchmarks/replay.py

Checkpoints of a ResNet-18 are replayed on 64 pictures of 224 pixels in a process of their own, and beside it, in
another, they are loaded with `torch.load(weights_only=True)` and explained by `CAM`, with nothing written. What a
process takes to import and to build the model is in neither. The bar is 1.1.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tensorboard_plugin_gradcam import CAM, replay

LAYER = "layer4"


def build() -> Any:
    """Return the model."""
    from torchvision.models import resnet18

    return resnet18(num_classes=10)


def pictures() -> tuple[Tensor, Tensor]:
    """Return 64 pictures, as smooth as photographs are, and labels."""
    generator = torch.Generator().manual_seed(0)
    small = torch.rand(64, 3, 14, 14, generator=generator)
    return torch.nn.functional.interpolate(small, size=(224, 224), mode="bicubic").clamp(0, 1), torch.arange(64) % 10


def save(folder: Path, count: int) -> None:
    """Save checkpoints."""
    for step in range(count):
        torch.manual_seed(step)
        torch.save({"model": build().state_dict(), "step": step}, folder / f"step_{step}.pt")


def alone(folder: Path, batch_size: int) -> float:
    """Return the seconds that loading and maps take by themselves."""
    model, (inputs, _) = build().eval(), pictures()
    cam = CAM(model, LAYER)
    start = time.perf_counter()
    for path in sorted(folder.iterdir()):
        model.load_state_dict(torch.load(path, weights_only=True)["model"])
        for part in inputs.split(batch_size):
            cam(part)
    return time.perf_counter() - start


def replayed(folder: Path, log: Path, batch_size: int, shard: str | None = None) -> float:
    """Return the seconds that a replay takes."""
    model, data = build(), pictures()
    start = time.perf_counter()
    replay(model, folder, data, log, layers=LAYER, batch_size=batch_size, shard=shard)
    return time.perf_counter() - start


def in_processes(count: int, folder: Path, log: Path, batch_size: int) -> float:
    """Return the seconds until the last of several processes has ended, their imports included."""
    command = [sys.executable, __file__, "--folder", str(folder), "--log", str(log), "--batch-size", str(batch_size)]
    start = time.perf_counter()
    processes = [subprocess.Popen([*command, "--shard", f"{index}/{count}"]) for index in range(count)]
    if any(process.wait() for process in processes):
        raise RuntimeError("a process failed")
    return time.perf_counter() - start


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoints", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--log", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--shard", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.shard:
        replayed(asked.folder, asked.log, asked.batch_size, asked.shard)
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "checkpoints"
        folder.mkdir()
        save(folder, asked.checkpoints)
        ratios = []
        for number in range(asked.rounds):
            by_hand = alone(folder, asked.batch_size)
            ours = replayed(folder, Path(place) / f"log{number}", asked.batch_size)
            ratios.append(ours / by_hand)
            print(f"{asked.checkpoints} checkpoints: {by_hand:.1f} s alone, {ours:.1f} s replayed: {ratios[-1]:.3f}")
        print(f"replayed / alone, the median: {statistics.median(ratios):.3f} (bar: 1.1)")
        for count in asked.processes:
            seconds = in_processes(count, folder, Path(place) / f"shares{count}", asked.batch_size)
            print(f"{count} processes of one thread: {seconds:.1f} s")


if __name__ == "__main__":
    main()
