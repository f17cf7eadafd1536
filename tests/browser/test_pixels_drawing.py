"""The tab's drawing against the Python reference, in Debian's Chromium: by the GPU's shader and by the 2-D fallback.

No server here: the modules of `frontend/src` are bundled by Vite and called in an empty page with maps and pictures.
"""

from __future__ import annotations

import base64
import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from tensorboard_plugin_gradcam import heatmap

ROOT = Path(__file__).parents[2]
FRONTEND = ROOT / "frontend"
KINDS = ["webgl2", "canvas2d"]
LOOK = {
    "mode": "overlay",
    "colorMap": "inferno",
    "opacity": 1.0,
    "alpha": "value",
    "photo": "gray",
    "threshold": 0.0,
    "thresholdBy": "value",
    "gamma": 1.0,
    "smooth": True,
    "scale": "map",
    "groundTruth": False,
}
WHOLE = {"x": 0.5, "y": 0.5, "zoom": 1}
BUILD = """
import {build} from "vite";
const [entry, outDir] = process.argv.slice(1);
await build({configFile: false, logLevel: "error", resolve: {mainFields: ["module", "browser"]}, build: {outDir,
  minify: false, target: "es2022", lib: {entry, formats: ["iife"], name: "drawing", fileName: () => "drawing.js"}}});
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    if not (FRONTEND / "node_modules" / "vite").exists():
        subprocess.run([npm(), "ci"], cwd=FRONTEND, check=True)
    out = tmp_path_factory.mktemp("drawing")
    entry = Path(__file__).with_name("drawing.ts")
    subprocess.run(["node", "--input-type=module", "-e", BUILD, str(entry), str(out)], cwd=FRONTEND, check=True)
    return (out / "drawing.js").read_text()


def npm() -> str:
    found = shutil.which("npm")
    assert found, "expected npm on the path to bundle frontend/src for this test"
    return found


@pytest.fixture(scope="module")
def page(chromium: Any, bundle: str) -> Any:
    page = chromium.new_page()
    page.add_script_tag(content=bundle)
    yield page
    page.close()


def encoded(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def case(
    map_: np.ndarray,
    image: np.ndarray | None,
    kind: str = "positive",
    limits: tuple[float, float] | None = None,
    view: dict[str, float] = WHOLE,
    size: tuple[int, int] | None = None,
    **look: Any,
) -> dict[str, Any]:
    map_ = np.asarray(map_, np.float32)
    finite = map_[np.isfinite(map_)]
    low, high = limits or heatmap.value_range(map_, signed=kind != "positive")
    height, width = size or (image.shape[:2] if image is not None else map_.shape[:2])
    rgba = None if image is None else np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
    return {
        "image": rgba if rgba is None else {"width": rgba.shape[1], "height": rgba.shape[0], "rgba": encoded(rgba)},
        "map": {
            "rows": map_.shape[0],
            "columns": map_.shape[1],
            "kind": kind,
            "values": encoded(map_),
            "minimum": float(finite.min()) if finite.size else 0,
            "maximum": float(finite.max()) if finite.size else 0,
        },
        "look": LOOK | look,
        "limits": {"low": low, "high": high},
        "view": view,
        "width": width,
        "height": height,
    }


def drawn(page: Any, kind: str, test: dict[str, Any]) -> np.ndarray:
    text = page.evaluate("([kind, test]) => drawing.drawCase(kind, test)", [kind, test])
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(test["height"], test["width"], 4)


def assert_same_picture(actual: np.ndarray, expected: np.ndarray, share: float = 0.999) -> None:
    """2/255 on 99.9 % of the pixels (issue's own measure)."""
    away = np.abs(actual[..., :3].astype(int) - expected.astype(int)).max(axis=2)
    assert (away <= 2).mean() >= share, f"{(away > 2).mean():.3%} of the pixels are off, by up to {away.max()}"


def random_map(shape: tuple[int, int] = (7, 7), seed: int = 0) -> np.ndarray:
    """Raw values of both signs, like a CAM's, with a blob that stands out."""
    noise = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    noise[shape[0] // 3, shape[1] // 2] = 4
    return noise * np.float32(0.037)


def photograph(height: int = 224, width: int = 224, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((7, 7), (224, 224)),
        ((7, 7), (100, 151)),
        ((14, 9), (97, 60)),
        ((64, 64), (50, 70)),
        ((1, 1), (32, 32)),
        ((1, 12), (40, 64)),
    ],
)
@pytest.mark.parametrize("smooth", [True, False])
def test_an_overlay_is_the_one_that_python_makes(page, kind, shape, size, smooth):
    image, map_ = photograph(*size), random_map(shape)
    actual = drawn(page, kind, case(map_, image, smooth=smooth))
    assert_same_picture(actual, heatmap.overlay(image, map_, smooth=smooth))
    assert (actual[..., 3] == 255).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(5))
