"""`Finding`: one thing that the maps say, with its numbers, for people and for machines."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from tensorboard_plugin_gradcam.findings.looks import Crop, looks_alike
from tensorboard_plugin_gradcam.findings.windows import Region

Kind = Literal[
    "hot_spot",
    "hot_spot_everywhere",
    "spatial_bias",
    "strategy",
    "change",
    "runs_differ",
    "same_map",
    "dead_maps",
    "sure_and_outside",
]


MOST_NAMED = 4  # classes in a sentence


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        kind: of the finding.
        run: in which it was found; for runs that differ the first of them.
        tag: of the series.
        method: of the maps.
        layer: of the maps.
        group: class index, None for all classes.
        groups: of a place that several classes look at, but not all: their indices.
        region: where, None where it has no place.
        step: at which it is seen best.
        since: the first kept step from which on it holds, None where it held from the first.
        until: the last kept step at which it is certain, of a place that is left again; None where it lasts.
        samples: identities of the samples behind it at `step`, those with the most evidence first.
        count: how many samples it is about.
        of: of how many.
        effect: its size, in [0, 1]: a difference of shares, whose meaning `numbers` spells out.
        p: p-value at `step`, None for kinds that are not tested.
        q: adjusted for all looks, None for kinds that are not tested.
        other: the other run, of runs that differ.
        numbers: further figures by their names; of hot spots and spatial biases also `alike` and `other_alike`, how
            alike the pictures of the samples behind it look there, and those of the others, where small pictures were
            logged.
        crop: mean picture of the place, in grey; None where no pictures were logged.
    """

    kind: Kind
    run: str
    tag: str
    method: str
    layer: str
    step: int
    group: int | None = None
    groups: tuple[int, ...] = ()
    region: Region | None = None
    since: int | None = None
    until: int | None = None
    samples: tuple[str, ...] = ()
    count: int = 0
    of: int = 0
    effect: float = 0.0
    p: float | None = None
    q: float | None = None
    other: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    crop: Crop | None = field(default=None, compare=False, repr=False)

    def sentence(self, class_names: tuple[str, ...] = ()) -> str:
        """Return it in words, which say where the network looks and never why."""
        return _SENTENCES[self.kind](self, _names_of(self, class_names))

    def to_json(self, class_names: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return it with its sentence as what JSON can hold; NaN becomes None."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        values["region"] = None if self.region is None else asdict(self.region)
        values["crop"] = None if self.crop is None else {"png": self.crop.png, "box": list(self.crop.box)}
        values["sentence"] = self.sentence(class_names)
        values["samples"], values["groups"] = list(self.samples), list(self.groups)
        values["numbers"] = {name: value if math.isfinite(value) else None for name, value in self.numbers.items()}
        return values


def name_of(group: int | None, class_names: tuple[str, ...]) -> str:
    """Return a class in words; None is all of them."""
    if group is None:
        return "all classes"
    return f"“{class_names[group]}”" if 0 <= group < len(class_names) else f"class {group}"


def _names_of(finding: Finding, class_names: tuple[str, ...]) -> str:
    """Return which classes a finding is about, in words."""
    if not finding.groups:
        return name_of(finding.group, class_names)
    names = [name_of(group, class_names) for group in finding.groups]
    if len(names) > MOST_NAMED:
        names[MOST_NAMED - 1 :] = [f"{len(names) - MOST_NAMED + 1:,} more classes"]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _two_digits(value: float) -> str:
    """Return a number with two digits behind the point, never "-0.00"."""
    return f"{round(value, 2) + 0.0:.2f}"


def _since(finding: Finding) -> str:
    return "" if finding.since is None else f" since step {finding.since:,}"


def _alike(finding: Finding) -> str:
    alike, others = (finding.numbers.get(name, math.nan) for name in ("alike", "other_alike"))
    if not looks_alike(alike, others):
        return ""
    return f"; there they look alike ({_two_digits(alike)}; others {_two_digits(others)})"


def _looked_at(finding: Finding) -> str:
    """Return where and when: what is over is told in the past tense."""
    where = finding.region.name if finding.region else "same place"
    if finding.until is None:
        return f"look at the {where}{_since(finding)}"
    begun = "until" if finding.since is None else f"from step {finding.since:,} to"
    once = finding.since == finding.until
    return f"looked at the {where} {f'at step {finding.until:,}' if once else f'{begun} step {finding.until:,}'}"


def _hot_spot(finding: Finding, group: str) -> str:
    others = f"{finding.numbers['other_hits']:,.0f} of {finding.numbers['other_of']:,.0f} of other classes"
    verb = "do" if finding.until is None else "did"
    found = f"{finding.count:,} of {finding.of:,} samples of {group} {_looked_at(finding)}"
    return f"{found}; {others} {verb}{_alike(finding)}"


def _everywhere(finding: Finding, group: str) -> str:
    return f"{finding.count:,} of {finding.of:,} samples, of {group}, {_looked_at(finding)}{_alike(finding)}"


def _spatial_bias(finding: Finding, group: str) -> str:
    alike = finding.numbers.get("alike", math.nan)
    known = f"; the pictures do not look alike there ({_two_digits(alike)})" if math.isfinite(alike) else ""
    return f"{(_everywhere if finding.group is None else _hot_spot)(finding, group)}{known}"


def _strategy(finding: Finding, group: str) -> str:
    accuracy, other = (finding.numbers[name] for name in ("accuracy", "other_accuracy"))
    found = f"{finding.count:,} of {finding.of:,} samples of {group} are looked at differently from the rest"
    return f"{found}{_since(finding)}: accuracy {accuracy:.2f} against {other:.2f}"


def _change(finding: Finding, group: str) -> str:
    verb = "rose" if finding.numbers["after"] > finding.numbers["before"] else "fell"
    words = (
        f"At step {finding.step:,} the evidence inside the marked region of {group} {verb} from "
        f"{finding.numbers['before']:.2f} to {finding.numbers['after']:.2f}"
    )
    before, after = (finding.numbers.get(f"accuracy_{when}", float("nan")) for when in ("before", "after"))
    if before == before and after == after:
        direction = "rose" if after > before else "fell" if after < before else "stayed"
        return f"{words}; accuracy {direction} from {before:.2f} to {after:.2f}"
    return words


def _runs_differ(finding: Finding, group: str) -> str:
    return (
        f"{finding.run} and {finding.other} agree on {100 * finding.numbers['agreement']:.0f} % of the predictions for "
        f"{group} and look at different places: {100 * finding.numbers['overlap']:.0f} % of the attention in common"
    )


def _same_map(finding: Finding, group: str) -> str:
    return (
        f"The maps of {group} are nearly the same for every picture (mean correlation "
        f"{finding.numbers['alike']:.2f}{_since(finding).replace(' since', ', since')})"
    )


def _dead_maps(finding: Finding, group: str) -> str:
    return f"{finding.count:,} of {finding.of:,} maps of {group} have no positive evidence{_since(finding)}"


def _sure_and_outside(finding: Finding, group: str) -> str:
    return (
        f"{finding.count:,} samples of {group} are wrong with a probability of at least {finding.numbers['sure']:.2f} "
        f"and look outside the marked region ({finding.of:,} are wrong in all)"
    )


_SENTENCES = {
    "hot_spot": _hot_spot,
    "hot_spot_everywhere": _everywhere,
    "spatial_bias": _spatial_bias,
    "strategy": _strategy,
    "change": _change,
    "runs_differ": _runs_differ,
    "same_map": _same_map,
    "dead_maps": _dead_maps,
    "sure_and_outside": _sure_and_outside,
}
