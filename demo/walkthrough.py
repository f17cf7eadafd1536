"""The article's network, and what losses, penalties and clipping do to its maps.

    python -m demo.walkthrough losses                  cross entropy, squared error, focal: one run each
    python -m demo.walkthrough penalties               none, L1, L2, elastic net
    python -m demo.walkthrough clipping                gradients as they are, and clipped
    python -m demo.walkthrough segmentation            cross entropy, focal and Dice of a U-Net
    python -m demo.walkthrough methods                 Grad-CAM, Guided Backprop, Guided Grad-CAM, smoothing
    python -m demo.walkthrough resnet101 deeplab       large networks, from training to overlay
    python -m demo.walkthrough keras                   the same network in tf.keras
    python -m demo.walkthrough one --loss focal --l1 1e-4 --clip 1

Then `tensorboard --logdir runs/walkthrough`. Graph, weight histograms and scalars are logged beside the maps. The
network is the article's: a convolution, max pooling and one dense layer, on handwritten digits or solar cells.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.tensorboard import SummaryWriter

from demo.gallery.common import balanced, is_logged, overlays, save_rows
from demo.train import load_cells
from tensorboard_plugin_gradcam import CAM, GradCAMLogger, read_gradcam
from tensorboard_plugin_gradcam.aliases import MethodName

TINY = 1e-3  # a weight below it counts as zero
SAID = ("maximum", "entropy", "coverage", "energy_inside", "score")  # of each map
DIGIT, CELL = 28, 64  # edges in pixels: of a digit as in the article, and of a solar cell
UNSEEN = 100  # solar cells to test with, half of them defective


@dataclass(frozen=True)
class Options:
    """Everything that a training can be given by flags."""

    logdir: Path
    steps: int = 300
    data: str = "digits"
    loss: str = "cross_entropy"
    l1: float = 0.0
    l2: float = 0.0
    clip: float = 0.0
    rate: float = 2e-3
    seed: int = 0


@dataclass(frozen=True)
class Data:
    """Inputs ``(N, C, H, W)`` in [0, 1] and their classes: ``(N,)``, or ``(N, H, W)`` of a segmentation.

    The network trains on `images` and never sees `unseen`. Maps of the first `count` unseen inputs are logged.
    """

    images: Tensor
    labels: Tensor
    unseen: Tensor
    unseen_labels: Tensor
    names: tuple[str, ...]
    count: int = 16

    @property
    def shown(self) -> Tensor:
        """The inputs whose maps are logged."""
        return self.unseen[: self.count]

    @property
    def shown_labels(self) -> Tensor:
        """Their classes."""
        return self.unseen_labels[: self.count]


def digits() -> Data:
    """Return scikit-learn's handwritten digits, as large as the article's."""
    from sklearn.datasets import load_digits

    found = load_digits()
    small = torch.tensor(found.images[:, None] / 16, dtype=torch.float32)
    images = functional.interpolate(small, size=(DIGIT, DIGIT), mode="bilinear")
    labels = torch.tensor(found.target).long()
    return Data(images[:1500], labels[:1500], images[1500:], labels[1500:], tuple("0123456789"))


def cells(size: int = CELL) -> Data:
    """Return photographs of solar cells."""
    training, validation = load_cells()
    few = balanced(validation, UNSEEN)
    alternating = torch.arange(UNSEEN).view(2, -1).T.flatten()  # else the logged ones are all of the first class
    images, unseen = (
        functional.interpolate(one, size=(size, size), mode="area") for one in (training.images, few.images)
    )
    return Data(images, training.labels, unseen[alternating], few.labels[alternating], ("functional", "defective"))


def coins(count: int = 200) -> Data:
    """Return crops of a photograph of coins, with masks."""
    from demo.gallery.segmentation import crops

    random = np.random.default_rng(0)
    images, masks = crops(count, random)
    unseen, unseen_masks = crops(40, random)
    return Data(images, masks, unseen, unseen_masks, ("background", "coin"), 8)


def article_network(data: Data) -> nn.Module:
    """Return the torch twin of the article's tf.keras network."""
    side = (data.images.shape[-1] - 2) // 2
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * side * side, len(data.names))
    )


