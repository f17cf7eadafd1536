"""The layer that is chosen for each kind of model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn
from torchvision.models import convnext, swin_transformer

from tensorboard_plugin_gradcam import CAM

# Each classification family of torchvision, and the layer that is found for its members.
LAYERS = {
    "alexnet": "features",
    "convnext": "features",
    "densenet": "features",
    "efficientnet": "features",
    "googlenet": "inception5b",
    "inception": "Mixed_7c",
    "maxvit": "blocks.3",
    "mnasnet": "layers",
    "mobilenet": "features",
    "regnet": "trunk_output",
    "resnet": "layer4",
    "resnext": "layer4",
    "shufflenet": "conv5",
    "squeezenet": "features",
    "swin": "norm",
    "vgg": "features",
    "vit_b": "encoder.layers.encoder_layer_11.ln_1",
    "vit_h": "encoder.layers.encoder_layer_31.ln_1",
    "vit_l": "encoder.layers.encoder_layer_23.ln_1",
    "wide": "layer4",
}
SMALL = """
    alexnet convnext_tiny densenet121 efficientnet_b0 googlenet inception_v3 maxvit_t mnasnet0_5 mobilenet_v2
    mobilenet_v3_small regnet_x_400mf regnet_y_400mf resnet18 resnext50_32x4d shufflenet_v2_x0_5 squeezenet1_1 swin_t
    swin_v2_t vgg11_bn vit_b_32 wide_resnet50_2
""".split()  # noqa: SIM905
EVERY = torchvision.models.list_models(module=torchvision.models)


def network(name: str) -> tuple[nn.Module, Tensor]:
    """A model with random weights, and an image that is as small as it takes."""
    options: dict[str, Any] = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    side = 224 if name.startswith(("vit", "maxvit")) else 96
    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None, **options)
    if name == "vit_h_14":
        model.image_size = 224
    return model, torch.rand(1, 3, side, side if side == 224 else 128)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in SMALL else pytest.mark.slow) for name in EVERY]
)
def test_the_layer_is_found_for_each_family_of_torchvision(name: str) -> None:
    (family,) = [family for family in LAYERS if name.startswith(family)]
    model, images = network(name)
    candidates = CAM(model).candidates(images)
    assert candidates.choice == LAYERS[family], candidates


def small_vit() -> nn.Module:
    return torchvision.models.VisionTransformer(
        image_size=64, patch_size=16, num_layers=3, num_heads=2, hidden_dim=32, mlp_dim=48, num_classes=10
    )


def small_swin(block: type[nn.Module], merging: type[nn.Module]) -> nn.Module:
    return torchvision.models.SwinTransformer(
        patch_size=[4, 4], embed_dim=16, depths=[2, 2], num_heads=[2, 2], window_size=[4, 4], num_classes=10,
        block=block, downsample_layer=merging,
    )  # fmt: skip


def small_maxvit() -> nn.Module:
    return torchvision.models.MaxVit(
        input_size=(64, 64), stem_channels=8, partition_size=4, block_channels=[16, 32], block_layers=[1, 1],
        head_dim=8, stochastic_depth_prob=0.0, num_classes=10,
    )  # fmt: skip


def small_convnext() -> nn.Module:
    setting = [convnext.CNBlockConfig(16, 32, 1), convnext.CNBlockConfig(32, None, 2)]
    return torchvision.models.ConvNeXt(setting, num_classes=10, layer_scale=1.0)


def tokens_to_grid(tokens: Tensor) -> Tensor:
    """The reshape_transform of grad-cam's tutorial on vision transformers."""
    return tokens[:, 1:].reshape(len(tokens), 4, 4, -1).permute(0, 3, 1, 2)


def last_to_first(tensor: Tensor) -> Tensor:
    return tensor.permute(0, 3, 1, 2)


TRANSFORMERS: dict[str, tuple[Callable[[], nn.Module], str, Callable[[Tensor], Tensor] | None, tuple[int, int]]] = {
    "ViT": (small_vit, "encoder.layers.encoder_layer_2.ln_1", tokens_to_grid, (64, 64)),
    "Swin": (
        lambda: small_swin(swin_transformer.SwinTransformerBlock, swin_transformer.PatchMerging),
        "norm", last_to_first, (64, 96),
    ),
    "Swin v2": (
        lambda: small_swin(swin_transformer.SwinTransformerBlockV2, swin_transformer.PatchMergingV2),
        "norm", last_to_first, (64, 96),
    ),
    "MaxViT": (small_maxvit, "blocks.1", None, (64, 64)),
    "ConvNeXt": (small_convnext, "features", None, (64, 96)),
}  # fmt: skip


