"""One of two ranks that train together over gloo: `python -m tests.writer.rank RANK MEETING MODE FOLDER`."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from tensorboard_plugin_gradcam import CAM, GradCAMLogger

IMAGES = torch.rand(7, 3, 16, 16, generator=torch.Generator().manual_seed(3))


def network() -> nn.Module:
    """Return a small network with everything that a forward pass may disturb."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.Dropout(0.3),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3),
    )  # fmt: skip


def train(model: nn.Module, rank: int, after_each: Any) -> str:
    """Train for three steps on this rank's own batches; return what the weights, gradients and random state are."""
    torch.manual_seed(rank)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(torch.randn(4, 3, 16, 16)), torch.tensor([0, 1, 2, 0])).backward()
        optimizer.step()
        after_each(step)
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    everything = [*model.state_dict().values(), *gradients, torch.get_rng_state()]
    return hashlib.sha256(b"".join(value.numpy().tobytes() for value in everything)).hexdigest()


class Broken:
    """A sink that fails while `broken` holds."""

    def __init__(self, sink: Any) -> None:
        self._sink, self.broken = sink, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sink, name)

    def write(self, *arguments: Any) -> None:
        """Fail, or write."""
        if self.broken:
            raise OSError(28, "No space left on device")
        self._sink.write(*arguments)


def main(rank: int, meeting: str, mode: str, folder: str) -> None:
    """Train without and with a logger, and print what came of it."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    plain = train(DistributedDataParallel(network()), rank, lambda step: None)
    model = DistributedDataParallel(network())
    distributed: Any = "gather" if mode == "full_disk" else mode
    logger = GradCAMLogger(folder, model, layers="0", distributed=distributed, batch_size=2, on_error="raise")
    probe = logger.probe("probe", IMAGES, labels=torch.arange(7) % 3)
    mine = IMAGES[:4] if rank == 0 else IMAGES[4:]
    sink: Any = Broken(logger._steps.log._sink)
    logger._steps.log._sink = sink
    errors: list[int] = []

    def log(step: int) -> None:
        sink.broken = mode == "full_disk" and rank == 0 and step == 1
        for part in (mine[:2], mine[2:]):
            try:
                logger.add("val", part, CAM(model, layers="0")(part), step)
            except OSError:
                errors.append(step)
        try:
            probe.log(step)
        except OSError:
            errors.append(step)

    logged = train(model, rank, log)
    logger.flush()
    explained = CAM(network_of(model), layers="0")(IMAGES).maps["grad_cam", "0"].tolist()
    (Path(folder).parent / f"rank{rank}.json").write_text(
        json.dumps({"plain": plain, "logged": logged, "errors": errors, "maps": explained})
    )
    dist.barrier()
    dist.destroy_process_group()


def network_of(model: nn.Module) -> nn.Module:
    """Return the network within its wrapper."""
    return model.module if isinstance(model, DistributedDataParallel) else model


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
