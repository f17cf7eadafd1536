"""A part of a log holds what its records hold of it, and nothing that a restart replaced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tensorboard_plugin_gradcam.exports.files import subset_of
from tensorboard_plugin_gradcam.logs.subset import Subset, SubsetRuns
from tensorboard_plugin_gradcam.reader import GradCAMLog, log_of, read_gradcam
from tests.viewer.eventlog import write_run

STEPS = list(range(0, 101, 10))
# What is written here has no times of its own: a training that goes on looks like a second writer.
pytestmark = pytest.mark.filterwarnings("ignore:.*two processes")


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    for seed, run in enumerate(("clean", "shortcut")):
        write_run(tmp_path / run, STEPS, samples=6, layers=("layer3", "layer4"), seed=seed)
    write_run(
        tmp_path / "clean", [50, 60], samples=6, session=2, seed=9, name="events.out.tfevents.1700000001.host.1.0"
    )
    return tmp_path


def part(logdir: Path, **subset: object) -> GradCAMLog:
    return log_of(subset_of(logdir, Subset(**subset)))  # type: ignore[arg-type]


def test_all_of_it_is_the_log(logdir: Path) -> None:
    whole, found = read_gradcam(logdir), part(logdir)
    assert found.maps.keys() == whole.maps.keys()
    assert found.files == whole.files


def test_runs_tags_and_steps_are_chosen_by_names_patterns_and_ranges(logdir: Path) -> None:
    found = part(logdir, runs="short*", tags=["val"], steps="20-40,70")
    assert {run for run, *_ in found.maps} == {"shortcut"}
    assert all(series.steps.tolist() == [20, 30, 40, 70] for series in [*found.maps.values()])
    assert found.predictions["shortcut", "val"].steps.tolist() == [20, 30, 40, 70]
    assert part(logdir, max_steps=3).predictions["shortcut", "val"].steps.tolist() == [0, 50, 100]


def test_what_a_restart_replaced_does_not_come_back_with_the_steps_that_replaced_it_gone(logdir: Path) -> None:
    found = part(logdir, runs="clean", steps="0-40,70-100")
    assert found.predictions["clean", "val"].steps.tolist() == [0, 10, 20, 30, 40]


def test_samples_keep_their_maps_labels_and_predictions(logdir: Path) -> None:
    whole, found = read_gradcam(logdir), part(logdir, samples="s4,1-2")
    assert [sample.id for sample in found.predictions["clean", "val"].samples] == ["s1", "s2", "s4"]
    for key, series in found.maps.items():
        np.testing.assert_array_equal(series.array(), whole.maps[key].array()[:, [1, 2, 4]])
    for name in ("prediction", "top_probabilities"):
        mine, every = (log.predictions["clean", "val"].array(name) for log in (found, whole))  # type: ignore[arg-type]
        np.testing.assert_array_equal(mine, every[:, [1, 2, 4]])


@pytest.mark.parametrize(
    ("subset", "words"),
    [
        ({"runs": "nowhere"}, "expected runs among 'clean', 'shortcut', got 'nowhere'"),
        ({"tags": "nowhere"}, "got none for tags='nowhere'"),
        ({"samples": "dog*"}, "got none for samples"),
        ({"steps": "10:20"}, "expected steps such as 0-1000 or 0,50,100, got '10:20'"),
        ({"max_steps": 0}, "expected max_steps of 1 or more, got 0"),
    ],
)
def test_what_leaves_nothing_is_said(logdir: Path, subset: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("*", r"\*")):
        part(logdir, **subset)


def test_a_log_without_records_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is it the right directory"):
        subset_of(tmp_path, Subset())


def test_a_record_that_cannot_be_read_is_left_out_and_told(logdir: Path) -> None:
    from tensorboard_plugin_gradcam.event_runs import EventRuns
    from tensorboard_plugin_gradcam.logs.values import PLUGINS

    write_run(logdir / "clean", [0], samples=6, tag="other", session=3, name="events.out.tfevents.1700000002.host.1.0")
    events = EventRuns(str(logdir), PLUGINS)
    tag = next(tag for tag in events.PluginRunToTagToContent("gradcam")["clean"] if "maps:other" in tag)
    events.Tensors("clean", tag)[0].tensor_proto.string_val[:] = [b"nothing"]
    found = SubsetRuns(events, Subset(max_steps=2))
    assert len(found.problems) == 1
    assert "tag 'gradcam:maps:other" in found.problems[0]
