"""A sheet of overlays beside their pictures: what `CAMResult.show` puts into a notebook's cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.heatmap import overlay
from tensorboard_plugin_gradcam.normalization import normalizations
from tensorboard_plugin_gradcam.pixels import Pixels

Image = NDArray[np.uint8]
Strip = Sequence[tuple[Image, str]]  # pictures of one size, each with a caption

WIDTH = 960  # pixels that most notebooks have
GAP = 8
CAPTION = 18
WHITE = 255


def show(
    result: Any,
    images: Any,
    *,
    method: str | None = None,
    layer: str | None = None,
    class_names: Sequence[str] = (),
    size: int = 224,
    columns: int | None = None,
    **look: Any,
) -> Pixels:
    """Return each picture that a result explains with its overlays beside it, titled by what is explained.

    Args:
        result: a `CAMResult`, or what has its fields.
        images: pictures of the N inputs, each ``(H, W, 3)`` or ``(H, W)``, uint8 or floating point in [0, 1].
        method: only this one's maps.
        layer: only this one's maps.
        class_names: by class index.
        size: longer edge of each picture in pixels.
        columns: how many pictures, each with its overlays, in a row; as many as fit by default.
        look: further arguments of `heatmap.overlay`: colormap, opacity, alpha, threshold, gamma, limits, smooth.

    Raises:
        ValueError: no such method or layer; images that are none, or too few.
    """
    keys = [key for key in result.maps if method in (None, key[0]) and layer in (None, key[1])]
    if not keys:
        known = ", ".join(f"{of} at {at}" for of, at in result.maps)
        raise ValueError(f"expected one of {known}, got method={method!r}, layer={layer!r}")
    pictures = [_picture(image) for image in images]
    strips = []
    for index, sample in enumerate(np.asarray(result.samples).tolist()):
        if sample >= len(pictures):
            raise ValueError(f"expected images of all {sample + 1} inputs or more, got {len(pictures)}")
        picture = _fitted(pictures[sample], size)
        overlays = [_overlay(result, key, index, picture, look) for key in keys]
        strips.append([(picture, _title(result, index, class_names)), *overlays])
    return _arranged(strips, columns)


def pictures_of(inputs: NDArray[Any], transform: object | None, mean: Any, std: Any) -> list[Image]:
    """Return a batch of model inputs ``(N, C, H, W)`` as pictures; see `CAMResult.show`.

    Raises:
        ValueError: they are no pictures.
    """
    if inputs.ndim != 4 or inputs.shape[1] not in (1, 3):
        raise ValueError(f"expected images=, pictures of inputs of shape {inputs.shape}, got None")
    steps = normalizations(transform, mean, std)
    for step in reversed(steps):
        inputs = step.undo(inputs, channel_axis=1)
    shown = inputs if steps else [_stretched(image) for image in inputs]
    return [_to_bytes(image[0] if len(image) == 1 else image.transpose(1, 2, 0)) for image in shown]


def _stretched(image: NDArray[Any]) -> NDArray[Any]:
    low, high = float(image.min()), float(image.max())
    return image if low >= 0 and high <= 1 else (image - low) / max(high - low, 1e-12)


def _picture(image: Any) -> Image:
    array = np.asarray(image)
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
        raise ValueError(f"expected each image to be (H, W, 3) or (H, W), got {array.shape}")
    return array if array.dtype == np.uint8 else _to_bytes(array)


def _to_bytes(image: NDArray[Any]) -> Image:
    return np.asarray(np.rint(np.clip(image, 0, 1) * 255), dtype=np.uint8)


def _fitted(image: Image, size: int) -> Image:
    """Return the image as RGB with a longer edge of `size` pixels; enlarged pixels stay squares."""
    import cv2

    scale = size / max(image.shape[:2])
    shape = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    resized = cv2.resize(image, shape, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)
    return np.asarray(cv2.cvtColor(resized, cv2.COLOR_GRAY2RGB) if resized.ndim == 2 else resized, dtype=np.uint8)


def _overlay(result: Any, key: tuple[str, str], index: int, picture: Image, look: dict[str, Any]) -> tuple[Image, str]:
    map_, kind = result.maps[key][index], result.kinds[key[0]]
    values = np.asarray(map_.cpu() if hasattr(map_, "cpu") else map_, dtype=np.float32)
    if kind == "rgb":
        values = values.sum(axis=-1)
    flag = result.flags[key][index]
    caption = " ".join(part for part in key if part) + (f": {flag}" if flag else "")
    return overlay(picture, values, **({"signed": kind != "positive"} | look)), caption


def _title(result: Any, index: int, class_names: Sequence[str]) -> str:
    target = int(result.targets[index])
    return str(class_names[target]) if 0 <= target < len(class_names) else str(result.names[index])


def _arranged(strips: Sequence[Strip], columns: int | None) -> Pixels:
    blocks = [np.hstack([_captioned(picture, caption) for picture, caption in strip]) for strip in strips]
    height, width = (max(block.shape[axis] for block in blocks) for axis in (0, 1))
    columns = columns or max(1, WIDTH // width)
    if columns < 1:
        raise ValueError(f"expected columns of 1 or above, got {columns}")
    rows = [blocks[start : start + columns] for start in range(0, len(blocks), columns)]
    across = min(columns, len(blocks))
    return np.vstack([_row(row, height, width, across) for row in rows]).view(Pixels)


def _captioned(picture: Image, caption: str) -> Image:
    import cv2

    height, width = picture.shape[:2]
    block = np.full((height + CAPTION, width + GAP, 3), WHITE, np.uint8)
    block[:height, :width] = picture
    font = cv2.FONT_HERSHEY_SIMPLEX, 0.4
    while caption and cv2.getTextSize(caption, *font, 1)[0][0] > width:
        caption = caption[:-4] + "..." if len(caption) > 4 else ""
    cv2.putText(block, caption, (0, height + CAPTION - 5), *font, (0, 0, 0), 1, cv2.LINE_AA)
    return block


def _row(blocks: Sequence[Image], height: int, width: int, columns: int) -> Image:
    row = np.full((height, columns * width, 3), WHITE, np.uint8)
    for index, block in enumerate(blocks):
        row[: block.shape[0], index * width : index * width + block.shape[1]] = block
    return row
