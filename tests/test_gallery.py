"""The gallery and the walk-through run, with few steps, and log what they promise."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from tensorboard_plugin_gradcam import read_gradcam

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted(path.stem for path in (ROOT / "demo" / "gallery").glob("*.py") if path.stem != "common")
NEEDS = {"clip_prompts": "transformers", "volume": "nilearn"}
MOST_LINES = 80
PARTS = ["losses", "penalties", "clipping", "segmentation", "methods", "resnet101", "deeplab"]


def run(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_script_is_short_and_logs_maps_and_its_picture(script: str, tmp_path: Path) -> None:
    if script in NEEDS and find_spec(NEEDS[script]) is None:
        pytest.skip(f"needs {NEEDS[script]}")
    assert len((ROOT / f"demo/gallery/{script}.py").read_text().splitlines()) <= MOST_LINES
    picture = tmp_path / "picture.webp"
    run(f"demo.gallery.{script}", "--steps", "3", "--logdir", str(tmp_path / "log"), "--picture", str(picture))
    log = read_gradcam(tmp_path / "log")
    assert log.problems == ()
    assert all(series.steps.tolist() == [0, 1, 2] for series in log.maps.values())
    assert Image.open(picture).width >= 600


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_the_walk_through_logs_maps_scalars_histograms_and_the_graph(part: str, tmp_path: Path) -> None:
    run("demo.walkthrough", part, "--steps", "4", "--logdir", str(tmp_path), "--pictures", str(tmp_path / "pictures"))
    log = read_gradcam(tmp_path)
    assert log.problems == ()
    assert {key[0] for key in log.maps}
    assert (tmp_path / "pictures" / f"walkthrough-{part}.webp").is_file()


def test_flags_are_put_together_in_one_run(tmp_path: Path) -> None:
    run(
        "demo.walkthrough",
        "one",
        "--steps",
        "2",
        "--loss",
        "focal",
        "--l1",
        "1e-4",
        "--clip",
        "1",
        "--logdir",
        str(tmp_path),
    )
    (name,) = {key[0] for key in read_gradcam(tmp_path).maps}
    assert name == "loss=focal l1=0.0001 clip=1.0"


def test_the_article_in_keras(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    run("demo.walkthrough", "keras", "--steps", "50", "--logdir", str(tmp_path))
    assert {key[2] for key in read_gradcam(tmp_path).maps} == {"grad_cam", "hires_cam"}


@pytest.mark.parametrize("page", ["gallery.md", "walkthrough.md"])
def test_the_page_shows_every_script_with_its_picture(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    wanted = [f"gallery-{name.replace('_', '-')}" for name in SCRIPTS] if page == "gallery.md" else [
        f"walkthrough-{part}" for part in PARTS
    ]  # fmt: skip
    for name in wanted:
        assert f"pictures/{name}.webp" in text, name
        assert (ROOT / "docs" / "pictures" / f"{name}.webp").is_file()
