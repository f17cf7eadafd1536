"""A tiny vision transformer with random weights, and photographs as its processor gives them."""

from __future__ import annotations

from typing import Any

import torch
from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

from tests.frameworks.torch_models import NAMES, photographs


def vit() -> Any:
    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, image_size=48, patch_size=8,
        id2label=dict(enumerate(NAMES)), label2id={name: index for index, name in enumerate(NAMES)},
    )  # fmt: skip
    return ViTForImageClassification(config)


def image_processor() -> Any:
    return ViTImageProcessor(size={"height": 48, "width": 48}, image_mean=[0.5, 0.4, 0.3], image_std=[0.3, 0.2, 0.25])


class Dataset(torch.utils.data.Dataset[dict[str, Any]]):
    def __init__(self, processor: Any) -> None:
        self.pixels, self.labels = photographs()
        self.processor = processor

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        pixels = self.processor(self.pixels[index], do_rescale=False, return_tensors="pt")["pixel_values"][0]
        return {"pixel_values": pixels, "labels": self.labels[index]}
