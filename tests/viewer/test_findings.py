"""The routes `findings` and `atlas` through the real TensorBoard, with both loaders."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tensorboard_plugin_gradcam import add_gradcam, read_gradcam
from tensorboard_plugin_gradcam.findings import Source, Summary
from tensorboard_plugin_gradcam.viewer.findings import LookedAt, comparable, findings_json
from tensorboard_plugin_gradcam.writer import Samples, prepare_samples
from tests.viewer.server import ROOT, Server, tensorboard

NAMES = ("cat", "dog")
WHERE = {"tag": "val", "method": "grad_cam", "layer": "layer4"}


def planted_samples() -> Samples:
    images = np.random.default_rng(0).integers(0, 255, (40, 64, 64), np.uint8)
    images[1::2, :8, :8] = 255  # the mark of the dogs
    return prepare_samples(images, labels=np.arange(40) % 2)


def write(logdir: Path, run: str, steps: range, marked: bool, keep_maps: int | None = None) -> None:
    random = np.random.default_rng(1)
    samples = planted_samples()
    for step in steps:
        maps = random.gamma(0.5, size=(40, 7, 7)).astype(np.float32)
        if marked and step >= 3:
            maps[1::2, 0, 0] += 40
        add_gradcam(
            str(logdir / run), "val", samples, maps, step, method="grad_cam", layer="layer4", class_names=NAMES,
            predictions=np.arange(40) % 2, probabilities=np.full(40, 0.9), keep_maps=keep_maps,
        )  # fmt: skip


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("findings")
    write(path, "clean", range(6), marked=False)
    write(path, "marked", range(6), marked=True)
    write(path, "turns", range(6), marked=True, keep_maps=2)
    return path


@pytest.fixture(scope="module", params=["true", "false"])
def server(logdir: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    with tensorboard(logdir, request.param) as running:
        yield running


def test_the_mark_is_the_first_finding_and_is_what_the_reader_finds(server: Server, logdir: Path) -> None:
    answer = server.get("findings", run=["clean", "marked"], **WHERE)
    assert answer.status == 200
    assert answer.json["not_compared"] == []
    finding, differ = answer.json["findings"]
    assert (differ["kind"], differ["run"], differ["other"], differ["group"]) == ("runs_differ", "clean", "marked", 1)
    assert (finding["kind"], finding["run"], finding["group"], finding["since"]) == ("hot_spot", "marked", 1, 3)
    assert finding["sentence"].startswith("20 of 20 samples of “dog” look at the upper left corner since step 3")
    assert len(finding["samples"]) == 20
    read = next(one for one in read_gradcam(logdir).findings() if one.run == "marked")
    assert read.to_json(NAMES) == finding | {"p": pytest.approx(read.p), "q": pytest.approx(read.q)}


def test_of_runs_that_are_too_large_together_each_has_its_own_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the answer names those that were compared with no other."""
    one = LookedAt(("a",), [], {"run": "a", "timeline": {}}, (), Source("a", "val", "m", "l", Summary()))
    other = replace(one, shown={"run": "b", "timeline": {"step": [1] * 1000}})
    answer = findings_json(list(comparable([one, other], budget=1000)))
    assert answer["not_compared"] == ["b"]
    assert [run["run"] for run in answer["runs"]] == ["a", "b"]


def test_a_mark_that_looks_alike_is_shown_as_the_mean_of_its_pictures(server: Server) -> None:
    finding = server.get("findings", run=["clean", "marked"], **WHERE).json["findings"][0]
    assert "there they look alike" in finding["sentence"]
    assert finding["numbers"]["alike"] > 0.5 > finding["numbers"]["other_alike"]
    crop = decoded(finding["crop"]["png"])
    # A seventh of 32 pixels and half as much again is 6; the mark covers 4 of them.
    assert finding["crop"]["box"] == [0, 0, 6 / 32, 6 / 32]
    assert crop.shape == (6, 6)
    assert (crop[:4, :4] == 255).all()
    assert (crop[5] < 200).all()


def test_the_atlas_has_the_mean_picture_of_each_class(server: Server) -> None:
    everyone, cats, dogs = (
        decoded(one["picture"]) for one in server.get("atlas", run="marked", **WHERE).json["classes"]
    )
    assert everyone.shape == (32, 32)
    assert (dogs[:4, :4] == 255).all()
    assert (cats[:4, :4] < 200).all()


def decoded(png: str) -> np.ndarray:
    found = cv2.imdecode(np.frombuffer(base64.b64decode(png), np.uint8), cv2.IMREAD_UNCHANGED)
    assert found is not None
    return found


