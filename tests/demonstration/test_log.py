"""The demo's log says what it is made to say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tensorboard_plugin_gradcam import read_gradcam
from tensorboard_plugin_gradcam.cli import main
from tensorboard_plugin_gradcam.demonstration import log as demo
from tensorboard_plugin_gradcam.findings import Finding

ROOT = Path(__file__).resolve().parents[2]


def findings_of(path: Path) -> list[Finding]:
    return [one for one in read_gradcam(path).findings() if one.kind.startswith("hot_spot")]


def test_the_shortcut_is_found_and_the_clean_run_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "STEPS", 40)
    monkeypatch.setattr(demo, "TRAINING", 60)
    path = demo.write_demo(tmp_path / "demo")
    found = findings_of(path)
    assert {one.run for one in found} == {"shortcut"}
    assert all(" at the upper left " in one.sentence() for one in found)
    with pytest.raises(FileExistsError, match="new or empty directory"):
        demo.write_demo(path)
    assert main(["demo", str(path), "--write-only"]) == 0  # it is there already


def test_it_needs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from tensorboard_plugin_gradcam.demonstration import log; log.STEPS = 0; log.TRAINING = 3; "
        "log.write_demo(sys.argv[1]); print('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "demo")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
