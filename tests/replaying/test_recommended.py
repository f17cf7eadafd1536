"""Which method a network is recommended that is named on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tensorboard_plugin_gradcam.cli import main
from tests.test_recommending import Spots

NAMED = ["check", "--model", "tests.test_recommending:Spots", "--images", "tests.test_recommending:spotted"]
FEW = ["--layers", "layer", "--methods", "grad_cam", "eigen_cam"]


def test_check_compares_the_methods_of_a_model_with_a_checkpoints_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = Spots()
    assert main([*NAMED, *FEW]) == 0
    assert 'To log: GradCAMLogger(writer, model, layers="layer", methods="grad_cam"' in capsys.readouterr().out
    with torch.no_grad():
        model.head.weight.zero_()
    torch.save(model.state_dict(), tmp_path / "blind.pt")
    blind = ["--checkpoint", str(tmp_path / "blind.pt"), "--limit", "4", "--json"]
    assert main([*NAMED, *FEW, *blind]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["pictures"], found["call"]) == (4, "")
    assert {row["method"] for row in found["rows"]} == {"grad_cam", "eigen_cam", "random_cam"}
    assert all(row["gain"] is None for row in found["rows"]), "a network that sees nothing has no gain"
    assert main([*NAMED, *FEW, *blind[:-1]]) == 1
    assert "No map has a gain here: taking the whole picture away does not lower the score" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check"], "expected LOGDIR, or --model MODEL --images IMAGES"),
        (["check", "runs", *NAMED[1:]], "expected LOGDIR, or --model MODEL --images IMAGES"),
        (NAMED[:3], "expected --images IMAGES with --model, got none"),
        ([*NAMED, "--methods", "gradcamm"], "expected a method"),
    ],
)
def test_what_check_lacks_is_said_in_one_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
