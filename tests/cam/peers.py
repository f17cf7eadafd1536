"""grad-cam as an oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from tests.cam.networks import out_of_place


def peer_masks(
    peer: Any, model: nn.Module, layers: list[str], inputs: Tensor, classes: list[int], **smoothing: bool
) -> np.ndarray:
    """Return grad-cam's masks ``(N, H, W)``, of a copy of the model that changes nothing in place."""
    model = out_of_place(model)
    with peer(model=model, target_layers=[model.get_submodule(layer) for layer in layers]) as cam:
        masks: np.ndarray = cam(inputs.clone(), [ClassifierOutputTarget(index) for index in classes], **smoothing)
    return masks
