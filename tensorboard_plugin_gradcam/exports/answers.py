"""What the tab would be answered while someone looks at a log: every answer there is, asked for once and kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from types import SimpleNamespace
from typing import Any

from werkzeug.test import Client

from tensorboard_plugin_gradcam.exports.provider import EventsProvider
from tensorboard_plugin_gradcam.logs.subset import SubsetRuns
from tensorboard_plugin_gradcam.records import PLUGIN_NAME
from tensorboard_plugin_gradcam.spreading import evenly

MOST_ATLAS_STEPS = 50  # of one series
MOST_RUNS_TOGETHER = 4  # up to which each choice of runs has findings of its own

Query = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a route answers.

    Attributes:
        route: its name.
        query: its parameters, as the tab passes them.
        body: of the answer, not compressed.
        media_type: of the body.
    """

    route: str
    query: Query
    body: bytes
    media_type: str


def answers_of(events: SubsetRuns) -> Iterator[Answer]:
    """Yield the answers: the list of all series first, then what that and what follows from it asks for.

    What the routes refuse (a damaged picture, say) is left out, as the tab leaves it out. An atlas is kept at some
    steps alone: its answer is ``{"pictures": [...], "atlases": [...]}``, whose classes name their pictures by index.
    """
    asked = _Asked(events)
    catalog = asked.json("series", {})
    assert catalog is not None
    yield asked.answer("series", {})
    digests: dict[tuple[str, str], None] = {}
    by_series: dict[tuple[str, str, str], list[str]] = {}
    for run in catalog["runs"]:
        for tag in run["tags"]:
            for answer in _series_of(asked, run["run"], tag):
                yield answer
                digests.update(dict.fromkeys((run["run"], digest) for digest in _cohorts(answer.body)))
            for maps in tag["maps"]:
                by_series.setdefault((tag["tag"], maps["method"], maps["layer"]), []).append(run["run"])
    yield from _samples(asked, digests)
    for (tag, method, layer), runs in by_series.items():
        query = {"tag": tag, "method": method, "layer": layer}
        for chosen in _together(runs):
            yield from asked.maybe("findings", {"run": chosen, **query})
        for run in runs:
            steps = _atlas_steps(asked, {"run": [run], **query})
            for by in ({}, {"by": "prediction"}):
                yield from _atlases(asked, {"run": run, **query, **by}, steps)


class _Asked:
    """The plugin's routes, without a server."""

    def __init__(self, events: SubsetRuns) -> None:
        from tensorboard_plugin_gradcam.viewer.plugin import GradCAMPlugin

        flags = SimpleNamespace(samples_per_plugin={PLUGIN_NAME: 0}, logdir="")  # 0: all steps are kept
        context = SimpleNamespace(data_provider=EventsProvider(events), flags=flags, multiplexer=events)
        self._routes = GradCAMPlugin(context).get_plugin_apps()

    def maybe(self, route: str, query: Query) -> Iterator[Answer]:
        """Yield an answer, or nothing where the route has none."""
        response = Client(self._routes[f"/{route}"]).get(f"/{route}", query_string=query)
        if response.status_code == 200:
            yield Answer(route, query, response.get_data(), str(response.mimetype))

    def answer(self, route: str, query: Query) -> Answer:
        """Return an answer that there has to be."""
        return next(self.maybe(route, query))

    def json(self, route: str, query: Query) -> Any:
        """Return what an answer says; None where there is none."""
        return next((json.loads(answer.body) for answer in self.maybe(route, query)), None)


def _series_of(asked: _Asked, run: str, tag: Mapping[str, Any]) -> Iterator[Answer]:
    of = {"run": run, "tag": tag["tag"]}
    if tag["predictions"]:
        yield from asked.maybe("predictions", of)
    for maps in tag["maps"]:
        yield from asked.maybe("maps", {**of, "method": maps["method"], "layer": maps["layer"]})
    for numbers in tag["numbers"]:
        of_maps = {name: numbers[name] for name in ("method", "layer") if numbers["method"]}
        yield from asked.maybe("numbers", {**of, "name": numbers["name"], **of_maps})


def _samples(asked: _Asked, cohorts: Mapping[tuple[str, str], None]) -> Iterator[Answer]:
    pictures: dict[tuple[str, str], None] = {}
    for run, digest in cohorts:
        for answer in asked.maybe("cohort", {"run": run, "digest": digest}):
            yield answer
            for sample in json.loads(answer.body)["samples"]:
                digests = filter(None, (sample["image"], *sample["slices"]))
                pictures.update(dict.fromkeys((run, one) for one in digests))
    for run, digest in pictures:
        yield from asked.maybe("image", {"run": run, "digest": digest})


def _together(runs: list[str]) -> Iterator[list[str]]:
    """Yield which runs' findings are kept: of every choice where there are few, else of each run and of all."""
    if len(runs) > MOST_RUNS_TOGETHER:
        yield from ([run] for run in runs)
        yield runs
    else:
        for count in range(1, len(runs) + 1):
            yield from map(list, combinations(runs, count))


def _atlas_steps(asked: _Asked, query: Query) -> list[int]:
    """Return steps spread evenly, and those that findings are seen at."""
    found = asked.json("findings", query)
    steps = sorted(found["runs"][0]["timeline"].get("step", [])) if found else []
    seen = {int(one["step"]) for one in found["findings"]} if found else set()
    return sorted(set(map(int, evenly(steps, MOST_ATLAS_STEPS))) | seen)


def _atlases(asked: _Asked, query: Query, steps: list[int]) -> Iterator[Answer]:
    """Yield the atlases of a series as one answer."""
    pictures: dict[str, int] = {}  # the same at many steps
    atlases: list[Any] = []
    for step in steps:
        atlas = asked.json("atlas", {**query, "step": step})
        if atlases and atlas and atlas["step"] == atlases[-1]["step"]:
            continue  # of a whole data set's earlier steps no sample's own maps are kept
        for one in atlas["classes"] if atlas else ():
            if one.get("picture"):
                one["picture"] = pictures.setdefault(one["picture"], len(pictures))
        atlases += [atlas] if atlas else []
    if atlases:
        body = json.dumps({"pictures": list(pictures), "atlases": atlases}, separators=(",", ":")).encode()
        yield Answer("atlas", query, body, "application/json")


def _cohorts(body: bytes) -> list[str]:
    """Return the digests that a packet's header names."""
    header = json.loads(body[8 : 8 + int.from_bytes(body[4:8], "little")])
    return list(header["cohorts"])
