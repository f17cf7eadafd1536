"""A test of attention, for CI: runs are held to rules, and a report says which were broken and by what."""

from __future__ import annotations

import os
import re
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from tensorboard_plugin_gradcam.findings import EVERYONE, Source, Verdict, find, no_hot_spot, overlap_at_least
from tensorboard_plugin_gradcam.findings.finding import Kind
from tensorboard_plugin_gradcam.logs.subset import Names
from tensorboard_plugin_gradcam.reader import GradCAMLog, read_gradcam

KINDS = tuple(kind for kind in get_args(Kind) if kind not in ("hot_spot", "hot_spot_everywhere"))
RULES = (
    "no-hot-spot: no class, nor all classes, look at one place outside the marked objects",
    *(f"no-{kind.replace('_', '-')}: there is no such finding" for kind in KINDS),
    "inside>=X: at the last step, at least the share X of the evidence lies inside the marked region",
    "accuracy>=X: at the last step, at least the share X of the predictions is right",
    "overlap>=X: each class shares at least X of its attention with the baseline",
)


@dataclass(frozen=True)
class Check:
    """One rule, applied to one series of maps.

    Attributes:
        rule: the rule as you wrote it.
        run: run of the series.
        tag: its tag.
        method: its method.
        layer: its layer.
        kept: whether the rule is kept; None if this can't be decided.
        sentence: what was found, or why it can't be decided.
    """

    rule: str
    run: str
    tag: str
    method: str
    layer: str
    kept: bool | None
    sentence: str

    @property
    def series(self) -> str:
        """The series in words."""
        return "/".join(part for part in (self.tag, self.method, self.layer) if part)


