"""Hugging Face's image classifiers with `CAM(model)` alone: layer, token grid and scores are found."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import ClassInMask

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.slow

TOKENS = {
    "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 48, "image_size": 64,
    "patch_size": 16, "num_labels": 5,
}  # fmt: skip
WINDOWS = {"embed_dim": 16, "depths": [2, 2], "num_heads": [2, 2], "window_size": 4, "image_size": 64, "num_labels": 5}
STAGES = {"hidden_sizes": [16, 32], "depths": [1, 1], "num_labels": 5}
PYRAMID = STAGES | {
    "num_encoder_blocks": 2, "sr_ratios": [2, 1], "patch_sizes": [7, 3], "strides": [4, 2],
    "num_attention_heads": [1, 2], "mlp_ratios": [2, 2], "decoder_hidden_size": 16,
}  # fmt: skip
DINO = {name: value for name, value in TOKENS.items() if name != "intermediate_size"}

# Each architecture, its configuration, the layer that is found and its grid. BEiT's scores and DINOv2's read the mean
# of the patches behind the last block too, not the class token alone.
FAMILIES: dict[str, tuple[dict[str, Any], str, tuple[int, int]]] = {
    "ViT": (TOKENS, "vit.layers.2.layernorm_before", (4, 4)),
    "DeiT": (TOKENS, "deit.layers.2.layernorm_before", (4, 4)),
    "Dinov2": (DINO, "dinov2.layernorm", (4, 4)),
    "Dinov2WithRegisters": (DINO, "dinov2_with_registers.layernorm", (4, 4)),
    "Beit": (TOKENS, "beit.layers.2", (4, 4)),
    "Swin": (WINDOWS, "swin.layernorm", (8, 8)),
    "Swinv2": (WINDOWS, "swinv2.layernorm", (8, 8)),
    "ConvNext": (STAGES | {"num_stages": 2}, "convnext.encoder.stages.1", (8, 8)),
    "ConvNextV2": (STAGES | {"num_stages": 2}, "convnextv2.encoder.stages.1", (8, 8)),
    "ResNet": (STAGES | {"embedding_size": 16, "layer_type": "basic"}, "resnet.encoder.stages.1", (8, 8)),
    "RegNet": (STAGES | {"embedding_size": 16, "groups_width": 8}, "regnet.encoder.stages.1", (8, 8)),
    "Segformer": (PYRAMID, "segformer.stages.1", (8, 8)),
    "PvtV2": (PYRAMID, "pvt_v2.encoder.layers.1.layer_norm", (8, 8)),
}


def network(family: str, config: dict[str, Any], task: str = "ForImageClassification") -> nn.Module:
    """A small random network, with weights large enough for maps that differ."""
    torch.manual_seed(0)
    model: nn.Module = getattr(transformers, family + task)(getattr(transformers, f"{family}Config")(**config))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("layer_scale_parameter"):
                parameter.fill_(1)
            elif parameter.ndim > 1:
                parameter.mul_(4)
    return model.eval()


def plain_map(model: nn.Module, layer: str, images: Tensor, grid: tuple[int, int]) -> Tensor:
    """Return Grad-CAM's map of class 3 by a plain backward pass; tokens before the patches are left out."""
    kept: list[Tensor] = []
    handle = model.get_submodule(layer).register_forward_hook(lambda *call: kept.append(call[2]))
    scores = model(images).logits[:, 3].sum()
    handle.remove()
    (activations,) = kept
    (gradients,) = torch.autograd.grad(scores, activations)
    if activations.ndim == 3:
        activations, gradients = (
            tensor[:, -math.prod(grid) :].mT.unflatten(2, grid) for tensor in (activations, gradients)
        )
    return (gradients.mean((2, 3), keepdim=True) * activations).sum(1).detach()


@pytest.mark.parametrize("family", FAMILIES)
def test_layer_grid_and_scores_are_found(family: str) -> None:
    config, layer, grid = FAMILIES[family]
    model, images = network(family, config), torch.randn(2, 3, 64, 64)
    cam = CAM(model)
    result = cam(images, 3)
    expected = plain_map(model, layer, images, grid)
    assert cam.layers == (layer,)
    assert expected.shape == (2, *grid)
    assert float(expected.std()) > 1e-4
    assert float((expected[0] - expected[1]).abs().max()) > 0.1 * float(expected.std())
    maps = result.maps["grad_cam", layer]
    torch.testing.assert_close(maps, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))
    assert result.outputs.logits.shape == (2, 5)


@pytest.mark.parametrize("family", ["ViT", "DeiT", "Dinov2WithRegisters", "Beit"])
def test_legrad_is_the_same_for_fused_attention_and_written_out(family: str) -> None:
    config, images = FAMILIES[family][0], torch.randn(2, 3, 64, 64)
    found: list[Tensor] = []
    for implementation in ("sdpa", "eager"):
        model = network(family, config)
        model.set_attn_implementation(implementation)
        found.append(CAM(model, methods="legrad")(images, 3).maps["legrad", "attention"])
    assert found[0].shape == (2, 4, 4)
    assert float(found[0].std()) > 1e-6
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-6 * float(found[0].max()))


def test_a_picture_that_is_not_square_gives_a_grid_of_its_proportions() -> None:
    model = network("ViT", TOKENS | {"image_size": (48, 80)})
    (maps,) = CAM(model)(torch.randn(2, 3, 48, 80)).maps.values()
    assert maps.shape == (2, 3, 5)


@pytest.mark.parametrize("arrange", [dict, transformers.BatchFeature])
def test_what_an_image_processor_gives_is_taken_as_it_is(arrange: Callable[..., Any]) -> None:
    model, images = network("ViT", TOKENS), torch.randn(2, 3, 64, 64)
    cam = CAM(model)
    result = cam(arrange({"pixel_values": images}), 3)
    torch.testing.assert_close(result.maps, cam(images, 3).maps)


def test_a_segmentation_is_explained_at_the_end_of_its_encoder() -> None:
    model, mask = network("Segformer", PYRAMID, "ForSemanticSegmentation"), torch.zeros(16, 16)
    mask[4:9, 2:7] = 1
    cam = CAM(model)
    (maps,) = cam(torch.randn(2, 3, 64, 64), ClassInMask(3, mask)).maps.values()
    assert cam.layers == ("segformer.stages.1",)
    assert float(maps.std()) > 1e-5
