"""Places, arrangements and paths on arrays alone, where the right answer is known in closed form."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.layer_finding import Arrangement, Places, Sampling, arranged, path_shares, ramp

HEIGHT, WIDTH, CHANNELS = 4, 6, 8


def measured(network: Callable[[Any], Any], shape: Sequence[int] = (CHANNELS, HEIGHT, WIDTH)) -> tuple[Any, Any]:
    """Return a network's arrangement, and what it makes of an image, by the passes that an engine would run."""
    random = np.random.default_rng(0)
    image, change = random.normal(size=shape), random.normal(size=shape) * 0.01
    rank = len(shape) - 1
    grown = [change * ramp(shape, axis) for axis in range(1, rank + 1)]
    base, even, *ramps = (network(image + one) for one in (np.zeros(shape), change, *grown))
    sampling = Sampling.of(base.shape, rank)
    values = [one.ravel()[sampling.flat] for one in (base, even, *ramps)]
    places = Places.of(base.shape, sampling, values[0], values[1], values[2:])
    return (None if places is None else arranged(places, rank)), base


def tokens(image: Any) -> Any:
    return image.reshape(CHANNELS, -1).T[None]


def around(before: int, behind: int) -> Callable[[Any], Any]:
    """Put tokens that see nothing around those of the image."""
    random = np.random.default_rng(1)

    def run(image: Any) -> Any:
        ends = [random.normal(size=(1, count, CHANNELS)) * 0 + 1.0 for count in (before, behind)]
        return np.concatenate([ends[0], tokens(image), ends[1]], axis=1)

    return run


def image_of(image: Any) -> Any:
    return image