def test_maps_of_8_bits_that_fall_between_two_colours_have_one_picture(page, kind, seed):
    """Twelve cells on 96 pixels: weights of sixteenths, so that one pixel in a hundred lies midway between colours."""
    cells = np.random.default_rng(seed).integers(0, 256, (12, 12))
    cells.flat[:2] = 0, 255
    map_, image = (cells * np.float32(0.0123 / 255)).astype(np.float32), photograph(96, 96)
    actual = drawn(page, kind, case(map_, image, opacity=1.0, alpha="constant"))
    assert_same_picture(actual, heatmap.overlay(image, map_, opacity=1.0, alpha="constant"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "look",
    [
        {"opacity": 1.0, "alpha": "constant"},
        {"opacity": 0.35, "alpha": "constant", "threshold": 0.4},
        {"gamma": 0.5, "threshold": 0.25},
        {"gamma": 2.5},
        {"photo": "color"},
        {"photo": "color", "opacity": 0.6, "gamma": 0.7},
        {"opacity": 0.3},
        {"opacity": 1.0, "threshold": 1.0},
        {"opacity": 0.0},
    ],
)
def test_every_setting_of_the_look_means_what_it_means_in_python(page, kind, look):
    image, map_ = photograph(), random_map()
    expected = heatmap.overlay(image, map_, **look)
    assert_same_picture(drawn(page, kind, case(map_, image, **look)), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["inferno", "viridis", "magma", "cividis", "turbo", "gray", "jet", "diverging"])
def test_colour_maps_are_opencvs(page, kind, name):
    image, map_ = photograph(), random_map()
    expected = heatmap.overlay(image, map_, colormap=name, opacity=1.0, alpha="constant")
    assert_same_picture(drawn(page, kind, case(map_, image, colorMap=name, opacity=1.0, alpha="constant")), expected)


def test_colour_tables_are_equal_to_the_last_bit(page):
    for name, text in page.evaluate("() => drawing.tables()").items():
        table = np.frombuffer(base64.b64decode(text), np.uint8).reshape(256, 3)
        np.testing.assert_array_equal(table, heatmap.color_table(name), err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "look",
    [{}, {"alpha": "constant", "threshold": 0.3}, {"smooth": False}, {"gamma": 3.0}, {"photo": "color"}],
)
def test_signed_maps_are_drawn_around_zero(page, kind, look):
    image, map_ = photograph(), random_map()
    expected = heatmap.overlay(image, map_, signed=True, **look)
    assert_same_picture(drawn(page, kind, case(map_, image, "signed", **look)), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("limits", [(0.01, 0.05), (-0.2, 0.2), (0.0, 0.0)])
def test_limits_that_are_not_the_maps_own(page, kind, signed, limits):
    image, map_ = photograph(), random_map()
    expected = heatmap.overlay(image, map_, limits=limits, signed=signed)
    test = case(map_, image, "signed" if signed else "positive", limits=limits)
    assert_same_picture(drawn(page, kind, test), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fill", [np.nan, np.inf, -np.inf], ids=["nan", "inf", "minus inf"])
@pytest.mark.parametrize("signed", [False, True])
def test_cells_that_are_not_finite_count_as_the_lower_limit(page, kind, fill, signed):
    image, map_ = photograph(), random_map()
    map_[2:4, 3] = fill
    test = case(map_, image, "signed" if signed else "positive")
    assert_same_picture(drawn(page, kind, test), heatmap.overlay(image, map_, signed=signed))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [0.0, -3.0, 2.0, np.nan])
@pytest.mark.parametrize("signed", [False, True])
def test_flat_maps(page, kind, value, signed):
    image, map_ = photograph(64, 64), np.full((4, 4), value, np.float32)
    test = case(map_, image, "signed" if signed else "positive", alpha="constant")
    assert_same_picture(drawn(page, kind, test), heatmap.overlay(image, map_, signed=signed, alpha="constant"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_tile_of_half_the_size_or_zoomed_shows_the_same_mask(page, kind):
    """The mask at any place does not depend on the tile's size: here at twice and at four times the picture's."""
    grey, map_ = np.full((56, 56, 3), 90, np.uint8), random_map()
    large = np.full((224, 224, 3), 90, np.uint8)
    expected = heatmap.overlay(large, map_)
    assert_same_picture(drawn(page, kind, case(map_, grey, size=(224, 224))), expected)
    view = {"x": 0.25, "y": 0.75, "zoom": 2}
    assert_same_picture(drawn(page, kind, case(map_, grey, size=(112, 112), view=view)), expected[112:, :112])


@pytest.mark.parametrize("kind", KINDS)
def test_beside_the_picture_nothing_is_drawn(page, kind):
    image, map_ = photograph(50, 100), random_map()
    actual = drawn(page, kind, case(map_, image, size=(100, 100)))
    assert (actual[:25, :, 3] == 0).all()
    assert (actual[75:, :, 3] == 0).all()
    assert_same_picture(actual[25:75], heatmap.overlay(image, map_))


@pytest.mark.parametrize("kind", KINDS)
def test_the_map_alone_is_its_heatmap_and_clear_below_the_threshold(page, kind):
    map_ = random_map()
    mask = heatmap.mask(map_, (96, 96))
    expected = np.rint(heatmap.heatmap(mask, "inferno"))
    actual = drawn(page, kind, case(map_, None, size=(96, 96), mode="map", threshold=0.3))
    shown = actual[..., 3] == 255
    np.testing.assert_array_equal(shown, mask >= 0.3)
    assert_same_picture(actual[shown][None], expected[shown][None])


@pytest.mark.parametrize("kind", KINDS)
def test_a_spotlight_dims_what_is_outside(page, kind):
    image, map_ = photograph(), random_map()
    look = {"mode": "spotlight", "threshold": 0.3, "alpha": "constant", "opacity": 0.8}
    inside = heatmap.mask(map_, image.shape[:2]) >= 0.3
    expected = np.where(inside[..., None], image, np.rint(image * 0.2))
    assert_same_picture(drawn(page, kind, case(map_, image, **look)), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_the_image_alone_is_the_image(page, kind):
    image = photograph()
    np.testing.assert_array_equal(drawn(page, kind, case(random_map(), image, mode="image"))[..., :3], image)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("smooth", [True, False])
def test_the_threshold_line_runs_where_the_mask_crosses_it(page, kind, smooth):
    image, map_ = np.full((224, 224, 3), 90, np.uint8), random_map()
    look = {"mode": "contour", "threshold": 0.8, "photo": "color", "smooth": smooth}
    actual = drawn(page, kind, case(map_, image, **look))[..., :3]
    inside = heatmap.mask(map_, (224, 224), smooth=smooth) >= 0.8
    edge = np.zeros_like(inside)
    edge[:, 1:] |= inside[:, 1:] != inside[:, :-1]
    edge[1:] |= inside[1:] != inside[:-1]
    ys, xs = np.nonzero(edge)
    near = np.zeros_like(edge)
    for dy in range(-4, 5):
        for dx in range(-4, 5):
            near[np.clip(ys + dy, 0, 223), np.clip(xs + dx, 0, 223)] = True
    assert edge.any()
    assert (actual[edge].max(axis=1) > 150).mean() > 0.9, "expected a light line on the edge"
    assert (actual[~near] == 90).all(), "expected nothing away from the edge"


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("signed", [False, True])
def test_the_shader_and_the_fallback_draw_the_same_contours(page, smooth, signed):
    kind = "signed" if signed else "positive"
    test = case(random_map(), photograph(), kind, mode="contour", threshold=0.4, smooth=smooth)
    pictures = [drawn(page, renderer, test) for renderer in KINDS]
    assert_same_picture(pictures[0], pictures[1][..., :3], share=0.995)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_threshold_by_area_leaves_that_share_of_the_area(page, kind, share):
    map_ = np.abs(random_map())
    look = {"mode": "map", "threshold": share, "thresholdBy": "area"}
    actual = drawn(page, kind, case(map_, None, size=(224, 224), **look))
    assert (actual[..., 3] == 255).mean() == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_a_colour_map_is_drawn_in_its_own_colours(page, kind):
    import cv2

    image = photograph(64, 64)
    map_ = np.random.default_rng(5).normal(size=(8, 8, 3)).astype(np.float32)
    peak = float(np.abs(map_).max())
    test = case(map_, image, "rgb", limits=(-peak, peak), opacity=0.5, alpha="constant")
    mask = np.clip((cv2.resize(map_, (64, 64), interpolation=cv2.INTER_LINEAR) + peak) / (2 * peak), 0, 1)
    assert_same_picture(drawn(page, kind, test), np.rint(heatmap.dimmed_gray(image) * 0.5 + mask * 255 * 0.5))


def test_a_lost_context_is_bridged_and_comes_back(page):
    image, map_ = photograph(), random_map()
    answer = page.evaluate("test => drawing.throughContextLoss(test)", case(map_, image))
    assert answer["kinds"] == ["webgl2", "canvas2d", "webgl2"]
    assert answer["calls"] == 1
    for text in answer["pictures"]:
        picture = np.frombuffer(base64.b64decode(text), np.uint8).reshape(224, 224, 4)
        assert_same_picture(picture, heatmap.overlay(image, map_))


def test_a_tile_is_drawn_again_only_when_something_changed(page):
    answer = page.evaluate("test => drawing.redrawings(test)", case(random_map(), photograph()))
    assert answer == [True, False, True, True, True, True]


def test_tiles_beyond_the_budget_come_later_and_never_overwrite_what_was_asked_for_since(page):
    """A white picture under a black heatmap: 0 where the map was laid over, 255 where it was taken off again."""
    map_ = np.zeros((4, 4), np.float32)
    map_[3, 3] = 1
    test = case(map_, np.full((64, 64, 3), 255, np.uint8), colorMap="gray", photo="color")
    assert page.evaluate("test => drawing.manyTiles(test, 12)", test) == [255] + [0] * 10 + [255]


def exported(page: Any, what: str, test: dict[str, Any]) -> Image.Image:
    text = page.evaluate("([what, test]) => drawing.exportCase(what, test)", [what, test])
    return Image.open(io.BytesIO(base64.b64decode(text)))


def test_an_exported_tile_is_the_overlay_at_native_size(page):
    image, map_ = photograph(120, 90), random_map()
    picture = exported(page, "tile", case(map_, image))
    assert picture.format == "PNG"
    assert_same_picture(np.asarray(picture.convert("RGB")), heatmap.overlay(image, map_))


def test_an_exported_view_holds_each_tile_in_its_place_at_twice_the_size(page):
    image, map_ = np.full((120, 90, 3), 200, np.uint8), random_map()
    picture = np.asarray(exported(page, "grid", case(map_, image)).convert("RGB"))
    expected = heatmap.overlay(np.full((240, 180, 3), 200, np.uint8), map_)
    left, top = 2 * 16, 2 * (64 + 34)  # the margin; what is above the first block
    assert picture.shape == (top + 2 * (120 + 10 + 120 + 16 + 30), 2 * left + 2 * (2 * 90 + 4), 3)
    assert_same_picture(picture[top : top + 240, left : left + 180], expected)
    right, below = left + 2 * (90 + 4), top + 2 * (120 + 10)
    assert_same_picture(picture[below : below + 240, right : right + 180], expected)
    assert (picture[top : top + 240, right : right + 180] == 255).all()
    words = picture[below + 240 : below + 280]
    assert (words[:, right : right + 180] < 128).any(), "its words are below it"
    assert (words[:, right + 181 :] == 255).all(), "and cut to its width"


def test_an_exported_animation_has_a_frame_for_each_step(page):
    image, map_ = np.full((64, 64, 3), 90, np.uint8), random_map()
    gif = exported(page, "gif", case(map_, image))
    frames = [np.asarray(frame.convert("RGB")).astype(int) for frame in ImageSequence.Iterator(gif)]
    assert gif.info["duration"] == 200
    assert len(frames) == 2
    assert np.abs(frames[0] - heatmap.overlay(image, map_)).mean() < 6  # 256 colours a frame
    assert np.abs(frames[1] - 90).max() <= 8
