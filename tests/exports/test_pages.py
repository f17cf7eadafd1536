"""The commands and the Python of docs/check.md, docs/export.md and docs/inspect.md do what the pages say."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tensorboard_plugin_gradcam.cli import main
from tensorboard_plugin_gradcam.demonstration import log as demo

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "STEPS", 60)
        patch.setattr(demo, "TRAINING", 90)
        return demo.write_demo(tmp_path_factory.mktemp("demo") / "runs")


@pytest.mark.parametrize("page", ["check.md", "export.md", "inspect.md"])
def test_the_pages_commands_and_python_run(
    page: str, logdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(logdir, tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    text = (DOCS / page).read_text()
    commands = [line for block in re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S) for line in block.splitlines()]
    assert len(commands) > 2
    for command in commands:
        program, *words = shlex.split(command)
        assert program == "tensorboard-gradcam"
        broken = words[0] == "check" and "shortcut" in words
        assert main(words) in ((0, 1) if broken else (0,)), command + capsys.readouterr().out
    (python,) = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    exec(compile(python, page, "exec"), {})
