"""A data provider over events that were read already: the plugin's routes answer from it as from TensorBoard's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from tensorboard import errors
from tensorboard.data import provider

from tensorboard_plugin_gradcam.event_runs import TensorEvent
from tensorboard_plugin_gradcam.logs.subset import SubsetRuns
from tensorboard_plugin_gradcam.logs.values import PLUGINS
from tensorboard_plugin_gradcam.records import CorruptRecord, NewerFormat, Series


class EventsProvider:
    """What the plugin asks of TensorBoard's `DataProvider`, answered with all events: nothing is sampled."""

    def __init__(self, events: SubsetRuns) -> None:
        """Provide `events`."""
        self._events = events

    def list_runs(self, ctx: Any = None, *, experiment_id: str) -> list[Any]:
        """Return the runs with their first times."""
        names = {run for plugin in PLUGINS for run in self._events.PluginRunToTagToContent(plugin)}
        return [provider.Run(run_id=run, run_name=run, start_time=self._start(run)) for run in sorted(names)]

    def _start(self, run: str) -> float | None:
        times = [event.wall_time for tag in self._events.tags(run) for event in self._events.Tensors(run, tag)]
        return min(times, default=None)

    def list_tensors(self, ctx: Any = None, *, experiment_id: str, plugin_name: str, run_tag_filter: Any = None) -> Any:
        """Return tags and their metadata by run."""
        return self._listed(plugin_name, run_tag_filter, False, provider.TensorTimeSeries)

    def list_blob_sequences(
        self, ctx: Any = None, *, experiment_id: str, plugin_name: str, run_tag_filter: Any = None
    ) -> Any:
        """Return tags and their metadata by run."""
        listed = self._listed(plugin_name, run_tag_filter, True, provider.BlobSequenceTimeSeries, max_length=1)
        return listed

    def read_tensors(
        self, ctx: Any = None, *, experiment_id: str, plugin_name: str, downsample: int, run_tag_filter: Any = None
    ) -> Any:
        """Return the last `downsample` values of each tag by run."""
        return {
            run: {tag: [_datum(event) for event in self._events.Tensors(run, tag)][-downsample:] for tag in tags}
            for run, tags in self._tags(plugin_name, run_tag_filter, False).items()
        }

    def read_blob_sequences(
        self, ctx: Any = None, *, experiment_id: str, plugin_name: str, downsample: int, run_tag_filter: Any = None
    ) -> Any:
        """Return the first blob of each tag by run."""
        return {
            run: {tag: [self._reference(run, tag)] for tag in tags}
            for run, tags in self._tags(plugin_name, run_tag_filter, True).items()
        }

    def _reference(self, run: str, tag: str) -> Any:
        event = self._events.Tensors(run, tag)[0]
        key = provider.BlobReference(f"{run}\0{tag}")
        return provider.BlobSequenceDatum(event.step, event.wall_time, (key,))

    def read_blob(self, ctx: Any = None, *, blob_key: str) -> bytes:
        """Return a blob by its key."""
        run, _, tag = blob_key.partition("\0")
        strings = self._events.Tensors(run, tag)[0].tensor_proto.string_val
        if not strings:
            raise errors.NotFoundError(f"no blob in tag {tag!r}")
        return bytes(strings[0])

    def _listed(self, plugin: str, wanted: Any, blobs: bool, made: Any, **more: Any) -> dict[str, dict[str, Any]]:
        return {
            run: {
                tag: made(
                    max_step=max(event.step for event in self._events.Tensors(run, tag)),
                    max_wall_time=max(event.wall_time for event in self._events.Tensors(run, tag)),
                    plugin_content=content,
                    description="",
                    display_name="",
                    **more,
                )
                for tag, content in tags.items()
            }
            for run, tags in self._tags(plugin, wanted, blobs).items()
        }

    def _tags(self, plugin: str, wanted: Any, blobs: bool) -> dict[str, dict[str, bytes]]:
        found: Mapping[str, Mapping[str, bytes]] = self._events.PluginRunToTagToContent(plugin)
        runs: Iterable[str] | None = wanted.runs if wanted is not None else None
        tags: Iterable[str] | None = wanted.tags if wanted is not None else None
        return {
            run: {
                tag: contents[tag]
                for tag in (contents if tags is None else set(tags) & contents.keys())
                if self._events.Tensors(run, tag) and _is_blob(contents[tag]) == blobs
            }
            for run, contents in found.items()
            if runs is None or run in runs
        }


def _is_blob(content: bytes) -> bool:
    try:
        return Series.from_bytes(content).is_blob
    except (CorruptRecord, NewerFormat):
        return False


def _datum(event: TensorEvent) -> Any:
    strings = event.tensor_proto.string_val
    value = np.empty(len(strings), object)
    value[:] = list(strings)
    return provider.TensorDatum(event.step, event.wall_time, value)
