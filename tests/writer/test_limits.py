"""What `add_gradcam` accepts, both readers read; what they would refuse, it refuses, and keeps nothing of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tensorboard_plugin_gradcam import GradCAMLogger, add_gradcam, read_gradcam
from tensorboard_plugin_gradcam.faults import GradCAMWarning
from tests.fuzz.wsgi import ROOT, client
from tests.viewer.server import Answer

PLACE = {"run": ".", "tag": "val", "method": "grad_cam", "layer": ""}


def shown(logdir: Path) -> dict[float, int]:
    """Return how many maps both readers have at each step; nothing may be left out."""
    answer = client(logdir).get(f"{ROOT}/maps", query_string=PLACE)
    header, arrays = Answer(200, {}, answer.data).packet
    counts = dict(zip(arrays["steps"].tolist(), np.diff(arrays["first"]).tolist(), strict=True))
    assert header["corrupt"] == []
    log = read_gradcam(logdir)
    assert log.problems == ()
    (series,) = log.maps.values()
    assert {moment.step: sum(one.size for one in moment.record.blocks) for moment in series} == counts
    return counts


def named(count: int, first: int = 0) -> dict[str, Any]:
    """Return arguments for one sample without a picture and so many maps of a cell."""
    return {
        "images": None,
        "maps": np.ones((1, count, 1, 1), np.float32),
        "targets": np.full((1, count), -1),
        "target_names": [f"{first + index}" for index in range(count)],
        "ids": ["a"],
    }


def test_names_beyond_what_readers_take_are_refused_and_the_rest_of_the_log_is_read(tmp_path: Path) -> None:
    add_gradcam(tmp_path, "val", global_step=0, **named(2))
    with pytest.raises(ValueError, match=r"step 1 of 'val' of 'grad_cam'.*more maps at one step than a reader takes"):
        add_gradcam(tmp_path, "val", global_step=1, **named(70_000))
    add_gradcam(tmp_path, "val", global_step=1, **named(3))
    assert shown(tmp_path) == {0: 2, 1: 3}


def test_the_call_that_makes_a_step_too_large_is_refused_and_those_before_it_stay(tmp_path: Path) -> None:
    for first in (0, 30_000):
        add_gradcam(tmp_path, "val", global_step=0, **named(30_000, first))
    with pytest.raises(ValueError, match="step 0 of 'val'"):
        add_gradcam(tmp_path, "val", global_step=0, **named(30_000, 60_000))
    add_gradcam(tmp_path, "val", global_step=0, **named(1, 60_000))
    assert shown(tmp_path) == {0: 60_001}


def test_maps_of_more_axes_than_the_format_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at most 8 axes"):
        add_gradcam(tmp_path, "val", None, np.ones((1,) * 9, np.float32), 0, ids=["a"])
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "fits", "does_not"), [("uint8", 4900, 5100), ("float16", 2400, 2600)])
def test_cells_up_to_what_readers_take_are_read_and_more_are_refused(
    precision: Any, fits: int, does_not: int, tmp_path: Path
) -> None:
    """Zeros, which are deflated to nothing: what may be logged is told by what it takes to read."""
    add_gradcam(tmp_path, "val", None, np.zeros((1, fits, fits), np.float32), 0, max_map_size=None, precision=precision)
    assert shown(tmp_path) == {0: 1}
    too_many = np.zeros((1, does_not, does_not), np.float32)
    with pytest.raises(ValueError, match=r"1\.\d times what a reader takes: log fewer samples"):
        add_gradcam(tmp_path, "val", None, too_many, 1, max_map_size=None, precision=precision)
    assert shown(tmp_path) == {0: 1}


def test_the_logger_warns_of_a_step_that_is_too_large_and_goes_on(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 2, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(2, 2)
    )
    images = torch.rand(1, 3, 8, 8)
    with (
        pytest.warns(GradCAMWarning, match=r"step 0 of 'val'.*at most 100,000 class names"),
        GradCAMLogger(tmp_path, model, class_names=["x"] * 100_001) as logger,
    ):
        logger.log("val", images, 0)
    with GradCAMLogger(tmp_path, model) as logger:
        logger.log("val", images, 1)
    (series,) = read_gradcam(tmp_path).maps.values()
    assert series.steps.tolist() == [1]


def test_names_that_are_too_long_are_shortened_and_stay_apart(tmp_path: Path, recwarn) -> None:
    """Each is told once; a log has no name that its readers refuse."""
    image, numbers = np.zeros((1, 4, 4), np.uint8), {"n" * 3_000: np.ones(1)}
    long = "t" * 2_000
    for step in (0, 1):
        for tag, layer in ((long, "l" * 1_001), (long + "2", "l" * 1_000 + "m")):
            add_gradcam(
                tmp_path, tag, image, np.ones((1, 2, 2)), step, layer=layer, method="ü" * 1_001, numbers=numbers
            )
    assert len([one for one in recwarn if "is logged with its first ones" in str(one.message)]) == 6
    log = read_gradcam(tmp_path)
    assert log.problems == ()
    assert len(log.maps) == 2
    assert all(len(name) <= 1_000 for key in log.maps for name in key)
    assert all(series.steps.tolist() == [0, 1] for series in log.maps.values())
    (run,) = Answer(200, {}, client(tmp_path).get(f"{ROOT}/series").data).json["runs"]
    assert [tag["problem"] for tag in run["tags"]] == [None, None]
    assert all(len(tag["numbers"]) == 1 for tag in run["tags"])
