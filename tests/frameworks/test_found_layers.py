"""What is found, by measuring, in networks of Hugging Face, MONAI, segmentation-models-pytorch and torchvision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models import detection, segmentation, video

from tensorboard_plugin_gradcam import CAM

transformers = pytest.importorskip("transformers")
smp = pytest.importorskip("segmentation_models_pytorch")
nets = pytest.importorskip("monai.networks.nets")
pytestmark = pytest.mark.slow

Found = tuple[Callable[[], nn.Module], Any, str, tuple[int, ...]]

SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 48}
VISION = SIZES | {"image_size": 64, "patch_size": 16}
TEXT = SIZES | {
    "vocab_size": 99,
    "max_position_embeddings": 20,
    "eos_token_id": 98,
    "bos_token_id": 97,
    "pad_token_id": 1,
}
FRAMES = VISION | {"image_size": 32, "num_frames": 8, "num_labels": 5}
BACKBONE = {
    "embedding_size": 8,
    "hidden_sizes": [8, 16],
    "depths": [1, 1],
    "layer_type": "basic",
    "out_features": ["stage2"],
}
DETR = {
    "use_timm_backbone": False, "use_pretrained_backbone": False, "backbone": None, "d_model": 32, "encoder_layers": 2,
    "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32, "num_queries": 16, "num_labels": 5,
}  # fmt: skip
PYRAMID = {
    "num_encoder_blocks": 4, "depths": [1] * 4, "hidden_sizes": [8, 16, 16, 32], "sr_ratios": [8, 4, 2, 1],
    "num_attention_heads": [1, 1, 2, 2], "mlp_ratios": [2] * 4, "decoder_hidden_size": 16, "num_labels": 5,
}  # fmt: skip
DPT = VISION | {
    "num_hidden_layers": 4, "backbone_out_indices": [0, 1, 2, 3], "neck_hidden_sizes": [8, 8, 16, 16],
    "fusion_hidden_size": 16, "num_labels": 5,
}  # fmt: skip
AUDIO = SIZES | {
    "patch_size": 16, "max_length": 96, "num_mel_bins": 32, "frequency_stride": 16, "time_stride": 16, "num_labels": 5,
}  # fmt: skip

PICTURE, WIDE = torch.Size((1, 3, 64, 64)), torch.Size((1, 3, 96, 128))
VOLUME, CLIP = torch.Size((1, 1, 32, 48, 40)), torch.Size((1, 3, 8, 64, 64))


def face(kind: str, task: str = "ForImageClassification", **config: Any) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        model: nn.Module = getattr(transformers, kind + task)(getattr(transformers, f"{kind}Config")(**config))
        return model

    return make


def words(**more: Any) -> Any:
    ids = torch.randint(2, 90, (3, 9))
    ids[:, -1] = 98
    return {"input_ids": ids, "pixel_values": torch.rand(PICTURE), **more}


def detector(name: str, **options: Any) -> Callable[[], nn.Module]:
    return lambda: getattr(detection, name)(weights=None, weights_backbone=None, num_classes=5, **options)


SMALL = {"min_size": 128, "max_size": 400}
ANY_BOX = {"score_thresh": 0.0, "detections_per_img": 3}

NETWORKS: dict[str, Found] = {
    # Hugging Face: what reads the patches differs, names don't matter.
    "ViTMSN": (face("ViTMSN", **VISION), PICTURE, "vit.layers.2.layernorm_before", (4, 4)),
    "I-JEPA": (face("IJepa", **VISION), PICTURE, "ijepa.layernorm", (4, 4)),
    "Data2Vec": (face("Data2VecVision", **VISION), PICTURE, "data2vec_vision", (4, 4)),
    "PoolFormer": (face("PoolFormer", hidden_sizes=[8, 16, 16, 16], depths=[1] * 4), PICTURE, "norm", (2, 2)),
    "FocalNet": (
        face("FocalNet", image_size=64, embed_dim=16, depths=[1, 1], focal_levels=[2, 2], focal_windows=[3, 3]),
        PICTURE, "focalnet.layernorm", (8, 8),
    ),
    "SwiftFormer": (face("SwiftFormer", embed_dims=[8, 16, 24, 32], depths=[1] * 4), PICTURE, "norm", (2, 2)),
    "BiT": (
        face("Bit", embedding_size=16, hidden_sizes=[16, 32], depths=[1, 1], num_groups=4), PICTURE, "bit.norm", (8, 8)
    ),
    "MobileNet": (face("MobileNetV1", depth_multiplier=0.25), PICTURE, "mobilenet_v1.layer.25", (2, 2)),
    "CLIP": (
        face("CLIP", "Model", text_config=TEXT, vision_config=VISION), words,
        "vision_model.encoder.layers.2.layer_norm1", (4, 4),
    ),
    "CLIP's mean": (
        face("CLIP", vision_config=VISION, text_config=TEXT), PICTURE, "vision_model.encoder.layers.2", (4, 4)
    ),
    "SigLIP": (
        face("Siglip", "Model", text_config=TEXT, vision_config=VISION), words, "vision_model.post_layernorm", (4, 4)
    ),
    "OWL-ViT": (
        face(
            "OwlViT", "ForObjectDetection", text_config=TEXT | {"max_position_embeddings": 9}, vision_config=VISION,
            projection_dim=32,
        ),
        words, "layer_norm", (4, 4),
    ),
    "YOLOS": (
        face("Yolos", "ForObjectDetection", **VISION | {"image_size": [64, 96]}), torch.Size((1, 3, 64, 96)),
        "vit.encoder.layer.2.layernorm_before", (4, 6),
    ),
    "DETR": (
        lambda: transformers.DetrForObjectDetection(
            transformers.DetrConfig(backbone_config=transformers.ResNetConfig(**BACKBONE), **DETR)
        ),
        PICTURE, "model.encoder.layers.1", (8, 8),
    ),
    "Conditional DETR": (
        lambda: transformers.ConditionalDetrForObjectDetection(
            transformers.ConditionalDetrConfig(backbone_config=transformers.ResNetConfig(**BACKBONE), **DETR)
        ),
        PICTURE, "model.encoder.layers.1", (8, 8),
    ),
    "SegFormer": (face("Segformer", "ForSemanticSegmentation", **PYRAMID), PICTURE, "segformer.stages.3", (2, 2)),
    "DPT": (
        face("DPT", "ForSemanticSegmentation", **DPT), PICTURE, "neck.fusion_stage.layers.0.residual_layer2", (2, 2)
    ),
    "VideoMAE": (
        face("VideoMAE", "ForVideoClassification", **FRAMES, tubelet_size=2), torch.Size((1, 8, 3, 32, 32)),
        "videomae.encoder.layer.2", (4, 2, 2),
    ),
    "ViViT": (
        face("Vivit", "ForVideoClassification", **{**FRAMES, "tubelet_size": [2, 16, 16]}),
        torch.Size((1, 8, 3, 32, 32)), "vivit.layers.2.layernorm_before", (4, 2, 2),
    ),
    "TimeSformer": (
        face("Timesformer", "ForVideoClassification", **FRAMES | {"num_frames": 4}), torch.Size((1, 4, 3, 32, 32)),
        "timesformer.encoder.layer.1", (4, 2, 2),
    ),
    "AST": (
        face("AST", "ForAudioClassification", **AUDIO), torch.Size((1, 96, 32)),
        "audio_spectrogram_transformer.layers.2.layernorm_before", (6, 2),
    ),
    "Whisper": (
        face(
            "Whisper", "ForAudioClassification", d_model=32, encoder_layers=2, encoder_attention_heads=2,
            num_mel_bins=20, encoder_ffn_dim=48, max_source_positions=50, decoder_layers=1, vocab_size=99,
            pad_token_id=1, bos_token_id=2, eos_token_id=3, decoder_start_token_id=4, classifier_proj_size=16,
            begin_suppress_tokens=None,
        ),
        torch.Size((1, 20, 100)), "projector", (50,),
    ),
    # Segmentation networks: the end of the encoder, but for pyramids of pooling.
    **{
        f"smp {kind}": (lambda kind=kind: getattr(smp, kind)("resnet18", encoder_weights=None), WIDE, layer, grid)
        for kind, layer, grid in (
            ("Unet", "encoder.layer4", (3, 4)), ("UnetPlusPlus", "encoder.layer4", (3, 4)),
            ("Linknet", "encoder.layer4", (3, 4)), ("FPN", "encoder.layer4", (3, 4)),
            ("PSPNet", "decoder", (12, 16)), ("DeepLabV3", "encoder.layer4", (12, 16)),
            ("DeepLabV3Plus", "encoder.layer4", (6, 8)), ("MAnet", "decoder.blocks.0.hl_conv.0", (3, 4)),
            ("UPerNet", "decoder.feature_norms.3", (3, 4)), ("Segformer", "encoder.layer4", (3, 4)),
        )
    },
    "FCN": (
        lambda: segmentation.fcn_resnet50(weights=None, weights_backbone=None, aux_loss=True), WIDE, "backbone.layer4",
        (12, 16),
    ),
    "DeepLab": (
        lambda: segmentation.deeplabv3_resnet50(weights=None, weights_backbone=None), WIDE, "backbone.layer4", (12, 16)
    ),
    "LR-ASPP": (
        lambda: segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None), WIDE, "backbone.16", (6, 8)
    ),
    "MONAI UNet": (lambda: nets.UNet(3, 1, 3, (8, 16, 32), (2, 2)), VOLUME, "model.1.submodule.1", (8, 12, 10)),
    "MONAI BasicUNet": (
        lambda: nets.BasicUNet(3, 1, 3, features=(8, 8, 16, 16, 32, 8)), VOLUME, "down_4", (2, 3, 2)
    ),
    "MONAI SegResNet": (lambda: nets.SegResNet(3, 8, 1, 3), VOLUME, "down_layers.3", (4, 6, 5)),
    "MONAI VNet": (lambda: nets.VNet(3, 1, 3), torch.Size((1, 1, 32, 32, 32)), "down_tr256", (2, 2, 2)),
    "MONAI DynUNet": (
        lambda: nets.DynUNet(3, 1, 3, [3, 3, 3], [1, 2, 2], [2, 2]), VOLUME, "bottleneck", (8, 12, 10)
    ),
    "MONAI autoencoder": (lambda: nets.AutoEncoder(2, 3, 3, (8, 16), (2, 2)), WIDE, "encode", (24, 32)),
    "MONAI DenseNet": (
        lambda: nets.DenseNet(3, 1, 4, init_features=8, growth_rate=4, block_config=(2, 2, 2)), VOLUME, "features",
        (2, 3, 2),
    ),
    "MONAI ResNet": (
        lambda: nets.resnet10(spatial_dims=3, n_input_channels=1, num_classes=4), VOLUME, "layer4", (2, 3, 3)
    ),
    "MONAI SENet": (lambda: nets.SEResNet50(spatial_dims=2, in_channels=3, num_classes=4), WIDE, "layer4", (3, 4)),
    "MONAI EfficientNet": (
        lambda: nets.EfficientNetBN("efficientnet-b0", pretrained=False, spatial_dims=2), WIDE, "_bn1", (3, 4)
    ),
    "MONAI Classifier": (
        lambda: nets.Classifier((1, 32, 32), 4, (4, 8), (2, 2)), torch.Size((1, 1, 32, 32)), "net", (8, 8)
    ),
    # Detectors, those that detect nothing yet as well.
    "Faster R-CNN": (
        detector("fasterrcnn_resnet50_fpn", **SMALL, box_score_thresh=0.0, box_detections_per_img=3), list,
        "backbone.body.layer4", (4, 6),
    ),
    "Faster R-CNN, nothing detected": (
        detector("fasterrcnn_resnet50_fpn", **SMALL, box_score_thresh=0.9), list, "backbone.body.layer4", (4, 6)
    ),
    "RetinaNet": (detector("retinanet_resnet50_fpn", **SMALL, **ANY_BOX), list, "backbone.body.layer4", (4, 6)),
    "FCOS": (detector("fcos_resnet50_fpn", **SMALL, **ANY_BOX), list, "backbone.body.layer4", (4, 6)),
    "SSD": (detector("ssd300_vgg16", **ANY_BOX), list, "backbone.extra.1", (10, 10)),
    # Videos.
    "R3D": (lambda: video.r3d_18(num_classes=5), CLIP, "layer4", (1, 4, 4)),
    "Video Swin": (lambda: video.swin3d_t(num_classes=5), CLIP, "norm", (4, 2, 2)),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_the_layer_and_its_cells_are_found(name: str) -> None:
    make, inputs, layer, grid = NETWORKS[name]
    torch.manual_seed(0)
    model = make()
    if isinstance(inputs, torch.Size):
        given: Any = torch.rand(inputs)
    else:
        given = [torch.rand(3, 120, 160)] if inputs is list else inputs()
    candidates = CAM(model).candidates(given)
    assert candidates.choice == layer, candidates
    assert candidates.chosen is not None
    assert candidates.chosen.grid == grid, candidates
