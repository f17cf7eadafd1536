"""docs/frameworks.md, Keras: its code runs as it stands. It trains the network of the article on real digits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from sklearn.datasets import load_digits

pytest.importorskip("tensorflow")
pytest.importorskip("keras")

import keras

from tensorboard_plugin_gradcam import read_gradcam
from tensorboard_plugin_gradcam.integrations.keras import KerasCAM
from tests.viewer.server import Server, tensorboard

pytestmark = [pytest.mark.slow, pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="draws TF's graph")]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "frameworks.md"
SECTION = re.search(r"^## Keras\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.M | re.S)
BLOCKS = re.findall(r"```python\n(.*?)```", SECTION[1] if SECTION else "", re.S)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run the page's code on handwritten digits, resized from 8 x 8 to the article's 28 x 28."""
    digits = load_digits()
    images = [cv2.resize(image, (28, 28), interpolation=cv2.INTER_LINEAR) for image in digits.images / 16]
    x, y = np.stack(images)[..., None].astype(np.float32), digits.target
    scope = {"x_train": x[:1400], "y_train": y[:1400], "x_test": x[1400:], "y_test": y[1400:]}
    scope["log_dir"] = str(tmp_path_factory.mktemp("logs") / "digits")
    keras.utils.clear_session()  # Keras numbers the layers that other tests made, too
    keras.utils.set_random_seed(0)
    assert len(BLOCKS) == 2
    for block in BLOCKS:
        exec(compile(block, str(PAGE), "exec"), scope)
    return scope


def test_the_network_learns_and_its_maps_add_up_to_its_scores(example: dict[str, Any]) -> None:
    """Behind pooling and one dense layer, a HiResCAM map sums to the score without its bias: Draelos, sec. 4."""
    model, x, y = (example[name] for name in ("model", "x_test", "y_test"))
    _, accuracy = model.evaluate(x, y, verbose=0)
    assert accuracy > 0.85
    result = KerasCAM(model, methods="hires_cam")(x)
    bias = np.asarray(model.layers[-1].bias.value)
    sums = result.maps["hires_cam", "conv2d"].sum(axis=(1, 2)) + bias[result.targets]
    np.testing.assert_allclose(sums, result.scores, atol=1e-3)
    assert np.ptp(result.scores) > 1


def test_the_maps_lie_on_the_ink(example: dict[str, Any]) -> None:
    log = read_gradcam(example["log_dir"])
    series = log.maps[".", "validation", "hires_cam", "conv2d"]
    assert series.steps.tolist() == [0, 1, 2, 3, 4]
    ink = example["x_test"][:16, 1:-1, 1:-1, 0] > 0.3  # the convolution leaves the border out
    evidence = series.array()[-1].clip(min=0)
    inside = (evidence * ink).sum(axis=(1, 2)) / evidence.sum(axis=(1, 2))
    assert inside.mean() > 1.4 * ink.mean()
    assert log.maps[".", "loop", "grad_cam", "conv2d"].steps.tolist() == [0, 1, 2]


@pytest.mark.parametrize("load_fast", ["true", "false"])
def test_graph_histograms_and_maps_stand_side_by_side(load_fast: str, example: dict[str, Any]) -> None:
    expected = read_gradcam(example["log_dir"]).maps[".", "validation", "grad_cam", "conv2d"]
    with tensorboard(Path(example["log_dir"]).parent, load_fast) as server:
        server.wait(lambda server: len(map_steps(server)) == 5)
        header, arrays = server.get("maps", run="digits", tag="validation", method="grad_cam", layer="conv2d").packet
        assert header["corrupt"] == []
        lowest = np.concatenate([moment.record.blocks[0].minimum for moment in expected])
        np.testing.assert_allclose(arrays["minimum"], lowest, rtol=1e-6)
        server.wait(lambda server: server.ask("/data/plugin/graphs/info").json.get("digits", {}).get("run_graph"))
        graph = server.ask("/data/plugin/graphs/graph?run=digits").text
        assert "Conv2D" in graph
        assert "Softmax" in graph
        tags = server.ask("/data/plugin/histograms/tags").json["digits"]
        assert len(tags) == 4
        (name,) = [name for name in tags if name.endswith("conv2d/kernel")]
        histograms = server.ask(f"/data/plugin/histograms/histograms?run=digits&tag={name}").json
        assert [step for _, step, _ in histograms] == [0, 1, 2, 3, 4]
        assert sum(count for _, _, count in histograms[-1][2]) == pytest.approx(3 * 3 * 32)


def map_steps(server: Server) -> list[int]:
    answer = server.get("maps", run="digits", tag="validation", method="grad_cam", layer="conv2d")
    return answer.packet[1]["steps"].tolist() if answer.status == 200 else []
