"""A training with maps at every step ends in the same bits as one without."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tensorboard_plugin_gradcam import CAM


def trained(explains: bool, autocast: bool, accumulate: int) -> list[Tensor]:
    """Train a network with BatchNorm, dropout and a frozen layer; return weights, buffers and the optimizer's state."""
    torch.manual_seed(3)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.Dropout2d(0.3), nn.Conv2d(8, 8, 3),
        nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(8, 4),
    )  # fmt: skip
    model[0].requires_grad_(False)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    fixed = torch.rand(4, 3, 12, 12)
    for step in range(6):
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            if explains:
                CAM(model)(fixed)  # inside autocast, before the training's own pass
            inputs, labels = torch.rand(8, 3, 12, 12), torch.randint(4, (8,))
            loss = nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()
        if explains:
            CAM(model)(fixed)
        if step % accumulate == accumulate - 1:
            optimizer.step()
            optimizer.zero_grad()
    state: dict[int, dict[str, Any]] = optimizer.state_dict()["state"]
    return [*model.state_dict().values(), *(value for slot in state.values() for value in slot.values())]


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("accumulate", [1, 3])
def test_weights_and_optimizer_are_bit_identical(autocast: bool, accumulate: int) -> None:
    plain, explained = (trained(explains, autocast, accumulate) for explains in (False, True))
    assert len(plain) == len(explained) > 12
    assert all(torch.equal(one, other) for one, other in zip(plain, explained, strict=True))
