"""Which method a network is recommended."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tensorboard_plugin_gradcam import recommend

IMAGES = torch.rand(9, 3, 16, 16, generator=torch.Generator().manual_seed(1))


class Spots(nn.Module):
    """Sees one channel's brightness as its class, and a loud fourth map that no class looks at."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 1, bias=False)
        self.pool = nn.AvgPool2d(2)
        self.head = nn.Linear(4, 3, bias=False)
        with torch.no_grad():
            self.layer.weight.copy_(torch.cat([torch.eye(3), torch.full((1, 3), 20.0)])[..., None, None])
            self.head.weight.copy_(torch.cat([torch.eye(3), torch.zeros(3, 1)], dim=1))

    def forward(self, x: Tensor) -> Tensor:
        return self.head((self.layer(self.pool(x)) - 0.5).relu().mean((2, 3)))


def spotted() -> Tensor:
    """Return pictures with a spot of their class' colour, and a white noise elsewhere of which none is seen most."""
    images = IMAGES * 0.3
    for number in range(len(images)):
        images[number, number % 3, 2 * (number // 3) : 2 * (number // 3) + 5, 3:9] += 1.5
    return images


def test_the_table_ranks_methods_and_names_what_to_log(capsys: pytest.CaptureFixture[str]) -> None:
    model = Spots().train()
    found = recommend(model, spotted(), layers="layer", methods=["grad_cam", "eigen_cam"])
    assert model.training
    assert found.rows[-1].method == "random_cam"
    assert {row.method for row in found.rows} == {"grad_cam", "eigen_cam", "random_cam"}
    assert found.chosen is not None
    assert found.chosen.method == "grad_cam"
    printed = capsys.readouterr().out
    assert printed == f"{found}\n"
    assert found.call in printed
    assert "Over 9 pictures. = marks what can't be told apart" in printed
    assert all(row.gain.low <= row.gain.mean <= row.gain.high for row in found.rows)
    assert all(row.cost > 0 for row in found.rows)


def test_without_layers_the_found_one_and_a_finer_one_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
    ).eval()  # fmt: skip
    found = recommend(model, IMAGES[:3], methods="grad_cam", verbose=False)
    assert len({row.layer for row in found.rows}) == 2
    assert capsys.readouterr().out == ""
    assert "3 pictures tell little" in str(found)
    assert "compare methods at one layer first" in str(found)


def test_where_nothing_is_better_than_random_maps_nothing_is_chosen() -> None:
    found = recommend(Spots().eval(), spotted(), layers="layer", methods="random_cam", verbose=False)
    assert found.chosen is None
    assert found.call == ""
    assert "No method is better than random maps" in str(found)
    assert np.isfinite(found.rows[0].gain.mean)


def test_what_has_no_gain_is_told() -> None:
    with pytest.raises(ValueError, match="at least 2 steps, got 1"):
        recommend(Spots().eval(), spotted(), layers="layer", steps=1)
    with pytest.raises(TypeError):
        recommend("resnet", spotted())  # type: ignore[arg-type]