@dataclass(frozen=True)
class CheckReport:
    """All rules, applied to all series."""

    checks: tuple[Check, ...]
    seconds: float

    @property
    def kept(self) -> bool:
        """Whether every rule is kept everywhere."""
        return all(check.kept for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Return the report as dicts, lists, strings and numbers."""
        return {"kept": self.kept, "checks": [vars(check) for check in self.checks]}

    def to_junit(self) -> str:
        """Return JUnit XML, which CI systems show: one test suite per run."""
        root = ET.Element("testsuites", {"name": "Grad-CAM", "time": f"{self.seconds:.3f}"} | _counts(self.checks))
        for run in dict.fromkeys(check.run for check in self.checks):
            own = [check for check in self.checks if check.run == run]
            suite = ET.SubElement(root, "testsuite", {"name": _xml(run)} | _counts(own))
            for check in own:
                case = ET.SubElement(suite, "testcase", classname=_xml(check.series), name=_xml(check.rule))
                if not check.kept:
                    kind = "error" if check.kept is None else "failure"
                    ET.SubElement(case, kind, message=_xml(check.sentence)).text = _xml(check.sentence)
        ET.indent(root)
        return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def check(
    logdir: str | os.PathLike[str],
    rules: str | Iterable[str] = ("no-hot-spot",),
    *,
    baseline: str | os.PathLike[str] | None = None,
    runs: Names = None,
    tags: Names = None,
) -> CheckReport:
    """Check the runs of a log against rules; each rule is applied to each series of maps.

    Example:
        >>> report = check("runs", ["no-hot-spot", "inside>=0.4"])
        >>> report.kept, [one.sentence for one in report.checks if not one.kept]

    Args:
        logdir: a log directory, as for TensorBoard.
        rules: "no-hot-spot", "no-dead-maps" and so on for each kind of finding, "inside>=0.4", "accuracy>=0.9",
            "overlap>=0.5" with a baseline. See docs/check.md.
        baseline: the name of a run of the log, or a log directory: each run is compared with its namesake there, or
            with the only run.
        runs: names or patterns of the runs to check; all but the baseline by default.
        tags: names or patterns of the tags to check; all by default.

    Raises:
        FileNotFoundError: the directory does not exist.
        ValueError: a rule is invalid, the baseline is missing, or there is nothing to check.
    """
    started = time.perf_counter()
    asked = [parsed(rule) for rule in ([rules] if isinstance(rules, str) else rules)]
    if any(rule.needs_baseline for rule in asked) and baseline is None:
        rule = next(rule.text for rule in asked if rule.needs_baseline)
        raise ValueError(f"expected a baseline to compare with for {rule!r}, got none: pass baseline= (--baseline)")
    log = read_gradcam(logdir)
    reference = _baseline(log, baseline)
    sources = [source for source in log.sources(runs, tags) if source.run != reference.of_log]
    if not sources:
        beside = f" beside those of the baseline, {reference.of_log!r}" if reference.of_log else ""
        raise ValueError(f"expected maps to check in {os.fspath(logdir)!r}{beside}, got none")
    checks = tuple(
        _checked(rule, source, reference, log.class_names(source.run, source.tag))
        for source in sources
        for rule in asked
    )
    return CheckReport(checks, time.perf_counter() - started)


@dataclass(frozen=True)
class Rule:
    """A rule as it was asked, and how it is asked of a series."""

    text: str
    ask: Callable[[Source, Source | None, tuple[str, ...]], Verdict]
    needs_baseline: bool = False


def parsed(text: str) -> Rule:
    """Return the rule that a text says.

    Raises:
        ValueError: it says none.
    """
    found = re.fullmatch(r"\s*(inside|accuracy|overlap)\s*>=\s*(\d*\.?\d+)\s*(%?)\s*", text)
    if found:
        least = float(found[2]) / (100 if found[3] else 1)
        if not 0 <= least <= 1:
            raise ValueError(f"expected a share from 0 to 1, got {text!r}: write 0.4 or 40%")
        if found[1] == "overlap":
            return Rule(text, lambda source, base, names: overlap_at_least(source, _there(base), least, names), True)
        return Rule(text, lambda source, _, names: _at_least(source, found[1], least))
    kind = text.strip().removeprefix("no-").replace("-", "_")
    if text.strip().startswith("no-") and kind == "hot_spot":
        return Rule(text, lambda source, _, names: no_hot_spot(source, names))
    if text.strip().startswith("no-") and kind in KINDS:
        return Rule(text, lambda source, base, names: _none_of(source, base, kind, names), kind == "runs_differ")
    known = ", ".join(rule.partition(":")[0] for rule in RULES)
    raise ValueError(f"expected a rule, got {text!r}: {known}")


def _none_of(source: Source, base: Source | None, kind: str, names: tuple[str, ...]) -> Verdict:
    found = [one for one in find([source] if base is None else [source, base]) if one.kind == kind]
    found = [one for one in found if source.run in (one.run, one.other)]
    words = "; ".join(one.sentence(names) for one in found[:3]) or f"nothing of the kind {kind.replace('_', ' ')}"
    return Verdict(not found, f"{source.run}: {words}", findings=tuple(found))


def _at_least(source: Source, name: str, least: float) -> Verdict:
    if not source.summary.steps:
        raise ValueError(f"expected maps of pictures in {source.run!r}, got none for tag {source.tag!r}")
    last = source.summary.steps[-1]
    value = float(getattr(last.groups[EVERYONE], name))
    if value != value:
        what, remedy = {
            "inside": ("a marked region", "log boxes= or truth_masks="),
            "accuracy": ("labels and predictions", "log labels= and predictions"),
        }[name]
        raise ValueError(f"expected {what} in {source.run!r} at step {last.step:,}, got none: {remedy}")
    words = {"inside": "the evidence lies in the marked region", "accuracy": "the predictions are right"}[name]
    sentence = (
        f"{source.run}: {100 * value:.0f} % of {words} at step {last.step:,}, expected at least {100 * least:.0f} %"
    )
    return Verdict(value >= least, sentence, {"all classes": value})


@dataclass(frozen=True)
class _Baseline:
    """Series to compare with, and which run of the checked log they are of, if they are."""

    sources: Sequence[Source]
    of_log: str | None

    def of(self, source: Source) -> Source:
        """Return the series that one is compared with: of a run of the same name, else of the only run."""
        place = source.tag, source.method, source.layer
        same = [one for one in self.sources if (one.tag, one.method, one.layer) == place]
        named = [one for one in same if one.run == source.run]
        if not named and len(same) != 1:
            runs = ", ".join(repr(one.run) for one in same[:8])
            got = f"{len(same)}: {runs}; pass the directory of one of them" if same else "none"
            name = "/".join(filter(None, place))
            raise ValueError(f"expected a run named {source.run!r}, or one run, with {name} in the baseline, got {got}")
        return (named or same)[0]


def _baseline(log: GradCAMLog, baseline: str | os.PathLike[str] | None) -> _Baseline:
    if baseline is None:
        return _Baseline((), None)
    name = os.fspath(baseline)
    if any(run == name for run, *_ in log.maps):
        return _Baseline([source for source in log.sources(name) if source.run == name], name)
    if not os.path.isdir(name) and "://" not in name:
        known = ", ".join(sorted({run for run, *_ in log.maps})[:8])
        raise ValueError(f"expected a baseline that is a run of the log ({known}) or a log directory, got {name!r}")
    return _Baseline(read_gradcam(baseline).sources(), None)


def _there(base: Source | None) -> Source:
    if base is None:
        raise ValueError("expected a baseline, got none")
    return base


def _checked(rule: Rule, source: Source, reference: _Baseline, names: tuple[str, ...]) -> Check:
    place = (rule.text, source.run, source.tag, source.method, source.layer)
    try:
        base = reference.of(source) if rule.needs_baseline else None
        verdict = rule.ask(source, base, names)
    except ValueError as error:
        return Check(*place, None, str(error))
    return Check(*place, verdict.kept, verdict.sentence)


def _counts(checks: Sequence[Check]) -> dict[str, str]:
    return {
        "tests": str(len(checks)),
        "failures": str(sum(check.kept is False for check in checks)),
        "errors": str(sum(check.kept is None for check in checks)),
    }


def _xml(text: str) -> str:
    """Return a text without what XML can't hold."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\N{REPLACEMENT CHARACTER}", text)
