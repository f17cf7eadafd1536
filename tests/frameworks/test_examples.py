"""docs/frameworks.md: its code runs as it stands, and TensorBoard's own readers find what it logged."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.tensorboard import SummaryWriter

from tensorboard_plugin_gradcam import read_gradcam
from tests.frameworks.torch_models import NAMES, NORMALIZE, SmallNet, photographs

pytestmark = pytest.mark.slow

PAGE = Path(__file__).resolve().parents[2] / "docs" / "frameworks.md"
SECTIONS = dict(re.findall(r"^## (.+?)\n(?:(?!^## ).)*?```python\n(.*?)```", PAGE.read_text(), re.M | re.S))
Scope = dict[str, Any]


def scope_of(log_dir: Path) -> Scope:
    torch.manual_seed(0)
    pixels, labels = photographs()
    model = SmallNet()
    inputs = NORMALIZE(pixels)
    return {
        "log_dir": str(log_dir),
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), 0.1),
        "criterion": nn.CrossEntropyLoss(),
        "names": NAMES,
        "normalize": NORMALIZE,
        "images": inputs[:4],
        "labels": labels[:4],
        "train_loader": DataLoader(TensorDataset(inputs, labels), batch_size=4),
        "val_loader": DataLoader(TensorDataset(inputs, labels), batch_size=4),
    }


def plain_pytorch(scope: Scope) -> None:
    def train_step() -> None:
        scope["criterion"](scope["model"](scope["images"]), scope["labels"]).backward()
        scope["optimizer"].step()

    scope |= {"train_step": train_step, "writer": SummaryWriter(scope["log_dir"])}


def lightning(scope: Scope) -> None:
    from tests.frameworks.lightning_module import Classifier

    scope["module"] = Classifier(scope["model"])


def trainer(scope: Scope) -> None:
    from tests.frameworks.hugging_face import Dataset, image_processor, vit

    scope |= {"model": vit(), "image_processor": image_processor(), "output_dir": scope["log_dir"]}
    scope["dataset"] = Dataset(scope["image_processor"])


def fastai(scope: Scope) -> None:
    from fastai.data.load import DataLoader

    for name in ("train_loader", "val_loader"):
        scope[name] = DataLoader(scope[name].dataset, bs=4)


def nothing(scope: Scope) -> None: ...


EXAMPLES: dict[str, tuple[str, Callable[[Scope], None], list[int], int]] = {
    "Plain PyTorch": ("torch", plain_pytorch, [0, 1, 2], 4),
    "Lightning": ("lightning", lightning, [2, 4], 4),
    "Ignite": ("ignite", nothing, [2, 4], 4),
    "fastai": ("fastai", fastai, [0, 2, 4], 4),
    "Hugging Face Trainer": ("transformers", trainer, [0, 1, 2], 8),
    "Accelerate": ("accelerate", nothing, [0, 1], 4),
}


def test_every_section_with_code_is_run() -> None:
    assert set(SECTIONS) - {"Keras", "Notebooks"} == set(EXAMPLES)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("section", EXAMPLES)
def test_the_example_logs_maps_pictures_and_names(
    section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, prepare, steps, count = EXAMPLES[section]
    pytest.importorskip(library)
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    scope = scope_of(tmp_path)
    prepare(scope)
    exec(compile(SECTIONS[section], f"{PAGE}: {section}", "exec"), scope)
    log = read_gradcam(tmp_path)
    assert log.problems == ()
    (series,) = log.maps.values()
    assert series.tag == "validation"
    assert series.steps.tolist() == steps
    maps = series.array()
    assert len({sample.image for sample in series.samples}) == count  # of one whose label is another class, two maps
    assert len(maps) == len(steps)
    assert np.nanmin(np.ptp(maps.reshape(*maps.shape[:2], -1), axis=2)) > 0
    assert np.nanmax(np.abs(maps[0] - maps[-1])) > 0, "the model was trained between the steps"
    cohort = series.moments[-1].cohort
    assert cohort is not None
    assert cohort.class_names == NAMES
    pixels, labels = photographs()
    assert [sample.label for sample in cohort.samples] == labels[:count].tolist()
    for sample, expected in zip(cohort.samples, pixels, strict=False):
        shown = log.image(series.run, sample.image)
        np.testing.assert_allclose(shown, (255 * expected.permute(1, 2, 0)).round().numpy(), atol=1)


def test_the_notebooks_example_makes_pictures(tmp_path: Path) -> None:
    scope = scope_of(tmp_path)
    scope["photo"] = (255 * photographs()[0][0].permute(1, 2, 0)).byte().numpy()
    exec(compile(SECTIONS["Notebooks"], f"{PAGE}: Notebooks", "exec"), scope)
    for name in ("sheet", "picture"):
        assert scope[name]._repr_png_().startswith(b"\x89PNG")
