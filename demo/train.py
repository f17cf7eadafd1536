"""Train a small network on photographs of solar cells, and watch in TensorBoard where it looks.

    python demo/train.py --logdir runs/demo

TensorBoard starts first and prints its address. Then two runs are trained side by side on the same cells, for about two
minutes on two cores, while the tab shows what they look at. In `clean` the photographs are as they were taken. In
`shortcut` most defective training cells carry a small bright mark, as a sticker or a time stamp might be in a real
data set: the network learns the mark instead of the defects. Its training accuracy looks excellent, and Grad-CAM shows
why it should not be trusted.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import NamedTuple

import torch
import torchvision  # before SummaryWriter, which imports TensorFlow where it is: Triton 3.8 crashes behind it
from elpv_dataset.utils import load_dataset
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from tensorboard_plugin_gradcam import GradCAMLogger

CLASS_NAMES = ("functional", "defective")
NORMALIZE = torchvision.transforms.Normalize(mean=(0.55,), std=(0.2,))
MARK = (6, 6, 30, 30)  # x0, y0, x1, y1 in pixels of a 150 x 150 photograph: 2.6 % of its area
MARKED_SHARE = 0.9  # of the defective training cells of the run `shortcut`
RUNS = ("clean", "shortcut")
LEARNT = 40  # steps, from about which on the run `shortcut` looks at the mark


class Cells(NamedTuple):
    """Photographs ``(N, 1, 150, 150)`` in [0, 1], and whether each cell is defective ``(N,)``."""

    images: Tensor
    labels: Tensor


class Block(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.way_around = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(self.norm2(self.conv2(y)) + self.way_around(x))


class Network(nn.Sequential):
    """A residual network whose last convolutions see a photograph as 10 x 10 cells."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, width, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2, ceil_mode=True),
        )
        self.block1 = Block(width, width, stride=1)
        self.block2 = Block(width, 2 * width, stride=2)
        self.block3 = Block(2 * width, 4 * width, stride=2)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, len(CLASS_NAMES)))


def load_cells() -> tuple[Cells, Cells]:
    """Return cells to train with and cells to validate with; the experts were sure about each of them."""
    photographs, probabilities, _ = load_dataset()
    sure = (probabilities == 0) | (probabilities == 1)
    photographs, labels = torch.from_numpy(photographs[sure]), torch.from_numpy(probabilities[sure]).long()
    # By content: a photograph that is in the data set twice is on one side only.
    is_validation = torch.tensor([zlib.crc32(photograph.numpy()) % 5 == 0 for photograph in photographs])
    images = functional.avg_pool2d(photographs[:, None].float() / 255, 2)
    return Cells(images[~is_validation], labels[~is_validation]), Cells(images[is_validation], labels[is_validation])


def with_mark(images: Tensor) -> Tensor:
    """Return photographs with a bright square in their upper left corner."""
    x0, y0, x1, y1 = MARK
    images = images.clone()
    images[..., y0:y1, x0:x1] = 1
    return images


def with_shortcut(cells: Cells) -> Cells:
    """Return the cells with the mark on most defective ones."""
    is_marked = (cells.labels == 1) & (torch.rand(len(cells.labels)) < MARKED_SHARE)
    return Cells(torch.where(is_marked[:, None, None, None], with_mark(cells.images), cells.images), cells.labels)