def squared_error(scores: Tensor, labels: Tensor) -> Tensor:
    """Mean squared error of the probabilities."""
    return functional.mse_loss(scores.softmax(1), functional.one_hot(labels, scores.shape[1]).float())


def focal(scores: Tensor, labels: Tensor, gamma: float = 2.0) -> Tensor:
    """Cross entropy, weighted by (1 - p)^gamma: what is known already counts less (Lin et al., 2017, eq. 4)."""
    entropy = functional.cross_entropy(scores, labels, reduction="none")
    return ((1 - torch.exp(-entropy)) ** gamma * entropy).mean()


def dice(scores: Tensor, labels: Tensor) -> Tensor:
    """One minus the overlap of class 1 with its true mask (Milletari et al., 2016)."""
    found, true = scores.softmax(1)[:, 1], (labels == 1).float()
    return 1 - (2 * (found * true).sum() + 1) / (found.sum() + true.sum() + 1)


LOSSES: dict[str, Callable[..., Tensor]] = {
    "cross_entropy": functional.cross_entropy,
    "squared_error": squared_error,
    "focal": focal,
    "dice": dice,
}


def penalty(model: nn.Module, l1: float, l2: float) -> Tensor:
    """Elastic net: L1 and L2 of the weights (not of the biases); either alone where the other is 0."""
    weights = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    terms = [l1 * weight.abs().sum() + l2 * weight.square().sum() for weight in weights]
    return torch.stack(terms).sum()


def train(model: nn.Module, data: Data, options: Options, writer: SummaryWriter, batch: int = 32) -> Iterator[int]:
    """Train, log scalars, graph and histograms, and yield each step's number."""
    wrapped = ScoresOnly(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # add_graph traces, which torch calls deprecated
        writer.add_graph(wrapped.eval(), data.shown[:1])
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=options.rate)
    generator = torch.Generator().manual_seed(options.seed)
    for step in range(options.steps):
        chosen = torch.randint(len(data.images), (batch,), generator=generator)
        loss = LOSSES[options.loss](wrapped(data.images[chosen]), data.labels[chosen])
        if options.l1 or options.l2:
            loss = loss + penalty(model, options.l1, options.l2)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        norm = nn.utils.clip_grad_norm_(model.parameters(), options.clip or float("inf"))
        optimizer.step()
        writer.add_scalar("loss", loss.item(), step)
        writer.add_scalar("gradient norm before clipping", norm.item(), step)
        if is_logged(step, options.steps):
            for name, weights in list(model.named_parameters())[:8]:
                writer.add_histogram(name.replace(".", "/"), weights, step)
            yield step


class ScoresOnly(nn.Module):
    """A model whose output is the scores alone, where torchvision's segmenters return a mapping."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores."""
        found = self.model(x)
        scores: Tensor = found["out"] if isinstance(found, dict) else found
        return scores


def run(name: str, options: Options, make: Callable[[Data], nn.Module] = article_network, batch: int = 32) -> nn.Module:
    """Train one run and log its maps."""
    data = {"digits": digits, "cells": cells, "coins": coins}[options.data]()
    torch.manual_seed(options.seed)
    model = make(data)
    segments = data.labels.ndim == 3
    known: dict[str, Any] = {"truth_masks": data.shown_labels} if segments else {"labels": data.shown_labels}
    task: Any = "segmentation" if segments else None
    with SummaryWriter(str(options.logdir / name)) as writer:
        with GradCAMLogger(writer, model, methods=methods_for(make), class_names=data.names, task=task) as logger:
            probe = logger.probe("unseen", data.shown, targets=1 if segments else None, **known)
            for step in train(model, data, options, writer, batch):
                probe.log(step)
    report(name, model, data, options.logdir / name)
    return model