FORMS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "channels first": (lambda image: image[None], image_of),
    "channels last": (lambda image: image.transpose(1, 2, 0)[None], image_of),
    "columns before rows": (lambda image: image.transpose(0, 2, 1)[None], image_of),
    "mirrored": (lambda image: image[None, :, :, ::-1], image_of),
    "tokens": (tokens, image_of),
    "tokens, channels first": (lambda image: image.reshape(1, CHANNELS, -1), image_of),
    "tokens before images": (lambda image: tokens(image).swapaxes(0, 1), image_of),
    "tokens column by column": (lambda image: image.transpose(2, 1, 0).reshape(1, -1, CHANNELS), image_of),
    "a class token": (around(1, 0), image_of),
    "registers behind": (around(1, 4), image_of),
    "a hundred tokens behind": (around(0, 100), image_of),
    "heads in the batch": (lambda image: image.reshape(2, CHANNELS // 2, HEIGHT, WIDTH), image_of),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_an_output_is_brought_back_to_the_image_that_it_was_made_of(form: str) -> None:
    make, back = FORMS[form]
    arrangement, output = measured(make)
    assert arrangement is not None
    assert arrangement.grid == (HEIGHT, WIDTH)
    random = np.random.default_rng(0)
    image = random.normal(size=(CHANNELS, HEIGHT, WIDTH))
    np.testing.assert_array_equal(arrangement.cells_of(output, 1)[0], back(image))


@pytest.mark.parametrize("form", ["channels last", "tokens", "tokens before images", "a class token"])
def test_a_batch_is_arranged_as_its_images_are(form: str) -> None:
    make, _ = FORMS[form]
    arrangement, _ = measured(make)
    images = np.random.default_rng(2).normal(size=(3, CHANNELS, HEIGHT, WIDTH))
    outputs = np.concatenate([make(image) for image in images], axis=1 if form == "tokens before images" else 0)
    assert arrangement.fits(outputs.shape, 3)
    np.testing.assert_array_equal(arrangement.cells_of(outputs, 3), images)


def test_what_sees_the_whole_image_alike_has_no_places() -> None:
    mixing = np.random.default_rng(3).normal(size=(HEIGHT * WIDTH, HEIGHT * WIDTH))
    assert measured(lambda image: (image.reshape(CHANNELS, -1) @ mixing).reshape(1, CHANNELS, HEIGHT, WIDTH))[0] is None
    assert measured(lambda image: np.ones((1, CHANNELS, HEIGHT, WIDTH)))[0] is None
    order = np.random.default_rng(4).permutation(HEIGHT * WIDTH)
    assert measured(lambda image: tokens(image)[:, order])[0] is None


def test_a_video_has_three_axes_of_tokens_behind_a_class_token() -> None:
    shape = (3, 4, 5, 6)

    def run(video: Any) -> Any:
        return np.concatenate([np.ones((1, 1, 3)), video.reshape(3, -1).T[None]], axis=1)

    arrangement, output = measured(run, shape)
    assert arrangement.grid == (4, 5, 6)
    video = np.random.default_rng(0).normal(size=shape)
    np.testing.assert_array_equal(arrangement.cells_of(output, 1)[0], video)


def test_places_are_the_centroids_of_what_cells_see() -> None:
    weights: NDArray[np.float64] = np.array([[1.0, 1, 0, 0], [0, 0, 3, 1]])  # two cells of a signal of 4
    random = np.random.default_rng(0)
    base, change = random.normal(size=(400, 4)), random.normal(size=(400, 4)) * 0.01
    values = [(base + one) @ weights.T for one in (np.zeros(4), change, change * ramp((400, 4), 1))]
    shape = (1, 400, 2)
    sampling = Sampling.of(shape, 1)
    places = Places.of(shape, sampling, *(one.reshape(shape).ravel()[sampling.flat] for one in values[:2]), [
        values[2].reshape(shape).ravel()[sampling.flat]
    ])  # fmt: skip
    assert places is not None
    # Of what is seen with weights w, squared: (0 + 1/3) / 2, and (9 * 2/3 + 1) / 10.
    np.testing.assert_allclose(places.curves[2][0], [1 / 6, 0.7], atol=0.05)


def every_path(edges: dict[str, list[str]], start: str, end: str) -> list[list[str]]:
    if start == end:
        return [[end]]
    return [[start, *rest] for after in edges.get(start, []) for rest in every_path(edges, after, end)]


def test_path_shares_are_those_of_a_count_of_all_paths() -> None:
    random = np.random.default_rng(0)
    names = [f"n{index}" for index in range(9)]
    for _ in range(20):
        edges = {
            name: [later for later in names[at + 1 :] if random.random() < 0.4] or names[at + 1 : at + 2]
            for at, name in enumerate(names)
        }
        paths = every_path(edges, "n0", "n8")
        shares = path_shares([("n0", 0)], ["n8"], lambda name: [(after, 0) for after in edges[name]])  # noqa: B023
        for name in names:
            expected = sum(name in path for path in paths) / len(paths)
            assert shares.get((name, 0), 0.0) == pytest.approx(expected)


def test_residual_branches_have_a_half_and_the_trunk_has_all() -> None:
    edges = {"score": [("add", 0)], "add": [("branch", 0), ("trunk", 0)], "branch": [("trunk", 0)], "trunk": [("x", 0)]}
    shares = path_shares([("score", 0)], ["x"], lambda name: edges.get(name, []))
    assert shares["branch", 0] == 0.5
    assert shares["trunk", 0] == shares["add", 0] == 1
    assert ("text", 0) not in shares


def test_arrangements_fit_other_sizes_only_where_each_axis_is_one_of_the_image() -> None:
    plain = Arrangement.channels_first((1, 8, 4, 6))
    assert all(plain.fits(shape, 2) for shape in [(2, 8, 4, 6), (2, 16, 8, 3)])
    assert not plain.fits((3, 8, 4, 6), 2)
    of_tokens, _ = measured(FORMS["a class token"][0])
    assert of_tokens.fits((2, 25, 16), 2)
    assert not any(of_tokens.fits(shape, 2) for shape in [(2, 26, 8), (1, 25, 8), (2, 25, 8, 1)])
    assert list(itertools.chain(*of_tokens.skipped)) == [0, 0, 1, 0, 0, 0]
