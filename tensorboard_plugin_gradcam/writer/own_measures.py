"""Measures of maps that are passed to `add_gradcam`: by their names, or as numbers of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from tensorboard_plugin_gradcam.measures import MEASURES, Measure, find_measures
from tensorboard_plugin_gradcam.writer.own_maps import by_series

OwnMeasures: TypeAlias = "Mapping[str, Any]"
Given = dict[str, dict[tuple[str, str], Any]]


def measures_of_call(measures: Any, method: str, layer: str) -> tuple[tuple[Measure, ...], Given]:
    """Return which measures are asked for, and the numbers that were passed by name, method and layer.

    Raises:
        ValueError: for a measure that would have to run the model.
        TypeError: for names that are none.
    """
    if isinstance(measures, Mapping):
        for name in measures:
            if not isinstance(name, str) or not name:
                raise TypeError(f"expected names of measures as text, got {name!r}")
        return (), {name: by_series(values, method, layer) for name, values in measures.items()}
    found = find_measures(measures)
    for measure in found:
        if not (measure.of_log or measure.needs == "map"):
            known = ", ".join(one.name for one in MEASURES.values() if one.of_log or one.needs == "map")
            raise ValueError(
                f"expected measures of maps alone ({known}), got {measure.name!r}, which runs the model: "
                f"pass its numbers, measures={{{measure.name!r}: values}}"
            )
    return found, {}
