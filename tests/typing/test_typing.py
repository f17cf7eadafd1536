"""A strict type checker finds people's mistakes, each at its line, and nothing in the documentation's examples."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyright")

ROOT = Path(__file__).resolve().parents[2]
MISTAKES = Path(__file__).with_name("mistakes.py")
RULES = {"reportArgumentType", "reportCallIssue", "reportAttributeAccessIssue"}
PAGES = ("docs/log.md", "docs/byo-maps.md", "docs/targets.md", "docs/frameworks.md")
FRAMEWORKS = (
    "lightning", "ignite", "transformers", "fastai", "accelerate", "keras", "pytorch_grad_cam", "captum", "torchcam",
    "sklearn",
)  # fmt: skip

GIVEN = """
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter


def example(
    model: nn.Module, inputs: Tensor, images: Tensor, labels: Tensor, names: list[str], step: int,
    normalize: Callable[[Tensor], Tensor], loader: "DataLoader[tuple[Tensor, Tensor]]", writer: SummaryWriter,
    log_dir: str, pixels: NDArray[np.uint8], photo: NDArray[np.uint8], classes: list[int], mean: list[float],
    std: list[float], train: Callable[[Tensor, Tensor], None], val_loader: "DataLoader[tuple[Tensor, Tensor]]",
    predict: Callable[[NDArray[np.uint8]], NDArray[np.float32]], train_step: Callable[[], None],
) -> None:
"""


def problems(folder: Path) -> list[dict[str, Any]]:
    """Return what pyright finds in the files of a folder, in its strict mode."""
    options = {
        "include": ["."],
        "extraPaths": [str(ROOT)],
        "typeCheckingMode": "strict",
        "reportUnusedVariable": False,
        "reportUnusedImport": False,
        "reportMissingTypeStubs": False,
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(options))
    command = [sys.executable, "-m", "pyright", "-p", str(folder), "--pythonpath", sys.executable, "--outputjson"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found: list[dict[str, Any]] = json.loads(done.stdout)["generalDiagnostics"]
    return [problem for problem in found if problem["severity"] == "error"]


def test_each_mistake_is_found_at_its_line(tmp_path: Path) -> None:
    shutil.copy(MISTAKES, tmp_path)
    expected = {line for line, text in enumerate(MISTAKES.read_text().splitlines()) if text.endswith("# mistake")}
    found = problems(tmp_path)
    assert {problem["range"]["start"]["line"] for problem in found if problem.get("rule") in RULES} >= expected
    assert {problem["range"]["start"]["line"] for problem in found} == expected


def test_nothing_is_found_in_the_documentations_examples(tmp_path: Path) -> None:
    count = 0
    for number, page in enumerate(PAGES):
        blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.S)
        shown = [block for block in blocks if not any(word in block for word in FRAMEWORKS)]
        lines = [line for block in shown for line in block.splitlines()]
        body = "".join(f"    {line}\n" if line else "\n" for line in lines)
        (tmp_path / f"page_{number}.py").write_text(GIVEN + body)
        count += len(shown)
    assert count > 5
    assert [(problem["file"][-9:], problem["message"]) for problem in problems(tmp_path)] == []
