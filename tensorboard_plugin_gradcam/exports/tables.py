"""Metrics and numbers of every map at every step, as a table."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tensorboard_plugin_gradcam.installing import missing
from tensorboard_plugin_gradcam.reader import GradCAMLog

Row = dict[str, Any]


def rows_of(log: GradCAMLog) -> list[Row]:
    """Return a row for each map at each step, with the columns of `GradCAMLog.metrics` and the logged numbers.

    A number of samples is a column of its name; so is a number of maps, in the rows of its method and layer.
    """
    numbers = _numbers(log)
    return [row | numbers.get(_place(row), {}) | numbers.get(_sample(row), {}) for row in log.rows()]


def write_csv(rows: Iterable[Row], path: Path) -> None:
    """Write rows with one header; numbers that are not there are empty."""
    found = list(rows)
    names = list(dict.fromkeys(name for row in found for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows({name: "" if _is_missing(value) else value for name, value in row.items()} for row in found)


def write_parquet(rows: Iterable[Row], path: Path) -> None:
    """Write rows as Parquet.

    Raises:
        ImportError: pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise missing("Parquet", error.name, "parquet") from error
    found = list(rows)
    names = list(dict.fromkeys(name for row in found for name in row))
    columns = {name: [row.get(name) for row in found] for name in names}
    pyarrow.parquet.write_table(pyarrow.table(columns), path)


Key = tuple[Any, ...]


def _numbers(log: GradCAMLog) -> dict[Key, Row]:
    found: dict[Key, Row] = {}
    for (run, tag, name, method, layer), series in log.numbers.items():
        for step, identity, value in _values(series):
            key = (run, tag, method, layer, step, identity) if method or layer else (run, tag, step, identity)
            found.setdefault(key, {}).setdefault(name, value)
    return found


def _values(series: Any) -> Iterator[tuple[int, str, float]]:
    for moment in series:
        names = moment.cohort.identities if moment.cohort else ()
        for index, value in zip(moment.record.sample_indices.tolist(), moment.record.values.tolist(), strict=True):
            if index < len(names):
                yield moment.step, names[index], value


def _place(row: Row) -> Key:
    return tuple(row[name] for name in ("run", "tag", "method", "layer", "step", "identity"))


def _sample(row: Row) -> Key:
    return tuple(row[name] for name in ("run", "tag", "step", "identity"))


def _is_missing(value: Any) -> bool:
    return value is None or value != value
