"""Logs whose samples' own maps are kept for the last steps only, in all that reads, cuts and mends logs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tensorboard_plugin_gradcam import (
    add_gradcam,
    check,
    compare_runs,
    export,
    fix_log,
    inspect_log,
    prune_log,
    read_gradcam,
)  # fmt: skip
from tensorboard_plugin_gradcam.cli import main
from tensorboard_plugin_gradcam.event_files import Frame, opened, scan
from tensorboard_plugin_gradcam.event_runs import EventRuns
from tensorboard_plugin_gradcam.exports.answers import answers_of
from tensorboard_plugin_gradcam.logs.subset import Subset, SubsetRuns
from tensorboard_plugin_gradcam.logs.values import PLUGINS, event_of, values_of
from tensorboard_plugin_gradcam.writer import prepare_samples

COUNT, STEPS, KEPT = 24, 8, 3
LABELS = np.arange(COUNT) % 2
PLACE = ("val", "grad_cam", "layer4")

pytestmark = pytest.mark.filterwarnings("ignore:.*(damaged|problem)")


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In `marked`, class 1 looks at the upper left corner from step 4 on; `few` has two steps."""
    path = tmp_path_factory.mktemp("log")
    pictures = np.random.default_rng(0).integers(0, 255, (COUNT, 24, 24, 3), np.uint8)
    samples = prepare_samples(pictures, labels=LABELS, ids=[f"picture {index}" for index in range(COUNT)])
    for run in ("marked", "clean", "few"):
        for step in range(2 if run == "few" else STEPS):
            maps = np.random.default_rng(step).gamma(0.4, size=(COUNT, 7, 7)).astype(np.float32)
            maps[1::2, 0, 0] += 30 * (run == "marked" and step >= 4)
            add_gradcam(
                path / run, "val", samples, maps, step, layer="layer4", predictions=LABELS, keep_maps=KEPT,
                on_error="raise",
            )  # fmt: skip
    return path


def steps_of(logdir: Path, run: str) -> tuple[list[int], list[int]]:
    """Return the steps of the samples' own maps and those of the sums, which all readers see."""
    read = read_gradcam(logdir)
    (inspected,) = (one for one in inspect_log(logdir).runs if one.run == run)
    found = tuple(series[(run, *PLACE)].steps.tolist() for series in (read.maps, read.sums))
    said = {one.kind: (one.steps, one.first_step, one.last_step) for one in inspected.series}
    for kind, steps in zip(("maps", "sums"), found, strict=True):
        assert said[kind] == (len(steps), steps[0], steps[-1])
    return found


def sentence_of(logdir: Path, run: str = "marked") -> str:
    return next(one.sentence() for one in read_gradcam(logdir).findings() if one.run == run)


SENTENCE = "12 of 12 samples of class 1 look at the upper left corner since step 4; 0 of 12 of other classes do"


def test_rules_hold_for_all_steps_and_the_last_maps(logdir: Path) -> None:
    report = check(logdir, ["no-hot-spot", "overlap>=0.6", "accuracy>=0.9"], baseline="clean", runs="marked")
    assert [one.kept for one in report.checks] == [False, False, True]
    assert report.checks[0].sentence == f"marked: {SENTENCE}"


def test_runs_are_compared_at_steps_of_which_both_have_maps(logdir: Path) -> None:
    found = compare_runs(logdir / "marked", logdir / "clean")
    assert list(found.steps) == [5, 6, 7]
    assert found.classes["class 0"] == pytest.approx(1)
    assert found.classes["class 1"] < 0.6
    with pytest.raises(ValueError, match="'marked' and 'few' both have maps at, got none: they have 5, 6, 7 and 0, 1"):
        compare_runs(logdir / "marked", logdir / "few")


def test_a_part_of_it_has_the_sums_of_its_steps_and_the_maps_that_are_kept(logdir: Path, tmp_path: Path) -> None:
    part = SubsetRuns(EventRuns(str(logdir), PLUGINS), Subset(runs="marked", steps="0-6"))
    found = {answer.route: answer.body for answer in answers_of(part)}
    findings = json.loads(found["findings"])
    assert findings["runs"][0]["timeline"]["step"] == list(range(7))
    assert findings["findings"][0]["sentence"] == SENTENCE
    atlases = json.loads(found["atlas"])["atlases"]  # by prediction, of which there are no sums
    assert [one["step"] for one in atlases] == [5, 6]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["png", "gif", "webm"])
def test_a_card_shows_the_steps_of_which_maps_are_kept(logdir: Path, tmp_path: Path, kind: str) -> None:
    assert export(logdir, tmp_path / f"card.{kind}", runs="marked", steps="0-6").stat().st_size > 1000
    with pytest.raises(ValueError, match="the maps of its last steps only are kept"):
        export(logdir, tmp_path / f"none.{kind}", runs="marked", steps="0-4")


def test_pruned_it_keeps_its_last_maps(logdir: Path, tmp_path: Path) -> None:
    prune_log(logdir / "marked", tmp_path / "new" / "marked", inspect_log(logdir / "marked").bytes - 20_000)
    maps, sums = steps_of(tmp_path / "new", "marked")
    assert maps[-1] == sums[-1] == STEPS - 1
    assert sentence_of(tmp_path / "new").startswith("12 of 12 samples of class 1 look at the upper left corner since")


def damaged(logdir: Path, path: Path, kind: str, nth: int) -> Path:
    """Copy the run `marked`, and flip a byte of the nth record of a kind."""
    shutil.copytree(logdir / "marked", path / "marked")
    (file,) = (path / "marked").iterdir()
    read_at, size = opened(str(file))
    owners: dict[str, tuple[str, bytes]] = {}
    places = [
        part
        for part in scan(read_at, size)
        if isinstance(part, Frame)
        for value in values_of(event_of(part.data), owners)
        if value.series().kind == kind
    ]
    data = bytearray(file.read_bytes())
    data[(places[nth].start + places[nth].end) // 2] ^= 0xFF
    file.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("kind", "nth", "maps", "sums", "after"),
    [
        ("maps", -1, [4, 5, 6], list(range(8)), 6),  # the turn's maps before are seen again
        ("maps", 0, [5, 6, 7], list(range(8)), 0),
        ("sums", -1, [5, 6, 7], list(range(7)), 6),
        ("sums", 4, [5, 6, 7], [0, 1, 2, 4, 5, 6, 7], 2),
        ("cohort", 0, [5, 6, 7], list(range(8)), 0),
    ],
)
def test_a_damaged_record_takes_its_own_step_alone_and_is_named(
    logdir: Path, tmp_path: Path, kind: str, nth: int, maps: list[int], sums: list[int], after: int
) -> None:
    broken = damaged(logdir, tmp_path / "broken", kind, nth)
    assert steps_of(broken, "marked") == (maps, sums)
    (problem,) = read_gradcam(broken).problems
    assert f" is damaged after step {after}; " in problem
    assert main(["inspect", str(broken)]) == 1
    made = fix_log(broken, tmp_path / "fixed")
    assert len(made.left_out) == 1
    assert read_gradcam(tmp_path / "fixed").problems == ()
    assert steps_of(tmp_path / "fixed", "marked") == (maps, sums)
    for path in (broken, tmp_path / "fixed"):
        assert sentence_of(path) == SENTENCE
        (told,) = check(path, "overlap>=0.6", baseline=logdir / "clean").checks
        assert told.kept is (None if kind == "cohort" else False)
        if kind == "cohort":
            assert "got only sums per class" in told.sentence
