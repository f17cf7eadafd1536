"""From a call to what the tab gets, without torch: what `make matrix` runs with every version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tensorboard_plugin_gradcam import add_gradcam, read_gradcam
from tests.viewer.server import tensorboard

STEPS = [0, 5, 10]
FORMATS: tuple[Any, ...] = ("png", "jpeg", "webp")


@pytest.mark.parametrize("load_fast", ["true", "false"])
def test_what_is_logged_is_what_is_served(tmp_path: Path, load_fast: str) -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (3, 24, 32, 3), np.uint8)
    maps = {step: random.normal(size=(3, 4, 5)).astype(np.float32) for step in STEPS}
    outputs = random.normal(size=(3, 4)).astype(np.float32)
    for step in STEPS:
        for run in FORMATS:
            add_gradcam(
                tmp_path / run, "val", images, maps[step], step, layer="layer4", outputs=outputs, labels=[0, 1, 2],
                image_format=run, captions=["a", "é", "👩‍🔬"], class_names=["a", "b", "c", "d"],
            )  # fmt: skip
    log = read_gradcam(tmp_path)
    assert log.problems == ()
    with tensorboard(tmp_path, load_fast) as server:
        assert "gradcam" in server.ask("/data/plugins_listing").json
        for run in FORMATS:
            server.wait(lambda server, run=run: _last(server, run) == STEPS[-1])
            header, arrays = server.get("maps", run=run, tag="val", method="grad_cam", layer="layer4").packet
            low, high = (arrays[name].reshape(-1, 1) for name in ("minimum", "maximum"))
            served = low + arrays["values"].reshape(-1, 20) / 255 * (high - low)
            np.testing.assert_allclose(served.reshape(3, 3, 4, 5), [maps[step] for step in STEPS], atol=0.02)
            said = server.get("predictions", run=run, tag="val").packet[1]
            assert said["prediction"].tolist() == [outputs.argmax(1).tolist()] * 3
            samples = server.get("cohort", run=run, digest=header["cohorts"][0]).json["samples"]
            assert [sample["caption"] for sample in samples] == ["a", "é", "👩‍🔬"]
            for sample, image in zip(samples, images, strict=True):
                answer = server.get("image", run=run, digest=sample["image"])
                assert answer.headers["content-type"] == f"image/{run}"
                assert answer.body == log.files[run, sample["image"]]
                difference = np.abs(log.image(run, sample["image"]).astype(int) - image).mean()
                assert difference == 0 if run == "png" else difference < 60


def _last(server: Any, run: str) -> float:
    answer = server.get("maps", run=run, tag="val", method="grad_cam", layer="layer4")
    return float(answer.packet[1]["steps"][-1]) if answer.status == 200 else -1.0
