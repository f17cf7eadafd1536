"""What stands in a run, and what a further step does to it: whether it adds, or replaces what followed.

TensorBoard's data server drops the steps of a tag that follow a lower one. So a training that goes on from an earlier
step writes where it wrote before, and what is added to a run afterwards stands under tags of its own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tensorboard_plugin_gradcam.records import Relation, Replaced, Series

Mode = Literal["add", "resume"]
MODES = (None, "add", "resume")
MOST_REPLACED = 4  # events of replacing that a record tells of


def checked_mode(mode: Mode | None) -> Mode | None:
    """Return a mode, or raise an error where it is none."""
    if mode not in MODES:
        raise ValueError(f"expected mode 'add', 'resume' or None, got {mode!r}")
    return mode


@dataclass
class _Course:
    """One series, all its tags together.

    Attributes:
        steps: that stand, ascending.
        added: whether it stands only by additions.
        earlier: the last step that stood before this session.
        own: steps that this session added.
        tops: the last step under each tag of this session's addition.
        last: the step that this session logged last.
        ordinal: of that record.
        replaced: what this session replaced.
    """

    steps: list[int] = field(default_factory=list)
    added: bool = True
    earlier: int = -1
    own: set[int] = field(default_factory=set)
    tops: list[int] = field(default_factory=list)
    last: int | None = None
    ordinal: int = -1
    replaced: tuple[Replaced, ...] = ()


@dataclass(frozen=True)
class Entry:
    """How one record is written: under which series' tag, and what its stamp says."""

    series: Series
    ordinal: int
    relation: Relation
    held: int
    replaced: tuple[Replaced, ...]
    is_first: bool


class History:
    """The series of a run as one writer's session knows them.

    Args:
        session: the writer's.
        standing: series, as their metadata says, with a step each: what stood in the run's directory before.
    """

    def __init__(self, session: int, standing: Iterable[tuple[Series, int]] = ()) -> None:
        self._session = session
        self._courses: dict[Series, _Course] = {}
        for series, step in standing:
            if not series.first:
                self._stood(series, step)

    def _stood(self, series: Series, step: int) -> None:
        course = self._courses.setdefault(series.identity, _Course())
        if series.session:
            _insert(course.steps, step)
        else:  # in the order of writing, in which a lower step replaced what followed
            del course.steps[bisect_left(course.steps, step) :]
            course.steps.append(step)
            course.added = False
        course.earlier = max(course.steps)

    def entries(self, series: Sequence[Series], step: int, mode: Mode | None) -> list[Entry]:
        """Return how the records of one step are written, and count them in.

        Args:
            series: all that are logged at this step under one tag, by their identity.
            step: of the training.
            mode: "add" or "resume"; None decides: what the run does not have yet adds to it, and what it has goes on.
        """
        adding = self._adding(series, step, mode)
        return [self._entry(one, step, mode, one in adding) for one in series]

    def _adding(self, series: Sequence[Series], step: int, mode: Mode | None) -> set[Series]:
        if mode is not None:
            return set(series) if mode == "add" else set()
        explaining = [one for one in series if one.kind != "predictions"]
        adding = {one for one in explaining if self._adds(one, step)}
        if any(one not in adding for one in explaining):  # then what is new beside it is the training's own
            return {one for one in adding if one in self._courses}
        return adding and set(series)

    def _adds(self, series: Series, step: int) -> bool:
        """Tell whether a series is one that the run got afterwards: then, too, where it is logged again."""
        known = self._courses.get(series)
        if known is not None:
            return known.added
        beside = [course for other, course in self._courses.items() if other.tag == series.tag and course.steps]
        return any(step <= course.earlier or step < course.steps[-1] for course in beside)

    def _entry(self, series: Series, step: int, mode: Mode | None, adds: bool) -> Entry:
        course = self._courses.setdefault(series, _Course())
        is_again = course.last == step
        course.last, course.ordinal = step, course.ordinal + (not is_again)
        relation = _relation(series, mode) if adds else "goes_on"
        if relation == "goes_on":
            self._go_on(course, step, is_again)
        else:
            self._add(course, step, relation)
        course.added = course.added and adds
        if adds:
            part = _part(course.tops, step)
            series = Series(**(vars(series) | {"session": self._session, "part": part}))
        is_first = not adds and course.steps[0] == step
        return Entry(series, course.ordinal, relation, len(course.steps), course.replaced, is_first)

    def _go_on(self, course: _Course, step: int, is_again: bool) -> None:
        gone = course.steps[bisect_left(course.steps, step) :]
        if gone and not (is_again and gone == [step]):
            course.replaced = (*course.replaced, Replaced(gone[0], gone[-1], len(gone)))[-MOST_REPLACED:]
        del course.steps[len(course.steps) - len(gone) :]
        course.steps.append(step)

    def _add(self, course: _Course, step: int, relation: Relation) -> None:
        if relation == "adds_on":
            gone = {own for own in course.own if own > step}
            course.steps = [one for one in course.steps if one not in gone]
            course.own -= gone
        course.own.add(step)
        _insert(course.steps, step)


def _relation(series: Series, mode: Mode | None) -> Relation:
    """Return what an addition does: maps that were logged afterwards can be logged anew, from an earlier step on."""
    if mode == "add":
        return "adds"
    return "adds_on" if series.kind == "predictions" else "goes_on"


def _insert(steps: list[int], step: int) -> None:
    at = bisect_left(steps, step)
    if at == len(steps) or steps[at] != step:
        steps.insert(at, step)


def _part(tops: list[int], step: int) -> int:
    """Return the first tag that this step may follow, as the last step under each of them says."""
    for part, top in enumerate(tops):
        if top <= step:
            tops[part] = step
            return part
    tops.append(step)
    return len(tops) - 1
