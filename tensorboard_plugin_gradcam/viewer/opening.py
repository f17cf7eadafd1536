"""What the tab shows first where nothing was chosen: its parts are put into one answer, before they are asked for.

It follows the choices of frontend/src/state (store.ts, wanted.ts). Where it guesses wrong, the tab asks as ever.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from werkzeug.wrappers import Response

from tensorboard_plugin_gradcam.records import CohortParts, CorruptRecord, NewerFormat
from tensorboard_plugin_gradcam.viewer.catalog import Catalog, Key
from tensorboard_plugin_gradcam.viewer.parameters import DIGEST

RUNS = 5  # that are shown without being asked for: the newest
GROUPS = 2  # of them that come before the pictures
TILES = 48  # that a large screen holds, of all runs: whose maps are asked for before it is known how many there are
PICTURES = 4  # of the first run: more would keep these waiting
SERIES = 2_000  # of a log; of more, to choose would take longer than to be asked
METHOD = "grad_cam"
HEADERS = ("Content-Type", "Content-Encoding")


class Question(NamedTuple):
    """A route and its parameters, as the tab writes them."""

    route: str
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class Shown:
    """A run's series on the first screen; `maps` is None where its run has none of the method and layer."""

    run: str
    tag: str
    has_predictions: bool
    maps: Key | None
    step: int  # the last one that any of the runs has
    samples: range  # that are on the first screen

    def questions(self) -> Iterator[Question]:
        """Yield what the tab asks of it first."""
        if self.has_predictions:
            yield Question("predictions", {"run": self.run, "tag": self.tag})
        if self.maps is not None:
            names = {"run": self.run, "tag": self.tag, "method": self.maps.method, "layer": self.maps.layer}
            yield Question("maps", {**names, "samples": ",".join(map(str, self.samples)), "step": str(self.step)})


def shown_first(catalog: Catalog) -> list[Shown]:
    """Return what is shown of a log that is opened without a link: the first tag, of the newest runs."""
    runs = catalog.as_json(None)["runs"] if len(catalog.entries) <= SERIES else []
    tag = next((tag["tag"] for run in runs for tag in run["tags"]), None)
    entries = {run["run"]: entry for run in _newest(runs) for entry in run["tags"] if entry["tag"] == tag}
    maps = [one for entry in entries.values() for one in entry["maps"]]
    method = METHOD if any(one["method"] == METHOD for one in maps) else maps[0]["method"] if maps else ""
    layers = list(dict.fromkeys(one["layer"] for one in maps if one["method"] == method))
    chosen = {run: _of(entry["maps"], method, layers[-1:]) for run, entry in entries.items()}
    step = max((one["max_step"] for one in chosen.values() if one), default=0)
    samples = range(math.ceil(TILES / max(len(entries), 1)))
    return [
        Shown(run, str(tag), entry["predictions"] is not None, _key(run, str(tag), chosen[run]), step, samples)
        for run, entry in entries.items()
    ]


def _newest(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    started = sorted(runs, key=lambda run: run["start_time"] or 0, reverse=True)
    names = {run["run"] for run in started[:RUNS]}
    return [run for run in runs if run["run"] in names]


def _of(maps: Sequence[dict[str, Any]], method: str, layers: Sequence[str]) -> dict[str, Any] | None:
    return next((one for one in maps if one["method"] == method and one["layer"] in layers), None)


def _key(run: str, tag: str, maps: dict[str, Any] | None) -> Key | None:
    return None if maps is None else Key(run, tag, "maps", maps["method"], maps["layer"])


def first_pictures(cohort: bytes) -> bytes:
    """Return the digests of the first pictures of a serialized cohort, with spaces between; none of a damaged one."""
    try:
        images = next((batch.images for batch in CohortParts(cohort).batches()), [])[:PICTURES]
    except (CorruptRecord, NewerFormat):
        return b""
    return " ".join(image for image in dict.fromkeys(images) if re.fullmatch(DIGEST, image)).encode()


@dataclass(frozen=True)
class Answered:
    """A question, and what its route answers: which headers matter, and the body as it would be sent."""

    question: Question
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, question: Question, response: Response) -> Answered:
        """Take over a response."""
        headers = {name: response.headers[name] for name in HEADERS if name in response.headers}
        # Not `get_data`: it refuses what is unpacked for a client that takes no gzip while it is sent.
        return cls(question, headers, b"".join(response.iter_encoded()))


def together(answers: Sequence[Answered]) -> bytes:
    """Put answers into one; the layout is in http_api.md."""
    listed = [
        {
            "route": one.question.route,
            "parameters": one.question.parameters,
            "headers": one.headers,
            "bytes": len(one.body),
        }
        for one in answers
    ]
    text = json.dumps({"answers": listed}, allow_nan=False).encode()
    return b"".join([b"GCAM", struct.pack("<I", len(text)), text, *(one.body for one in answers)])
