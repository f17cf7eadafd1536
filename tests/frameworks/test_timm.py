"""timm's classifiers with `CAM(model)` alone: a table of the layer that is found for each family."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from tensorboard_plugin_gradcam import CAM

timm = pytest.importorskip("timm")
pytestmark = pytest.mark.slow

# Each network, the layer that is found and the longer side of its grid. Of BEiT's and EVA-02's patches the mean is
# read, and both of CaiT's last attentions read them: the norm before the last attention is on a part of their paths. An
# untrained LeViT has no places behind its first stage: attention without a shortcut makes all cells alike.
LAYERS = {
    "beit_base_patch16_224": ("blocks.11", 14),
    "cait_xxs24_224": ("blocks", 14),
    "convnext_atto": ("stages", 7),
    "convnextv2_atto": ("stages", 7),
    "cspresnet50": ("stages", 8),
    "davit_tiny": ("stages", 7),
    "deit_tiny_distilled_patch16_224": ("blocks.11.norm1", 14),
    "densenet121": ("features", 7),
    "edgenext_xx_small": ("stages", 8),
    "efficientnet_b0": ("bn2", 7),
    "efficientvit_b0": ("head.in_conv", 7),
    "eva02_tiny_patch14_224": ("blocks.11", 16),
    "focalnet_tiny_srf": ("norm", 7),
    "ghostnet_100": ("blocks", 7),
    "hrnet_w18_small": ("final_layer", 7),
    "inception_v3": ("Mixed_7c", 8),
    "levit_128": ("stages.0", 14),
    "maxvit_tiny_tf_224": ("stages", 7),
    "mixer_s16_224": ("norm", 14),
    "mobilenetv3_small_050": ("blocks", 7),
    "mvitv2_tiny": ("norm", 7),
    "poolformer_s12": ("stages", 7),
    "pvt_v2_b0": ("stages", 7),
    "regnety_002": ("s4", 7),
    "resnet18": ("layer4", 7),
    "resnet50_clip": ("stages", 7),
    "resnetv2_50": ("norm", 7),
    "swin_tiny_patch4_window7_224": ("norm", 7),
    "swinv2_tiny_window8_256": ("norm", 8),
    "tnt_s_patch16_224": ("blocks.11.norm_out", 14),
    "twins_pcpvt_small": ("norm", 7),
    "vgg11": ("features", 7),
    "vit_base_patch16_siglip_224": ("norm", 14),
    "vit_small_patch14_reg4_dinov2": ("blocks.11.norm1", 37),
    "vit_tiny_patch16_224": ("blocks.11.norm1", 14),
    "xcit_nano_12_p16_224": ("cls_attn_blocks.1.norm1", 14),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer_and_grid_are_found(name: str) -> None:
    layer, side = LAYERS[name]
    torch.manual_seed(0)
    model = timm.create_model(name, pretrained=False)
    candidates = CAM(model).candidates(torch.rand(1, *model.pretrained_cfg["input_size"]))
    assert candidates.choice == layer, candidates
    assert candidates.chosen is not None
    assert candidates.chosen.grid == (side, side)


def vit() -> nn.Module:
    return timm.create_model("vit_tiny_patch16_224", img_size=(48, 80), depth=2)  # type: ignore[no-any-return]


def dinov2() -> nn.Module:
    return timm.create_model("vit_small_patch14_reg4_dinov2", img_size=(42, 70), depth=2, num_classes=5)  # type: ignore[no-any-return]


def swin() -> nn.Module:
    return timm.create_model("swin_tiny_patch4_window7_224", img_size=(96, 160), depths=(1, 1, 1, 1))  # type: ignore[no-any-return]


def tokens_to_grid(tokens: Tensor) -> Tensor:
    return tokens[:, -15:].reshape(len(tokens), 3, 5, -1).permute(0, 3, 1, 2)


def last_to_first(tensor: Tensor) -> Tensor:
    return tensor.permute(0, 3, 1, 2)


@pytest.mark.parametrize(
    ("make", "size", "reshape"),
    [(vit, (48, 80), tokens_to_grid), (dinov2, (42, 70), tokens_to_grid), (swin, (96, 160), last_to_first)],
)
def test_maps_of_transformers_equal_grad_cams(make: object, size: tuple[int, int], reshape: object) -> None:
    assert callable(make)
    torch.manual_seed(0)
    model, images = make().eval(), torch.randn(2, 3, *size)
    nn.init.normal_(model.get_classifier().weight)
    for name, parameter in model.named_parameters():
        if name.endswith("gamma"):
            nn.init.ones_(parameter)
    cam = CAM(model)
    result = cam(images, 3)
    (layer,) = cam.layers or ()

    with GradCAM(model, [model.get_submodule(layer)], reshape_transform=reshape) as peer:
        masks = peer(images, [ClassifierOutputTarget(3)] * 2)

    maps = result.maps["grad_cam", layer]
    assert maps.shape == (2, 3, 5)
    assert float(maps.std()) > 1e-3
    np.testing.assert_allclose(result.masks().numpy(), masks, atol=1e-4)


@pytest.mark.parametrize(("make", "size"), [(vit, (48, 80)), (dinov2, (42, 70))])
def test_legrad_is_the_same_for_fused_attention_and_written_out(make: object, size: tuple[int, int]) -> None:
    assert callable(make)
    torch.manual_seed(0)
    model, images = make().eval(), torch.randn(2, 3, *size)
    nn.init.normal_(model.get_classifier().weight)
    found: list[Tensor] = []
    for is_fused in (True, False):
        for block in model.blocks:
            block.attn.fused_attn = is_fused
        found.append(CAM(model, methods="legrad")(images, 3).maps["legrad", "attention"])
    assert found[0].shape == (2, 3, 5)
    assert float(found[0].std()) > 1e-5
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-7)
