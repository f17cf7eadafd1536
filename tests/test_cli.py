"""The command line: what it starts, what it prints, and the codes it ends with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tensorboard_plugin_gradcam.cli import COMMANDS, main
from tests.viewer.eventlog import write_run

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"tensorboard-gradcam {command} " in capsys.readouterr().out.partition("examples:")[2]


def test_help_imports_nothing_that_is_slow() -> None:
    code = (
        "import sys; from tensorboard_plugin_gradcam.cli import build_parser; build_parser(); "
        "print(sorted({'torch', 'cv2', 'numpy', 'tensorboard', 'google'} & {one.split('.')[0] for one in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_module_is_the_command_and_says_its_version() -> None:
    command = [sys.executable, "-m", "tensorboard_plugin_gradcam", "--version"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("tensorboard-gradcam ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["inspect", "nowhere"], "tensorboard-gradcam inspect: expected a log directory, got 'nowhere'"),
        (["inspect"], "tensorboard-gradcam inspect: the following arguments are required: LOGDIR; see "),
        (["instpect", "."], "invalid choice: 'instpect'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(arguments)
    except SystemExit as ended:
        code = int(str(ended.code))
    said = capsys.readouterr().err
    assert (code, said.count("\n")) == (2, 1)
    assert words in said


def test_inspect_prints_a_table_of_the_series(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "first", [0, 10, 20])
    assert main(["inspect", str(tmp_path)]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["val", "maps", "grad_cam", "layer4", "3", "0", "20", "4", "7", "x", "7"] in [row[:11] for row in rows]
