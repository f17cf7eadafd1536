"""A test of attention: which rules are kept, what is said of those that are not, and the files for CI."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tensorboard_plugin_gradcam import check
from tensorboard_plugin_gradcam.cli import main
from tests.marked import write_marked


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log")
    write_marked(path)
    return path


def broken(logdir: Path, *rules: str, **more: str) -> set[tuple[str, str, str]]:
    report = check(logdir, rules, **more)  # type: ignore[arg-type]
    return {(one.rule, one.run, one.layer) for one in report.checks if one.kept is False}


def test_a_hot_spot_breaks_the_rule_of_its_series_alone(logdir: Path) -> None:
    assert broken(logdir, "no-hot-spot", "no-dead-maps") == {("no-hot-spot", "marked", "layer4")}
    (told,) = (one.sentence for one in check(logdir, runs="marked").checks if not one.kept)
    assert (
        told
        == "marked: 12 of 12 samples of “dog” look at the upper left corner since step 20; 0 of 12 of other classes do"
    )


def test_shares_are_those_of_the_last_step(logdir: Path) -> None:
    assert broken(logdir, "inside>=0.45", "accuracy >= 100%") == {("inside>=0.45", "marked", "layer4")}


def test_a_baseline_is_a_run_of_the_log_or_another_log(logdir: Path) -> None:
    expected = {("overlap>=0.4", "marked", "layer4")}
    assert broken(logdir, "overlap>=0.4", baseline="clean") == expected
    assert broken(logdir, "overlap>=0.4", baseline=str(logdir / "clean")) == expected
    assert broken(logdir, "overlap>=0.99", baseline=str(logdir)) == set()  # each with itself


def test_what_cannot_be_told_is_no_pass(logdir: Path, tmp_path: Path) -> None:
    from tests.viewer.eventlog import write_run

    write_run(tmp_path / "other", [0])
    report = check(tmp_path, "inside>=0.5")
    assert [one.kept for one in report.checks] == [None]
    assert not report.kept
    assert "log boxes= or truth_masks=" in report.checks[0].sentence


@pytest.mark.parametrize(
    ("rules", "baseline", "words"),
    [
        ("no-shortcuts", None, "expected a rule, got 'no-shortcuts': no-hot-spot"),
        ("inside>=2", None, "expected a share from 0 to 1, got 'inside>=2'"),
        ("overlap>=0.5", None, "expected a baseline"),
        ("overlap>=0.5", "nowhere", r"a run of the log \(clean, marked\) or a log directory, got 'nowhere'"),
    ],
)
def test_a_rule_or_baseline_that_is_none_is_told(logdir: Path, rules: str, baseline: str | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check(logdir, rules, baseline=baseline)


def test_the_command_fails_and_writes_what_ci_shows(
    logdir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    junit = tmp_path / "attention.xml"
    assert main(["check", str(logdir), "--junit", str(junit)]) == 1
    assert capsys.readouterr().out.count("BROKEN") == 1
    root = ET.parse(junit).getroot()
    assert (root.attrib["tests"], root.attrib["failures"], root.attrib["errors"]) == ("4", "1", "0")
    failed = [(suite.attrib["name"], case.attrib["classname"]) for suite in root for case in suite if len(case)]
    assert failed == [("marked", "val/grad_cam/layer4")]
    assert main(["check", str(logdir), "--run", "clean"]) == 0


def test_findings_are_listed_with_links(logdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["findings", str(logdir), "--kind", "hot_spot", "--json", "--url", "http://host:6006/"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["run"], found["count"], found["since"]) == ("marked", 12, 20)
    assert found["link"].startswith(
        "http://host:6006/#gradcam&p.gradcam.runs=marked&p.gradcam.tags=val&p.gradcam.step="
    )
    assert main(["findings", str(logdir), "--kind", "nothing"]) == 2


def test_runs_and_tags_that_are_not_there_are_told_and_what_was_searched(
    logdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("check", "findings"):
        for name, known in (("run", "'clean', 'marked'"), ("tag", "'val'")):
            assert main([command, str(logdir), f"--{name}", "nope"]) == 2
            assert f"expected {name}s among {known}, got ['nope']" in capsys.readouterr().err
    assert main(["findings", str(logdir), "--kind", "same_map"]) == 0
    assert capsys.readouterr().out == "No findings of kind same_map in 4 series of maps with 4 kept steps\n"
    with pytest.raises(ValueError, match="beside those of the baseline, 'clean', got none"):
        check(logdir, baseline="clean", runs="clean")


def test_a_baseline_of_several_runs_is_told_with_their_names(logdir: Path, tmp_path: Path) -> None:
    (tmp_path / "other").symlink_to(logdir / "clean")
    report = check(tmp_path, "overlap>=0.5", baseline=logdir)
    assert {one.kept for one in report.checks} == {None}
    assert report.checks[0].sentence == (
        "expected a run named 'other', or one run, with val/grad_cam/layer3 in the baseline, got 2: 'clean', 'marked'; "
        "pass the directory of one of them"
    )