def report(name: str, model: nn.Module, data: Data, folder: Path) -> None:
    """Print the figures that docs/walkthrough.md quotes: of all unseen inputs, and of the maps of the last step."""
    with torch.no_grad():
        scores = torch.cat([ScoresOnly(model).eval()(part) for part in data.unseen.split(16)])
    right = (scores.argmax(1) == data.unseen_labels).float().mean()
    weights = torch.cat([one.detach().flatten() for one in model.parameters() if one.ndim > 1])
    what = "pixels" if data.labels.ndim == 3 else "pictures"
    print(f"{name}: {right:.1%} of the {what} of {len(data.unseen)} unseen inputs are right")
    print(f"  {(weights.abs() < TINY).float().mean():.0%} of the weights are below {TINY}")
    log = read_gradcam(folder)
    for (_, _, method, _), series in log.maps.items():
        rows = [row for row in log.rows() if row["method"] == method and row["step"] == series.steps[-1]]
        known = {key: [row[key] for row in rows if np.isfinite(row.get(key, np.nan))] for key in SAID}
        blank = sum(row["maximum"] <= 0 for row in rows)
        words = ", ".join(f"{key} {np.mean(values):.3g}" for key, values in known.items() if values)
        print(f"  {method}: {blank} of {len(rows)} maps are blank; means: {words}", flush=True)


def methods_for(make: Callable[[Data], nn.Module]) -> list[MethodName]:
    """Return what to compute: HiResCAM, too, where a dense layer reads all cells.

    Grad-CAM weights a channel by the mean of its gradients over all cells. Behind a dense layer each cell has a weight
    of its own, and their mean says little: many maps are blank. HiResCAM does not take the mean.
    """
    return ["grad_cam", "hires_cam"] if make is article_network else ["grad_cam"]


def losses(options: Options) -> list[str]:
    """Train with each loss."""
    names = ["cross_entropy", "squared_error", "focal"]
    for name in names:
        run(name, replace(options, loss=name))
    return names


def penalties(options: Options) -> list[str]:
    """Train with each penalty of the weights."""
    kinds = {"no penalty": (0, 0), "L1": (1e-3, 0), "L2": (0, 1e-2), "elastic net": (5e-4, 5e-3)}
    for name, (l1, l2) in kinds.items():
        run(name, replace(options, l1=l1, l2=l2))
    return list(kinds)


def clipping(options: Options) -> list[str]:
    """Train at a high rate, with and without clipped gradients."""
    run("not clipped", replace(options, rate=0.03))
    run("clipped at 0.1", replace(options, rate=0.03, clip=0.1))
    return ["not clipped", "clipped at 0.1"]