@pytest.mark.parametrize("family", TRANSFORMERS)
def test_layer_and_token_grid_are_found_and_maps_equal_grad_cams(family: str) -> None:
    make, layer, reshape, size = TRANSFORMERS[family]
    torch.manual_seed(0)
    model, images = make().eval(), torch.randn(2, 3, *size)
    classifier = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    nn.init.normal_(classifier.weight, std=50 if family == "MaxViT" else 1)  # a ViT's starts as zeros
    cam = CAM(model)
    result = cam(images, 3)

    with GradCAM(model, [model.get_submodule(layer)], reshape_transform=reshape) as peer:
        masks = peer(images, [ClassifierOutputTarget(3)] * 2)

    assert cam.layers == (layer,)
    maps = result.maps["grad_cam", layer]
    assert maps.shape[0] == 2
    assert float(maps.std()) > 1e-3
    assert np.abs(masks[0] - masks[1]).max() > 0.05, "the maps must differ between images, or equality proves little"
    np.testing.assert_allclose(result.masks().numpy(), masks, atol=1e-4)


class UNet(nn.Module):
    """Two steps down, two up, with skips, as people write it themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.inc, self.down1, self.down2 = (
            nn.Conv2d(3, 8, 3, padding=1),
            nn.Conv2d(8, 16, 2, 2),
            nn.Conv2d(16, 32, 2, 2),
        )
        self.up1, self.up2 = nn.ConvTranspose2d(32, 16, 2, 2), nn.ConvTranspose2d(32, 8, 2, 2)
        self.outc = nn.Conv2d(16, 4, 1)

    def forward(self, images: Tensor) -> Tensor:
        first = self.inc(images).relu()
        second = self.down1(first).relu()
        third = self.down2(second).relu()
        up = torch.cat([self.up1(third).relu(), second], 1)
        return self.outc(torch.cat([self.up2(up).relu(), first], 1))  # type: ignore[no-any-return]


def test_a_u_net_is_explained_at_its_bottom() -> None:
    cam = CAM(UNet())
    result = cam(torch.randn(2, 3, 32, 48), 3)
    assert cam.layers == ("down2",)
    assert result.maps["grad_cam", "down2"].shape == (2, 8, 12)
    assert result.masks().shape == (2, 32, 48)


@pytest.mark.parametrize("pool", ["class token", "mean", "attention"])
def test_a_transformer_without_a_class_token_is_explained_behind_its_last_block(pool: str) -> None:
    class AttentionPool(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.query, self.kv = nn.Parameter(torch.randn(1, 1, 16)), nn.Linear(16, 32)

        def forward(self, tokens: Tensor) -> Tensor:
            keys, values = self.kv(tokens).chunk(2, -1)
            return ((self.query @ keys.mT).softmax(-1) @ values)[:, 0]  # type: ignore[no-any-return]

    class Transformer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches, self.cls = nn.Conv2d(3, 16, 8, 8), nn.Parameter(torch.randn(1, 1, 16))
            self.norm1, self.attn = nn.LayerNorm(16), nn.MultiheadAttention(16, 2, batch_first=True)
            self.norm, self.pool, self.head = nn.LayerNorm(16), AttentionPool(), nn.Linear(16, 5)

        def forward(self, images: Tensor) -> Tensor:
            tokens = self.patches(images).flatten(2).mT
            if pool == "class token":
                tokens = torch.cat([self.cls.expand(len(tokens), -1, -1), tokens], 1)
            seen = self.norm1(tokens)
            tokens = self.norm(tokens + self.attn(seen, seen, seen)[0])
            pooled = {"class token": tokens[:, 0], "mean": tokens.mean(1)}
            return self.head(pooled[pool] if pool in pooled else self.pool(tokens))  # type: ignore[no-any-return]

    torch.manual_seed(0)
    cam = CAM(Transformer())
    (maps,) = cam(torch.randn(2, 3, 32, 48), 3).maps.values()
    assert cam.layers == ("norm1" if pool == "class token" else "norm",)
    assert maps.shape == (2, 4, 6)
    assert float(maps.std()) > 1e-3
