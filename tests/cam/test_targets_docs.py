"""docs/targets.md: its code runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torchvision.models import resnet18

PAGE = Path(__file__).resolve().parents[2] / "docs" / "targets.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)


def test_the_examples_explain_what_they_say() -> None:
    torch.manual_seed(0)
    scope: dict[str, Any] = {"model": resnet18(num_classes=8), "inputs": torch.rand(2, 3, 64, 64)}
    names = []
    for position, block in enumerate(BLOCKS):
        exec(compile(block, f"{PAGE}: {position}", "exec"), scope)
        names.append(scope["result"].names)
    assert len(names[0]) == 2
    assert names[1] == ("class 15 in a mask",) * 2
    assert names[2][0].endswith("in box 2")
    assert scope["masks"].shape == (2, 120, 160)
