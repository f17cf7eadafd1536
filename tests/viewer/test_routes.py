"""Each route through the real TensorBoard, with each of its two loaders."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tensorboard_plugin_gradcam.records import Cohort, Maps, Sample, Series, Stamp, digest_of_pixels
from tests.viewer.eventlog import EventLog, block, cohort, image_series, maps_series, png, write_run
from tests.viewer.server import ROOT, Server, tensorboard

STEPS = list(range(0, 300, 2))
PIXELS = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
DIGEST = digest_of_pixels(PIXELS)
BROKEN, BOMB, MISSING = "b" * 32, "c" * 32, "d" * 32
MAPS = {"run": "train", "tag": "val", "method": "grad_cam", "layer": "layer4"}


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[tuple[str, int], np.ndarray]]:
    logdir = tmp_path_factory.mktemp("logs")
    raw = write_run(logdir / "train", STEPS, layers=("layer3", "layer4"))
    write_run(logdir, [0, 5])
    with EventLog(logdir / "odd") as log:
        log.add(image_series(PIXELS), png(PIXELS))
        log.add(Series("image", digest=BROKEN), b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
        log.add(Series("image", digest=BOMB), png(PIXELS)[:16] + b"\x00\x01\x00\x00" * 2 + png(PIXELS)[24:])
        log.add(Series("cohort", digest=BROKEN), b"not a cohort")
        list_ = _odd_cohort()
        log.add(Series("cohort", digest=list_.digest), list_.to_bytes())
        for step in (3, 7):
            log.add(maps_series(), _odd_maps(list_, step).to_bytes(), step)
        damaged = bytearray(_odd_maps(list_, 9).to_bytes())
        damaged[-20] ^= 4
        log.add(maps_series(), bytes(damaged), 9)
        log.add_value("next", b"\x0a\x02\x08\x02\x10\x04", b"")  # a series of format 2.0
    return logdir, raw


def _odd_cohort() -> Cohort:
    mask = np.array([[0, 1, 2], [0, 0, 7]], np.uint8)
    sample = Sample(DIGEST, (DIGEST,), None, "id", "<b>caption</b>", ((0.0, 0.25, 0.5, 1.0),), mask, 8, 6)
    return Cohort((sample, *cohort(1).samples), ("naïve", "</script>"))


def _odd_maps(list_: Cohort, step: int) -> Maps:
    """Two targets of sample 1 at different resolutions, and a map of raw numbers with a hole."""
    raw = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    hole = np.array([[[np.nan, 1.5], [2.5, -1]]], np.float32)
    index = np.array([1], np.int32)
    blocks = (
        block(raw, samples=index, targets=np.array([5], np.int32), scores=np.array([step], np.float32)),
        block(hole, "float32", samples=index - 1, names=("cat minus dog",), native_shape=(4, 4)),
    )
    return Maps(Stamp(list_.digest, step // 4, 1), blocks)


@pytest.fixture(scope="module", params=["true", "false"], ids=["data_server", "python_loader"])
def server(logged: tuple[Path, object], request: pytest.FixtureRequest) -> Iterator[Server]:
    with tensorboard(logged[0], request.param) as server:
        server.wait(lambda server: len(server.get("series").json["runs"]) == 3)
        server.wait(lambda server: len(server.get("maps", **MAPS).packet[1]["steps"]) == len(STEPS))
        yield server


def test_series_lists_everything_that_can_be_chosen(server: Server) -> None:
    catalog = server.get("series").json
    assert catalog["format"] == {"major": 1, "minor": 1}
    assert catalog["kept_steps"] == 1000
    runs = {run["run"]: run for run in catalog["runs"]}
    assert runs.keys() == {".", "train", "odd"}
    (tag,) = runs["train"]["tags"]
    assert tag["tag"] == "val"
    assert tag["problem"] is None
    assert tag["predictions"] == {"max_step": 298, "max_wall_time": 1.7e9 + 298}
    assert tag["maps"][0] == {
        "method": "grad_cam",
        "layer": "layer3",
        "kind": "positive",
        "max_step": 298,
        "max_wall_time": 1.7e9 + 298,
    }
    assert [entry["layer"] for entry in tag["maps"]] == ["layer3", "layer4"]
    assert runs["train"]["start_time"] == 1.7e9


def test_series_says_what_can_not_be_shown(server: Server) -> None:
    (odd,) = (run for run in server.get("series").json["runs"] if run["run"] == "odd")
    problems = {tag["tag"]: tag["problem"] for tag in odd["tags"]}
    assert problems["val"] is None
    assert "format 2.0, this version reads 1.x" in problems["next"]


def test_runs_are_in_tensorboards_order(server: Server) -> None:
    listed = [run["run"] for run in server.get("series").json["runs"]]
    assert listed == [run for run in server.ask("/data/runs").json if run in listed]


def test_maps_hold_every_step_and_every_value(server: Server, logged: tuple[Path, dict]) -> None:
    header, arrays = server.get("maps", **MAPS).packet
    assert (header["run"], header["tag"], header["method"], header["layer"]) == ("train", "val", "grad_cam", "layer4")
    assert (header["kind"], header["total"], header["corrupt"]) == ("positive", len(STEPS), [])
    assert arrays["steps"].tolist() == STEPS
    np.testing.assert_allclose(arrays["epochs"], np.array(STEPS) / 10)
    assert arrays["ordinals"].tolist() == list(range(len(STEPS)))
    assert arrays["wall_times"].tolist() == [1.7e9 + step for step in STEPS]
    assert arrays["first"].tolist() == list(range(0, 4 * len(STEPS) + 1, 4))
    assert arrays["sample"].tolist() == [0, 1, 2, 3] * len(STEPS)
    for row, step in enumerate(STEPS):
        raw = logged[1]["layer4", step].reshape(4, 49)
        for entry in range(4):
            at = 4 * row + entry
            low, high = arrays["minimum"][at], arrays["maximum"][at]
            cells = arrays["values"][arrays["offset"][at] :][:49]
            np.testing.assert_allclose(low + cells / 255 * (high - low), raw[entry], atol=(high - low) / 509)


def test_samples_and_steps_cut_out_of_the_whole(server: Server) -> None:
    _, whole = server.get("maps", **MAPS).packet
    _, part = server.get("maps", **MAPS, samples="3,1,77", step=101).packet
    assert part["steps"].tolist() == [100]  # the lower of two equally near
    assert part["sample"].tolist() == [1, 3]
    assert part["first"].tolist() == [0, 2]
    assert part["offset"].tolist() == [0, 49]
    row = STEPS.index(100)
    cells = whole["values"].reshape(len(STEPS), 4, 49)
    np.testing.assert_array_equal(part["values"].reshape(2, 49), cells[row, [1, 3]])
    _, later = server.get("maps", **MAPS, after=290).packet
    assert later["steps"].tolist() == [292, 294, 296, 298]
    np.testing.assert_array_equal(later["values"].reshape(4, 4, 49), cells[-4:])
    _, nothing = server.get("maps", **MAPS, after=298).packet
    assert nothing["steps"].size == nothing["values"].size == 0
    assert nothing["first"].tolist() == [0]


def test_several_targets_and_raw_values_of_a_step(server: Server) -> None:
    header, arrays = server.get("maps", **{**MAPS, "run": "odd"}).packet
    assert arrays["steps"].tolist() == [3, 7]
    assert header["corrupt"] == [{"step": 9, "message": "checksum mismatch"}]
    assert arrays["sample"].tolist() == [1, 0, 1, 0]
    assert arrays["target"].tolist() == [5, -1, 5, -1]
    assert arrays["shape"].tolist() == [[2, 3], [2, 2]] * 2
    assert arrays["offset"].tolist() == [0, 6, 10, 16]
    assert arrays["score"][0] == 3
    assert np.isnan(arrays["score"][1])
    assert arrays["values"].dtype == np.float32
    np.testing.assert_allclose(arrays["values"][:6], range(6), atol=5 / 500)
    np.testing.assert_array_equal(arrays["values"][6:10], [-1, 1.5, 2.5, -1])
    assert arrays["non_finite"].tolist() == [0, 1, 0, 1]
    assert (header["names"], arrays["name"].tolist()) == (["cat minus dog"], [-1, 0, -1, 0])
    assert header["native_shape"] == [4, 4]


def test_predictions_of_every_step(server: Server) -> None:
    header, arrays = server.get("predictions", run="train", tag="val").packet
    assert header["total"] == len(STEPS)
    assert arrays["steps"].tolist() == STEPS
    for name in ("prediction", "probability", "label_probability", "loss"):
        assert arrays[name].shape == (len(STEPS), 4)
    assert arrays["top_classes"].shape == arrays["top_probabilities"].shape == (len(STEPS), 4, 2)
    assert (arrays["top_classes"][:, :, 0] == 1).all()
    later = server.get("predictions", run="train", tag="val", after=295).packet[1]
    assert later["steps"].tolist() == [296, 298]
    np.testing.assert_array_equal(later["loss"], arrays["loss"][-2:])


def test_the_run_of_the_log_directory_itself(server: Server) -> None:
    assert server.get("predictions", run=".", tag="val").packet[1]["steps"].tolist() == [0, 5]


def test_cohort(server: Server) -> None:
    answer = server.get("cohort", run="odd", digest=_odd_cohort().digest)
    assert answer.headers["content-type"] == "application/json"
    assert "max-age=31536000" in answer.headers["cache-control"]
    assert answer.json["class_names"] == ["naïve", "</script>"]
    first = answer.json["samples"][0]
    assert first == {
        "image": DIGEST,
        "slices": [DIGEST],
        "label": None,
        "id": "id",
        "caption": "<b>caption</b>",
        "width": 8,
        "height": 6,
        "boxes": [[0, 0.25, 0.5, 1]],
        "mask": {"depth": None, "height": 2, "width": 3, "cells": "AAEBAAAB"},
        "identity": "id#0",
        "labels": None,
        "values": [],
        "box_classes": [],
        "class_mask": None,
    }
    assert answer.json["samples"][1]["label"] == 0


def test_image_is_what_was_written(server: Server) -> None:
    answer = server.get("image", run="odd", digest=DIGEST)
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/png"
    assert "max-age=31536000" in answer.headers["cache-control"]
    assert answer.body == png(PIXELS)


def test_index_is_a_module(server: Server) -> None:
    answer = server.get("index.js")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "render" in answer.text


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("predictions?run=train", 400, "missing query parameter 'tag'"),
        ("predictions", 400, "missing query parameter 'run'"),
        ("predictions?run=nowhere&tag=val", 404, "no Grad-CAM data for run='nowhere', tag='val'"),
        ("predictions?run=train&tag=val&after=now", 400, "expected a number for 'after', got 'now'"),
        ("maps?run=train&tag=val&method=grad_cam", 400, "missing query parameter 'layer'"),
        ("maps?run=train&tag=val&method=grad_cam&layer=layer9", 404, "layer='layer9'"),
        ("maps?run=train&tag=val&method=grad_cam&layer=layer4&samples=1,-2", 400, "got '1,-2'"),
        ("maps?run=train&tag=val&method=grad_cam&layer=layer4&step=1&after=1", 400, "got both"),
        ("maps?run=train&tag=val&method=grad_cam&layer=layer4&step=1e999", 400, "got '1e999'"),
        ("maps?run=train&tag=val&method=grad_cam&layer=layer4&step=nan", 400, "got 'nan'"),
        (f"cohort?run=train&digest={MISSING}", 404, f"no cohort {MISSING} in run='train'"),
        (f"cohort?run=odd&digest={BROKEN}", 415, "the list of samples can't be read: "),
        ("cohort?run=train&digest=../../etc/passwd", 400, "expected a digest of 32 lower-case hex digits"),
        (f"image?run=train&digest={MISSING}", 404, f"no image {MISSING}"),
        (f"image?run=nowhere&digest={DIGEST}", 404, "run='nowhere'"),
        (f"image?run=odd&digest={BROKEN}", 415, "expected a PNG, JPEG or WebP picture"),
        (f"image?run=odd&digest={BOMB}", 415, "the picture claims 65536 x 65536 pixels"),
        (f"image?run=odd&digest={DIGEST.upper()}", 400, "lower-case"),
        ("static/..%2f..%2floader.py", 404, "no front-end file"),
        ("static/../loader.py", 404, "no front-end file"),
        ("static/%2e%2e/loader.py", 404, "no front-end file"),
        ("static//etc/passwd", 404, "no front-end file"),
        ("static/index.js%00.png", 404, "no front-end file"),
        ("static/", 404, "ot found"),
        ("nothing", 404, "Not found"),
    ],
)
def test_bad_requests_say_what_is_wrong(server: Server, path: str, status: int, message: str) -> None:
    answer = server.ask(f"{ROOT}/{path}")
    assert answer.status == status
    assert message in answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_opening_holds_what_the_tab_asks_first(server: Server) -> None:
    answers = _early(server.get("opening").body)
    asked = [(route, parameters["run"]) for route, parameters, _, _ in answers]
    # No run but `train` has maps of the layer that is shown, and all log the same samples.
    assert asked == [("predictions", "."), ("cohort", "."), ("image", "."), ("predictions", "train"), ("maps", "train")]
    for route, parameters, headers, body in answers:
        own = server.get(route, **parameters)
        assert headers["Content-Type"] == own.headers["content-type"]
        assert (gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body) == own.body


def _early(body: bytes) -> list[tuple[str, dict[str, str], dict[str, str], bytes]]:
    """Take the answer of `opening` apart, by the letter of http_api.md."""
    assert body[:4] == b"GCAM"
    length = int.from_bytes(body[4:8], "little")
    listed, at, found = json.loads(body[8 : 8 + length])["answers"], 8 + length, []
    for one in listed:
        found.append((one["route"], one["parameters"], one["headers"], body[at : at + one["bytes"]]))
        at += one["bytes"]
    assert at == len(body)
    return found


ROUTES = ["series", "opening", "predictions", "maps", "cohort", "image", "index.js", "static/index.js"]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_only_get_and_head(server: Server, route: str, method: str) -> None:
    answer = server.ask(f"{ROOT}/{route}", method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "series",
        "opening",
        "maps?run=train&tag=val&method=grad_cam&layer=layer4",
        f"image?run=odd&digest={DIGEST}",
        "index.js",
        "image",
    ],
)
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_head_is_get_without_the_body(server: Server, path: str, encoding: str) -> None:
    whole = server.ask(f"{ROOT}/{path}", headers={"Accept-Encoding": encoding})
    head = server.ask(f"{ROOT}/{path}", "HEAD", {"Accept-Encoding": encoding})
    assert (head.status, head.body) == (whole.status, b"")
    for name in ("content-type", "content-length", "x-content-type-options"):
        assert head.headers[name] == whole.headers[name]


def test_a_client_without_gzip_gets_the_same_packet(server: Server) -> None:
    path = f"{ROOT}/maps?run=train&tag=val&method=grad_cam&layer=layer4"
    plain = server.ask(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.body == server.ask(path).body


def test_a_client_without_gzip_gets_the_same_opening(server: Server) -> None:
    plain = _early(server.ask(f"{ROOT}/opening", headers={"Accept-Encoding": "identity"}).body)
    packed = _early(server.get("opening").body)
    assert [one[:2] for one in plain] == [one[:2] for one in packed]
    for (*_, headers, body), (*_, packed_headers, packed_body) in zip(plain, packed, strict=True):
        assert "Content-Encoding" not in headers
        assert body == (gzip.decompress(packed_body) if "Content-Encoding" in packed_headers else packed_body)


def test_the_tab_is_listed_with_its_data(server: Server) -> None:
    listed = server.ask("/data/plugins_listing").json["gradcam"]
    assert listed == {
        "disable_reload": False,
        "enabled": True,
        "remove_dom": False,
        "tab_name": "Grad-CAM",
        "loading_mechanism": {"type": "IFRAME", "module_path": f"{ROOT}/index.js"},
    }
    entry = server.ask("/data/plugin_entry.html?name=gradcam")
    assert "default-src 'self'" in entry.headers["content-security-policy"]
