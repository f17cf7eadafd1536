"""docs/byo-maps.md: its code runs as it stands, and what it logs is what the libraries computed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.utils.tensorboard import SummaryWriter
from torchvision.models import resnet18

from tensorboard_plugin_gradcam import read_gradcam
from tensorboard_plugin_gradcam.writer.averaging import area_averaged

PAGE = Path(__file__).resolve().parents[2] / "docs" / "byo-maps.md"
SECTIONS = dict(re.findall(r"^## (.+?)\n.*?```python\n(.*?)```", PAGE.read_text(), re.M | re.S))


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    return torch.randint(0, 256, (2, 3, 96, 96), generator=torch.Generator().manual_seed(2))


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return resnet18(num_classes=5).eval()


def test_the_page_has_an_example_for_each_library() -> None:
    assert set(SECTIONS) == {
        "grad-cam", "captum", "torchcam", "Any NumPy array", "Samples that you log repeatedly"
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("section", SECTIONS)
def test_the_examples_log_what_the_libraries_computed(
    section: str, model: torch.nn.Module, pixels: torch.Tensor, tmp_path: Path
) -> None:
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    inputs = (pixels / 255 - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    scope: dict[str, Any] = {"model": model, "inputs": inputs, "mean": mean, "std": std, "classes": [1, 3], "step": 2}
    scope["pixels"] = pixels.permute(0, 2, 3, 1).byte().numpy()

    @torch.no_grad()
    def predict(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        normalized = (images.astype(np.float32) / 255 - mean) / std
        return model(torch.tensor(normalized.transpose(0, 3, 1, 2), dtype=torch.float32)).numpy()

    scope["predict"] = predict
    with SummaryWriter(str(tmp_path)) as scope["writer"]:
        exec(compile(SECTIONS[section], f"{PAGE}: {section}", "exec"), scope)
    log = read_gradcam(tmp_path)
    for (_, tag, _, _), series in log.maps.items():
        raw = scope["maps"]
        if series.kind != "positive":
            signed = scope.get("signed", raw)
            raw = signed if series.kind == "signed" else scope["attributions"].permute(0, 2, 3, 1)
        raw = np.asarray(raw.detach() if isinstance(raw, torch.Tensor) else raw, dtype=np.float32)
        raw = raw[:, 0] if raw.ndim == 4 and raw.shape[1] == 1 else raw
        expected = area_averaged(raw, 64, (1, 2))
        span = np.ptp(expected.reshape(2, -1), axis=1).reshape(2, *[1] * (expected.ndim - 1))
        assert (span > 0).all(), tag
        assert (np.abs(series.array()[-1] - expected) <= span / 500).all(), tag
        cohort = series.moments[-1].cohort
        assert cohort is not None
        shown = [log.image(".", sample.image) for sample in cohort.samples]
        np.testing.assert_array_equal(shown, pixels.permute(0, 2, 3, 1))
    kinds = {"captum": {"positive", "signed", "rgb"}, "Any NumPy array": {"signed"}}
    assert {series.kind for series in log.maps.values()} == kinds.get(section, {"positive"})
