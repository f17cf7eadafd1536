"""The commands and the Python of docs/check.md, docs/export.md and docs/inspect.md do what the pages say."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
import torch
from torchvision.transforms.functional import to_pil_image

from tensorboard_plugin_gradcam.cli import main
from tensorboard_plugin_gradcam.demonstration import log as demo
from tests.replaying.saved import trained

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "STEPS", 60)
        patch.setattr(demo, "TRAINING", 90)
        return demo.write_demo(tmp_path_factory.mktemp("demo") / "runs")


def lay_out(folder: Path) -> None:
    """Lay out the model, checkpoint and pictures that check.md names."""
    (folder / "my_package").mkdir()
    (folder / "my_package" / "models.py").write_text("from tests.replaying.saved import network as build\n")
    (folder / "runs" / "dogs").mkdir()
    torch.save(trained(0).state_dict(), folder / "runs" / "dogs" / "last.pt")
    for number in range(8):
        pictures = folder / "data" / "val" / ("cat", "dog")[number % 2]
        pictures.mkdir(parents=True, exist_ok=True)
        to_pil_image(torch.rand(3, 32, 32)).save(pictures / f"{number}.png")


@pytest.mark.parametrize("page", ["check.md", "export.md", "inspect.md"])
def test_the_pages_commands_and_python_run(
    page: str, logdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(logdir, tmp_path / "runs")
    lay_out(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    text = (DOCS / page).read_text()
    commands = [line for block in re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S) for line in block.splitlines()]
    assert len(commands) > 2
    for command in commands:
        program, *words = shlex.split(command)
        assert program == "tensorboard-gradcam"
        broken = words[0] == "check" and ("shortcut" in words or "--model" in words)  # the model has learned nothing
        assert main(words) in ((0, 1) if broken else (0,)), command + "".join(capsys.readouterr())
    (python,) = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    exec(compile(python, page, "exec"), {})