def segmentation(options: Options) -> list[str]:
    """Train a U-Net with each loss that a segmentation takes."""
    from demo.gallery.segmentation import UNet

    names = ["cross_entropy", "focal", "dice"]
    for name in names:
        run(f"coins {name}", replace(options, data="coins", loss=name, steps=options.steps // 2), lambda _: UNet(), 8)
    return [f"coins {name}" for name in names]


def methods(options: Options) -> list[str]:
    """Train on photographs, then explain the same network by several methods and smoothed maps."""
    from demo.train import Network

    model = run("cells", replace(options, data="cells"), lambda _: Network())
    data, layer = cells(), "block3"
    explained = {
        "Grad-CAM": CAM(model, layer),
        "aug_smooth": CAM(model, layer, aug_smooth=True),
        "eigen_smooth": CAM(model, layer, eigen_smooth=True),
        "Guided Backprop": CAM(model, layer, "guided_backprop"),
        "Guided Grad-CAM": CAM(model, layer, "guided_grad_cam"),
    }
    for name, cam in explained.items():
        with GradCAMLogger(str(options.logdir / name), cam, class_names=data.names) as logger:
            logger.probe("unseen", data.shown, labels=data.shown_labels).log(options.steps)
    return list(explained)


def resnet101(options: Options) -> list[str]:
    """Train torchvision's ResNet-101 on photographs."""

    def make(data: Data) -> nn.Module:
        model: nn.Module = torchvision.models.resnet101(num_classes=2)
        model.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
        return model

    run("ResNet-101", replace(options, data="cells", steps=max(2, options.steps // 4), rate=1e-3), make, 16)
    return ["ResNet-101"]


def deeplab(options: Options) -> list[str]:
    """Train torchvision's DeepLabV3 on coins."""

    def make(data: Data) -> nn.Module:
        segmenter = torchvision.models.segmentation.deeplabv3_resnet50
        model: nn.Module = segmenter(weights=None, weights_backbone=None, num_classes=2)
        model.get_submodule("backbone").conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
        return model

    run("DeepLabV3", replace(options, data="coins", steps=max(2, options.steps // 10), rate=1e-3), make, 4)
    return ["DeepLabV3"]


def in_keras(options: Options) -> list[str]:
    """Train the article's own network, in tf.keras, with the same losses, penalties and clipping."""
    import keras

    from tensorboard_plugin_gradcam.integrations.keras import GradCAMCallback

    data = {"digits": digits, "cells": cells}[options.data]()
    images, shown = (one.permute(0, 2, 3, 1).numpy() for one in (data.images, data.shown))
    wanted = keras.utils.to_categorical(data.labels.numpy(), len(data.names))
    weights = keras.regularizers.L1L2(l1=options.l1, l2=options.l2)
    keras.utils.set_random_seed(options.seed)
    model = keras.Sequential(
        [
            keras.Input(images.shape[1:]),
            keras.layers.Conv2D(32, 3, activation="relu", kernel_regularizer=weights),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(len(data.names), activation="softmax", kernel_regularizer=weights),
        ]
    )
    losses = {
        "cross_entropy": "categorical_crossentropy",
        "squared_error": "mse",
        "focal": "categorical_focal_crossentropy",
    }
    optimizer = keras.optimizers.Adam(options.rate, clipnorm=options.clip or None)
    model.compile(optimizer, losses[options.loss], metrics=["accuracy"])
    folder = options.logdir / "keras"
    maps = GradCAMCallback(
        str(folder),
        shown,
        data.shown_labels.numpy(),
        every=max(1, options.steps // 10),
        tag="unseen",
        methods=["grad_cam", "hires_cam"],
        class_names=data.names,
    )
    others = keras.callbacks.TensorBoard(str(folder), histogram_freq=1, write_graph=True)
    epochs = max(1, round(options.steps * 32 / len(images)))
    model.fit(images, wanted, batch_size=32, epochs=epochs, verbose=0, callbacks=[maps, others])
    return ["keras"]


PARTS: dict[str, Callable[[Options], list[str]]] = {
    "losses": losses,
    "penalties": penalties,
    "clipping": clipping,
    "segmentation": segmentation,
    "methods": methods,
    "resnet101": resnet101,
    "deeplab": deeplab,
    "keras": in_keras,
}


DENSE = {"losses", "penalties", "clipping", "keras", "one"}  # parts that train the article's network


def one(options: Options) -> list[str]:
    """Train one run as the flags say, named by what they change."""
    plain = Options(options.logdir)
    changed = {name: getattr(options, name) for name in ("data", "loss", "l1", "l2", "clip", "rate")}
    name = " ".join(f"{key}={value}" for key, value in changed.items() if value != getattr(plain, key)) or "plain"
    run(name, options)
    return [name]


def main() -> None:
    """Run the parts that were asked for; save each one's picture where a folder was named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="+", choices=[*PARTS, "one"], metavar="PART", help="see above")
    parser.add_argument("--logdir", type=Path, default=Path("runs/walkthrough"), help="where to log (%(default)s)")
    parser.add_argument("--pictures", type=Path, help="a folder for a picture of each part")
    parser.add_argument("--steps", type=int, default=300, help="of each training (%(default)s)")
    parser.add_argument("--data", choices=["digits", "cells"], default="digits", help="digits or solar cells")
    parser.add_argument("--loss", choices=["cross_entropy", "squared_error", "focal"], default="cross_entropy")
    parser.add_argument("--l1", type=float, default=0.0, help="weight of the sum of absolute weights")
    parser.add_argument("--l2", type=float, default=0.0, help="weight of the sum of squared weights")
    parser.add_argument("--clip", type=float, default=0.0, help="largest norm of the gradients; 0 is no limit")
    parser.add_argument("--rate", type=float, default=2e-3, help="learning rate (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and batches (%(default)s)")
    given = vars(parser.parse_args())
    parts, pictures = given.pop("parts"), given.pop("pictures")
    options = Options(**given)
    for part in parts:
        names = {**PARTS, "one": one}[part](options)
        if pictures:
            method = "hires_cam" if part in DENSE else None
            rows = [(name, overlays(options.logdir, name, range(6), method=method)) for name in names]
            save_rows(pictures / f"walkthrough-{part}.webp", rows)


if __name__ == "__main__":
    main()
