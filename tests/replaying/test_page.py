"""The commands of docs/replay.md run as they stand there, on a small model of that name."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tensorboard_plugin_gradcam import read_gradcam
from tensorboard_plugin_gradcam.cli import main
from tests.replaying.saved import save_epochs

PAGE = Path(__file__).resolve().parents[2] / "docs" / "replay.md"
MODELS = "from tests.replaying.saved import network as build\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "models.py").write_text(MODELS)
    save_epochs(tmp_path / "runs" / "dogs" / "checkpoints", 2)
    for at, name in enumerate(("cat", "dog")):
        (tmp_path / "data" / "val" / name).mkdir(parents=True)
        Image.fromarray(np.full((48, 48, 3), 90 * at, np.uint8)).save(tmp_path / "data" / "val" / name / "1.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def commands():
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    return [line for block in blocks for line in block.splitlines() if line.startswith("tensorboard-gradcam")]


def test_the_pages_commands_run(project, capsys):
    for command in commands():
        assert main(shlex.split(command)[1:]) == 0, command
    for run in ("replay", "shared", "proof"):
        (series,) = read_gradcam(project / "runs" / "dogs" / run).maps.values()
        assert series.steps.tolist() == [0, 1]
    assert "2 checkpoints at steps 0 to 1, weights: model" in capsys.readouterr().out


def test_what_is_left_out_is_said_in_a_line_and_by_the_exit_code(project, capsys):
    (project / "runs" / "dogs" / "checkpoints" / "model_7.pth").write_bytes(b"broken")
    assert main(shlex.split(commands()[0])[1:]) == 1
    assert re.search(r"left out: .*model_7\.pth: it is damaged or not a checkpoint", capsys.readouterr().out)


def test_a_model_that_is_none_is_said_in_one_line(project, capsys):
    assert main(["replay", "my_package.models:other", "runs/dogs/checkpoints", "data/val", "-o", "log"]) == 2
    assert capsys.readouterr().err.strip().endswith("my_package.models has no other")