def test_a_run_that_keeps_the_maps_of_its_last_steps_has_the_findings_of_all_of_them(server: Server) -> None:
    whole, turns = (server.get("findings", run=run, **WHERE).json for run in ("marked", "turns"))
    assert [one["sentence"] for one in turns["findings"]] == [one["sentence"] for one in whole["findings"]]
    assert [one["samples"] for one in turns["findings"]] == [one["samples"] for one in whole["findings"]]
    assert turns["runs"][0]["timeline"] == whole["runs"][0]["timeline"]
    header, arrays = server.get("maps", run="turns", **WHERE).packet
    assert arrays["steps"].tolist() == [4, 5]
    assert header["total"] == 6
    assert server.get("atlas", run="turns", step="1", **WHERE).json["step"] == 1
    # What was predicted of whom is asked of the samples themselves: of the first step that has them.
    assert server.get("atlas", run="turns", step="1", by="prediction", **WHERE).json["step"] == 4
    runs = {run["run"]: run["tags"][0]["maps"] for run in server.get("series").json["runs"]}
    assert [one["max_step"] for one in runs["turns"]] == [5]


def test_ten_clients_at_once_get_one_answer(server: Server) -> None:
    def ask(_: int) -> bytes:
        answer = server.get("findings", run=["turns", "clean", "marked"], **WHERE)  # asked for by no other test
        assert answer.status == 200
        return answer.body

    with ThreadPoolExecutor(10) as clients:
        (body,) = set(clients.map(ask, range(10)))
    assert body == ask(0)


def test_each_run_has_its_ribbon(server: Server) -> None:
    runs = server.get("findings", run=["clean", "marked"], **WHERE).json["runs"]
    assert [run["run"] for run in runs] == ["clean", "marked"]
    assert [run["timeline"]["step"] for run in runs] == [[0, 1, 2, 3, 4, 5]] * 2
    moved = runs[1]["timeline"]["moved"]
    assert moved[0] is None and moved[3] == max(moved[1:])  # noqa: PT018


def test_the_atlas_shows_each_class_at_a_step(server: Server) -> None:
    shown = server.get("atlas", run="marked", step="5", **WHERE).json
    assert shown["grid"] == [7, 7]
    assert [(one["class"], one["name"], one["count"]) for one in shown["classes"]] == [
        (None, "", 40),
        (0, "cat", 20),
        (1, "dog", 20),
    ]
    assert int(np.argmax(shown["classes"][2]["mean"])) == 0
    assert server.get("atlas", run="marked", step="2", **WHERE).json["step"] == 2


def test_the_samples_behind_a_place_come_by_their_share_there(server: Server) -> None:
    corner = {"run": "marked", "region": "0,0,0.142857142857,0.142857142857", "class": "1", **WHERE}
    behind = server.get("behind", **corner).json
    maps = server.get("maps", run="marked", step="5", **WHERE).packet[1]
    values = maps["values"].reshape(40, 49) * ((maps["maximum"] - maps["minimum"]) / 255)[:, None]
    values += maps["minimum"][:, None]
    shares = np.sort((values[:, 0] / values.sum(axis=1))[1::2])[::-1]
    assert (behind["step"], behind["count"]) == (5, 20)
    np.testing.assert_allclose([one["share"] for one in behind["samples"]], shares, atol=1e-4)
    assert behind["share"] == pytest.approx(shares.mean(), abs=1e-5)
    assert behind["area"] == pytest.approx(1 / 49)
    assert server.get("behind", **corner | {"class": "0"}).json["share"] < 0.1
    assert server.get("behind", **corner, by="prediction").json == behind


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("findings?tag=val&method=grad_cam&layer=layer4", 400, "expected 1 to 20 parameters 'run', got 0"),
        ("findings?run=clean&tag=val&method=grad_cam", 400, "missing query parameter 'layer'"),
        ("findings?run=none&tag=val&method=grad_cam&layer=layer4", 404, "no Grad-CAM data for run='none'"),
        ("atlas?run=clean&tag=val&method=grad_cam&layer=layer4&step=-1", 404, "no maps of pictures"),
        ("atlas?run=clean&tag=val&method=grad_cam&layer=layer4&step=x", 400, "step"),
        ("atlas?run=clean&tag=val&method=grad_cam&layer=layer4&by=x", 400, "expected 'label' or 'prediction' for 'by'"),
        ("behind?run=clean&tag=val&method=grad_cam&layer=layer4", 400, "missing query parameter 'region'"),
        ("behind?run=clean&tag=val&method=grad_cam&layer=layer4&region=0,0,1", 400, "expected 'region' as x0,y0,x1,y1"),
        ("behind?run=clean&tag=val&method=grad_cam&layer=layer4&region=0,1,1,0", 400, "expected 'region' as x0"),
        ("behind?run=clean&tag=val&method=grad_cam&layer=layer4&region=0,0,1,1&class=1.5", 400, "a class index"),
        ("behind?run=clean&tag=val&method=grad_cam&layer=layer4&region=0,0,1,1&step=-1", 404, "no maps of pictures"),
    ],
)
def test_bad_requests_say_what_is_wrong(server: Server, path: str, status: int, message: str) -> None:
    answer = server.ask(f"{ROOT}/{path}")
    assert answer.status == status
    assert message in answer.text
