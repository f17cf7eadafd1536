"""At which step and epoch of its training a checkpoint was saved: by what it holds, or by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tensorboard_plugin_gradcam.replaying.inert import Inert, plain

STEP_KEYS = ("global_step", "global_steps", "step", "steps", "iteration", "iter", "iterations", "num_updates")
EPOCH_KEYS = ("epoch", "current_epoch", "epochs", "last_epoch", "completed_epochs")
# Trainers that count epochs which are over; with the others, the first epoch is 0 when it is over. Each is known by
# keys that it alone writes: pytorch/examples, DINO, OpenCLIP, nnU-Net, MMEngine.
_COUNT_EPOCHS = (
    {"arch", "best_acc1"}, {"student", "teacher"}, {"name", "state_dict", "epoch"},
    {"network_weights", "current_epoch"}, {"meta", "message_hub"},
)  # fmt: skip
_STEP_WORDS = re.compile(r"(?:^|[^a-z])(?:global_?steps?|steps?|iterations?|iters?|it|updates?)[^a-z0-9]*$")
_EPOCH_WORDS = re.compile(r"(?:^|[^a-z])(?:epochs?|ep|e)[^a-z0-9]*$")
_NUMBER = re.compile(r"(?<!\d)(?<!\d\.)\d+(?:\.\d+)?(?!\d)")
_ENDINGS = re.compile(r"(?:\.[A-Za-z][A-Za-z0-9]*)+$")
_ON_ITS_OWN = re.compile(r"(?:^|[^A-Za-z\d])\d+$|(?<!\d)0\d+$")  # the 10 of "model-10", not the 18 of "resnet18"


@dataclass(frozen=True)
class Moment:
    """When a checkpoint was saved.

    Attributes:
        step: of the training; None where nothing tells.
        epoch: as the trainer counts it; None where nothing tells.
        finished: epochs that were over then.
    """

    step: int | None = None
    epoch: float | None = None
    finished: float | None = None

    def or_else(self, other: Moment) -> Moment:
        """Return what this one tells, and of the rest what the other does."""
        own = self if self.epoch is not None else other
        return Moment(other.step if self.step is None else self.step, own.epoch, own.finished)


def moment_in(content: Any) -> Moment:
    """Return what a checkpoint's content tells."""
    places = [place for place in (content, _at(content, "meta")) if isinstance(place, Mapping)]
    step = _first(places, STEP_KEYS)
    epoch = _first(places, EPOCH_KEYS)
    if epoch is None:
        return Moment(None if step is None else int(step))
    counts = isinstance(content, Mapping) and any(keys <= set(content) for keys in _COUNT_EPOCHS)
    return Moment(None if step is None else int(step), float(epoch), float(epoch) + (not counts))


def moments_in_names(names: Sequence[str], pattern: str | None = None) -> list[Moment]:
    """Return what the names of checkpoints tell, all of one training.

    A number counts by the word before it: "epoch=3-step=500", "iter_2000", "ep12". A number without such a word is the
    step, if it is the only one in which the names differ: "resnet18-00010", "resnet18-00020".

    Args:
        names: of files or folders, without their folders.
        pattern: where to find the numbers: "ckpt_{step}_e{epoch}.pt", or a regular expression with groups of these
            names.

    Raises:
        ValueError: a pattern that names neither.
    """
    if pattern is not None:
        expression = _expression(pattern)
        return [_by_expression(expression, name) for name in names]
    stems = [_ENDINGS.sub("", name) for name in names]
    found = [_by_words(name) for name in stems]
    bare = _bare_numbers(stems)
    return [
        moment if moment.step is not None or moment.epoch is not None else Moment(number)
        for moment, number in zip(found, bare, strict=True)
    ]


def _at(content: Any, key: str) -> Any:
    return content.get(key) if isinstance(content, Mapping) else None


def _first(places: Sequence[Mapping[Any, Any]], keys: Sequence[str]) -> float | None:
    for key in keys:
        for place in places:
            value = plain(place.get(key))
            if isinstance(value, (int, float)) and not isinstance(value, (bool, Inert)) and 0 <= value < 2**53:
                return value
    return None


def _expression(pattern: str) -> re.Pattern[str]:
    if "{step}" in pattern or "{epoch}" in pattern:
        escaped = re.escape(pattern).replace(r"\*", ".*")
        for name in ("step", "epoch"):
            escaped = escaped.replace(re.escape(f"{{{name}}}"), rf"(?P<{name}>\d+)", 1)
        pattern = escaped
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"expected pattern as a regular expression, got {pattern!r}: {error}") from error
    if not {"step", "epoch"} & set(expression.groupindex):
        raise ValueError(f"expected pattern to name {{step}} or {{epoch}}, as in 'ckpt_{{step}}.pt', got {pattern!r}")
    return expression


def _by_expression(expression: re.Pattern[str], name: str) -> Moment:
    match = expression.search(name)
    said = {key: value for key, value in (match.groupdict() if match else {}).items() if value}
    step, epoch = said.get("step"), said.get("epoch")
    at = None if epoch is None else float(epoch)
    return Moment(None if step is None else int(step), at, None if at is None else at + 1)


def _by_words(name: str) -> Moment:
    step = epoch = None
    for match in _NUMBER.finditer(name):
        before = name[: match.start()].lower()
        if "." in match.group():
            continue  # a metric's
        if _STEP_WORDS.search(before):
            step = int(match.group())
        elif _EPOCH_WORDS.search(before):
            epoch = float(match.group())
    return Moment(step, epoch, None if epoch is None else epoch + 1)


def _bare_numbers(names: Sequence[str]) -> list[int | None]:
    """Return of each name the whole number by which it differs from the others, the last one where several do."""
    alike: dict[str, list[list[str]]] = {}
    for name in names:
        alike.setdefault(_NUMBER.sub("#", name), []).append(_numbers(name))
    return [_telling(name, alike[_NUMBER.sub("#", name)]) for name in names]


def _telling(name: str, rows: list[list[str]]) -> int | None:
    numbers = _numbers(name)
    columns = list(zip(*rows, strict=False))
    differing = [index for index, column in enumerate(columns) if len(set(column)) > 1]
    if differing:
        return int(numbers[differing[-1]])
    match = list(_NUMBER.finditer(name))
    last = match[-1] if match else None
    is_counted = last is not None and "." not in last.group() and _ON_ITS_OWN.search(name[: last.end()])
    return int(last.group()) if last is not None and is_counted else None


def _numbers(name: str) -> list[str]:
    return [one for one in _NUMBER.findall(name) if "." not in one]
