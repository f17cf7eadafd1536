"""What was measured when a layer was found is stored with the run, once for a series."""

from __future__ import annotations

from pathlib import Path

import torch

from tensorboard_plugin_gradcam import CAM, GradCAMLogger, read_gradcam
from tests.cam.kinds import cnn


def notes(path: Path) -> list[tuple[int, tuple[str, ...]]]:
    (series,) = read_gradcam(path).predictions.values()
    return [(moment.step, tuple(moment.notes)) for moment in series]


def test_the_layer_that_was_found_is_noted_with_its_figures_at_the_first_step(tmp_path: Path) -> None:
    torch.manual_seed(0)
    with GradCAMLogger(tmp_path, cnn()) as logger:
        probe = logger.probe("val", torch.rand(2, 3, 32, 48))
        for step in (0, 1):
            probe.log(step)
    (first, second) = notes(tmp_path)
    (text,) = first[1]
    assert text.startswith("layer trunk: the deepest output with space that every path to the score passes through")
    assert "8 x 12 cells, 100% of the paths lead through it, the scores depend on 100% of its cells" in text
    assert second == (1, ())


def test_of_a_layer_that_was_named_there_is_nothing_to_note(tmp_path: Path) -> None:
    with GradCAMLogger(tmp_path, CAM(cnn(), "trunk")) as logger:
        logger.log("val", torch.rand(2, 3, 32, 48), 0)
    assert notes(tmp_path) == [(0, ())]
