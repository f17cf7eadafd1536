"""Query parameters: what a stranger may write into them, and the words for what they may not."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

from tensorboard import errors
from werkzeug.datastructures import MultiDict

from tensorboard_plugin_gradcam.findings.windows import Region
from tensorboard_plugin_gradcam.viewer.limits import RUNS_COMPARED, SAMPLES_ASKED

DIGEST = "[0-9a-f]{32}"
Aspect = Literal["label", "prediction"]  # by which samples are put into classes


@dataclass(frozen=True)
class Cut:
    """Which part of a series is asked for; None means all."""

    samples: tuple[int, ...] | None = None
    step: float | None = None
    after: float | None = None


def required(arguments: Mapping[str, str], name: str) -> str:
    """Return a parameter that can't be left out."""
    value = arguments.get(name)
    if value is None:
        raise errors.InvalidArgumentError(f"missing query parameter {name!r}")
    return value


def digest(arguments: Mapping[str, str]) -> str:
    """Return the parameter `digest`."""
    value = required(arguments, "digest")
    if not re.fullmatch(DIGEST, value):
        raise errors.InvalidArgumentError(f"expected a digest of 32 lower-case hex digits, got {quoted(value)}")
    return value


def steps_cut(arguments: Mapping[str, str]) -> Cut:
    """Return the part of a series of predictions that is asked for."""
    return Cut(after=_number(arguments, "after"))


def maps_cut(arguments: Mapping[str, str]) -> Cut:
    """Return the part of a series of maps that is asked for."""
    cut = Cut(_samples(arguments), _number(arguments, "step"), _number(arguments, "after"))
    if cut.step is not None and cut.after is not None:
        raise errors.InvalidArgumentError("expected either 'step' or 'after', got both")
    return cut


def step(arguments: Mapping[str, str]) -> float:
    """Return the parameter `step`; without it, the last one."""
    value = _number(arguments, "step")
    return math.inf if value is None else value


def aspect(arguments: Mapping[str, str]) -> Aspect:
    """Return the parameter `by`: whether classes are those of the labels or of the predictions."""
    value = arguments.get("by", "label")
    if value not in get_args(Aspect):
        raise errors.InvalidArgumentError(f"expected 'label' or 'prediction' for 'by', got {quoted(value)}")
    return cast(Aspect, value)


def group(arguments: Mapping[str, str]) -> int | None:
    """Return the parameter `class`; None for all classes."""
    value = _number(arguments, "class")
    if value is not None and not (value == int(value) and 0 <= value < 2**31):
        raise errors.InvalidArgumentError(f"expected a class index for 'class', got {quoted(arguments['class'])}")
    return None if value is None else int(value)


def region(arguments: Mapping[str, str]) -> Region:
    """Return the parameter `region`: x0,y0,x1,y1 in fractions of the picture, and four more for a hole."""
    value = required(arguments, "region")
    edges = [_number({"region": edge}, "region") for edge in value.split(",", 8)]
    known = [edge for edge in edges if edge is not None and 0 <= edge <= 1]
    if len(known) != len(edges) or len(known) not in (4, 8) or not (known[0] < known[2] and known[1] < known[3]):
        raise errors.InvalidArgumentError(
            f"expected 'region' as x0,y0,x1,y1 in fractions from 0 to 1, with four more for a hole, got {quoted(value)}"
        )
    hole = (known[4], known[5], known[6], known[7]) if len(known) == 8 else None
    return Region(known[0], known[1], known[2], known[3], hole)


def runs(arguments: MultiDict[str, str]) -> list[str]:
    """Return the runs that are asked for together, each once."""
    found = list(dict.fromkeys(arguments.getlist("run")))
    if not 0 < len(found) <= RUNS_COMPARED:
        raise errors.InvalidArgumentError(f"expected 1 to {RUNS_COMPARED} parameters 'run', got {len(found)}")
    return found


def quoted(value: str) -> str:
    """Return a value for an error message: escaped, and not at any length."""
    return repr(value if len(value) <= 200 else value[:200] + "…")


def _number(arguments: Mapping[str, str], name: str) -> float | None:
    value = arguments.get(name)
    if value is None:
        return None
    if not re.fullmatch(r"-?[0-9]{1,20}(\.[0-9]{1,20})?", value) or not math.isfinite(float(value)):
        raise errors.InvalidArgumentError(f"expected a number for {name!r}, got {quoted(value)}")
    return float(value)


def _samples(arguments: Mapping[str, str]) -> tuple[int, ...] | None:
    value = arguments.get("samples")
    if value is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9})*", value, re.ASCII):
        raise errors.InvalidArgumentError(
            f"expected 'samples' as indices from 0 with commas between, got {quoted(value)}"
        )
    samples = tuple(sorted({int(index) for index in value.split(",")}))
    if len(samples) > SAMPLES_ASKED:
        raise errors.InvalidArgumentError(f"expected at most {SAMPLES_ASKED} samples, got {len(samples)}")
    return samples
