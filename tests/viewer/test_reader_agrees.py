"""`read_gradcam` and the tab leave out the same of a damaged log, and keep the same."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from tensorboard_plugin_gradcam import read_gradcam
from tests.fuzz.wsgi import ROOT, client
from tests.trust.hostile import write_good, write_records, write_tensors
from tests.viewer.eventlog import write_run
from tests.viewer.server import Answer

Shown = dict[tuple[str, str, str, str], list[float]]


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    logdir = tmp_path_factory.mktemp("damaged")
    write_records(logdir / "records")
    write_tensors(logdir / "tensors")
    write_good(logdir / "good")
    write_run(logdir / "trained", [0, 5, 10])
    return logdir


def in_the_tab(logdir: Path) -> tuple[Shown, set[str]]:
    """Return the steps of each series that has any, and what is said of the rest."""
    browser = client(logdir)
    shown, said = {}, set()
    for run in browser.get(f"{ROOT}/series").json["runs"]:
        for tag in run["tags"]:
            said |= {tag["problem"]} - {None}
            for maps in tag["maps"]:
                names = {"run": run["run"], "tag": tag["tag"], "method": maps["method"], "layer": maps["layer"]}
                answer = browser.get(f"{ROOT}/maps", query_string=names)
                if answer.status_code != 200:
                    continue
                header, arrays = Answer(200, {}, answer.data).packet
                said |= {one["message"] for one in header["corrupt"]}
                if len(arrays["steps"]):
                    shown[tuple(names.values())] = arrays["steps"].tolist()
    return shown, said


def test_both_keep_the_same_steps_and_say_the_same(damaged: Path) -> None:
    with pytest.warns(UserWarning, match="problems? in"):
        log = read_gradcam(damaged)
    shown, said = in_the_tab(damaged)
    assert len(shown) > 10
    assert {key: series.steps.tolist() for key, series in log.maps.items()} == shown
    told = "\n".join(log.problems)
    # The tab has a budget for each series where the reader has one for each record, and reads pictures only from blobs.
    unsaid = {text for text in said if text not in told and not text.startswith("too large")}
    assert unsaid <= {"expected a series of predictions, maps or numbers, got image"}


def test_a_series_of_which_nothing_can_be_read_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    """Its steps were shifted by a tool."""
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    raw = write_run(tmp_path / "good", [0, 5])
    writer = EventFileWriter(str(tmp_path / "bad"))
    (file,) = (tmp_path / "good").iterdir()
    for data in RawEventFileLoader(str(file)).Load():
        event = Event.FromString(data)
        event.step += 100 * any(":maps:" in value.tag for value in event.summary.value)
        writer.add_event(event)
    writer.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        log = read_gradcam(tmp_path)
    assert {key[0] for key in log.maps} == {"good"}
    assert {key[0] for key in log.predictions} == {"good", "bad"}
    np.testing.assert_allclose(
        log.maps["good", "val", "grad_cam", "layer4"].array(), np.stack(list(raw.values())), atol=0.02
    )
    assert "logged at step 5, found at step 105" in "\n".join(log.problems)
    assert log.metrics().run.unique().tolist() == ["good"]