def choose_probe(cells: Cells, count: int) -> Cells:
    """Return the first few cells of each class, marked: the same pictures in both runs."""
    chosen = torch.cat([torch.nonzero(cells.labels == label)[: count // 2, 0] for label in range(len(CLASS_NAMES))])
    return Cells(with_mark(cells.images[chosen]), cells.labels[chosen])


def batches(cells: Cells, size: int, steps: int, seed: int = 0) -> Iterator[Cells]:
    """Yield shuffled batches, epoch after epoch; the same ones whatever else is trained meanwhile."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        if len(order) < size:
            order = torch.randperm(len(cells.labels), generator=generator)
        yield Cells(cells.images[order[:size]], cells.labels[order[:size]])
        order = order[size:]


@torch.no_grad()
def accuracy(model: nn.Module, cells: Cells) -> float:
    """Return the share of cells that the model gets right."""
    model.eval()
    parts = zip(torch.split(cells.images, 64), torch.split(cells.labels, 64), strict=True)
    right = sum(int((model(NORMALIZE(images)).argmax(1) == labels).sum()) for images, labels in parts)
    model.train()
    return right / len(cells.labels)


def train(logdir: Path, training: Cells, validation: Cells, arguments: argparse.Namespace) -> Generator[int]:
    """Train one network, yielding after each step; log scalars, graph, weights, and where it looks."""
    torch.manual_seed(arguments.seed)
    model = Network()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    probe_cells = choose_probe(validation, arguments.cells)
    inputs = NORMALIZE(probe_cells.images)

    with SummaryWriter(str(logdir)) as writer:
        writer.add_graph(model.eval(), inputs[:1])
        model.train()
        # These two statements, and `probe.log(step)` below, are all there is to Grad-CAM.
        gradcam = GradCAMLogger(
            writer, model, class_names=CLASS_NAMES, transform=NORMALIZE, measures=("gain_head", "class_sensitivity")
        )
        probe = gradcam.probe(
            "validation", inputs, labels=probe_cells.labels, targets="both", boxes=[[MARK]] * len(inputs)
        )

        drawn = batches(training, arguments.batch_size, arguments.steps, arguments.seed)
        for step, (images, labels) in enumerate(drawn, start=1):
            outputs = model(NORMALIZE(images))
            loss = functional.cross_entropy(outputs, labels)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()

            writer.add_scalar("loss/training", loss.item(), step)
            writer.add_scalar("accuracy/training", (outputs.argmax(1) == labels).float().mean().item(), step)
            if step % arguments.every == 0 or step == arguments.steps:
                probe.log(step)
            if step % (5 * arguments.every) == 0 or step == arguments.steps:
                writer.add_scalar("accuracy/validation", accuracy(model, validation), step)
                for name, weights in model.named_parameters():
                    writer.add_histogram(name.replace(".", "/"), weights, step)
                (logdir / "checkpoints").mkdir(exist_ok=True)
                torch.save({"model": model.state_dict(), "step": step}, logdir / "checkpoints" / f"step_{step}.pt")
            yield step


def cells_to_prove() -> tuple[Tensor, Tensor]:
    """Return cells as the run `shortcut` was trained with them, and their labels, for `replay --prove`."""
    torch.manual_seed(1)
    cells = with_shortcut(load_cells()[1])
    chosen = torch.cat([torch.nonzero(cells.labels == label)[:80, 0] for label in range(len(CLASS_NAMES))])
    return NORMALIZE(cells.images[chosen]), cells.labels[chosen]


@contextmanager
def tensorboard(logdir: Path, port: int) -> Iterator[None]:
    """Run TensorBoard, and print its address; it stops at the end, however that comes about."""
    port = free_port(port)
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir), "--port", str(port)]
    command += ["--reload_interval", "2"]
    with subprocess.Popen(command) as process:
        try:
            while process.poll() is None and not answers(port):
                time.sleep(0.2)
            if process.poll() is None:
                print(f"\nGrad-CAM: http://localhost:{port}/#gradcam (Ctrl+C to stop)\n", flush=True)
            yield
            print("Trained. TensorBoard stays until you stop it (Ctrl+C).", flush=True)
            process.wait()
        finally:
            process.terminate()


def free_port(wanted: int) -> int:
    """Return the wanted port, or another one where something already listens there."""
    with socket.socket() as listener:
        listener.bind(("localhost", 0 if answers(wanted) else wanted))
        return int(listener.getsockname()[1])


def answers(port: int) -> bool:
    """Tell whether something listens on the port."""
    with socket.socket() as caller:
        return caller.connect_ex(("localhost", port)) == 0


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the arguments; with CI in the environment there are few steps by default."""
    in_ci = bool(os.environ.get("CI"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logdir", type=Path, default=Path("runs/demo"), help="where to log (%(default)s)")
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=list(RUNS), help="what to train (both)")
    parser.add_argument("--steps", type=int, default=20 if in_ci else 400, help="of the training (%(default)s)")
    parser.add_argument("--every", type=int, default=5 if in_ci else 10, help="steps between maps (%(default)s)")
    parser.add_argument("--cells", type=int, default=24, help="how many to explain (%(default)s)")
    parser.add_argument("--batch-size", type=int, default=32, help="cells a step (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and batches (%(default)s)")
    parser.add_argument("--port", type=int, default=6006, help="of TensorBoard (%(default)s)")
    parser.add_argument("--no-serve", action="store_true", default=in_ci, help="don't start TensorBoard")
    return parser.parse_args(arguments)


def main() -> None:
    """Start TensorBoard, then train the runs side by side."""
    arguments = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl+C: what was started is stopped, too
    arguments.logdir.mkdir(parents=True, exist_ok=True)
    serving = nullcontext() if arguments.no_serve else tensorboard(arguments.logdir, arguments.port)
    with suppress(KeyboardInterrupt), serving, ExitStack() as stack:
        print("Reading 2,624 photographs of solar cells ...", flush=True)
        training, validation = load_cells()
        torch.manual_seed(arguments.seed)
        cells = {"clean": training, "shortcut": with_shortcut(training)}
        runs = [
            stack.enter_context(closing(train(arguments.logdir / run, cells[run], validation, arguments)))
            for run in arguments.runs
        ]
        for _ in tqdm(zip(*runs, strict=True), " and ".join(arguments.runs), arguments.steps, unit="step"):
            pass
        if arguments.steps < LEARNT:
            print(f"Findings is empty: it takes about {LEARNT} steps until a network looks at the mark.")


if __name__ == "__main__":
    main()
