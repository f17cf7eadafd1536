"""Reading, shrinking and encoding of pictures: by OpenCV, or by Pillow where OpenCV does not import.

OpenCV's plain package needs libGL, which servers lack, and shadows the headless one. PNG holds the same pixels either
way; JPEG, WebP and shrunk pictures differ by a few levels.
"""

from __future__ import annotations

import io
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.faults import warn

ImageFormat = Literal["png", "jpeg", "webp"]
QUALITY = 90  # of JPEG and WebP


@cache
def opencv() -> Any:
    """Return OpenCV; None where it does not import, which is said once."""
    try:
        import cv2

        cv2.imencode  # noqa: B018  # an empty folder imports, too
    except (ImportError, OSError, AttributeError) as error:
        warn(f"Grad-CAM's pictures are encoded by Pillow, because OpenCV can't be imported: {error}")
        return None
    return cv2


def encoded(pixels: NDArray[np.uint8], image_format: ImageFormat) -> bytes:
    """Return the file of a picture ``(H, W)`` or ``(H, W, 3)``."""
    cv2 = opencv()
    return _by_pillow(pixels, image_format) if cv2 is None else _by_opencv(cv2, pixels, image_format)


def _by_opencv(cv2: Any, pixels: NDArray[np.uint8], image_format: ImageFormat) -> bytes:
    options = {
        "png": (".png", [cv2.IMWRITE_PNG_COMPRESSION, 6]),
        "jpeg": (".jpg", [cv2.IMWRITE_JPEG_QUALITY, QUALITY]),
        "webp": (".webp", [cv2.IMWRITE_WEBP_QUALITY, QUALITY]),
    }
    suffix, flags = options[image_format]
    done, data = cv2.imencode(suffix, np.ascontiguousarray(pixels if pixels.ndim == 2 else pixels[:, :, ::-1]), flags)
    if not done:
        raise ValueError(f"expected a picture that can be encoded as {image_format}, got {pixels.shape}")
    return bytes(data)


def _by_pillow(pixels: NDArray[np.uint8], image_format: ImageFormat) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    options = {"compress_level": 6} if image_format == "png" else {"quality": QUALITY}
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, image_format, **options)
    return file.getvalue()


def decoded(path: str) -> NDArray[np.uint8]:
    """Return a file's picture ``(H, W, 3)``.

    The orientation in EXIF is left alone, as data sets' loaders do and OpenCV does not: the network saw it so.

    Raises:
        ValueError: it is no picture.
    """
    cv2 = opencv()
    if cv2 is None:
        return _decoded_by_pillow(path)
    data = np.fromfile(path, dtype=np.uint8)
    pixels = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION) if data.size else None
    if pixels is None:
        raise ValueError(f"expected a file that OpenCV can read as an image, got {path!r}")
    return np.ascontiguousarray(pixels[:, :, ::-1])


def _decoded_by_pillow(path: str) -> NDArray[np.uint8]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return np.array(image.convert("RGB"))
    except UnidentifiedImageError as error:
        raise ValueError(f"expected a file that Pillow can read as an image, got {path!r}") from error


def shrunk(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a picture averaged down to ``(width, height)``."""
    cv2 = opencv()
    if cv2 is not None:
        small = cv2.resize(np.ascontiguousarray(pixels), size, interpolation=cv2.INTER_AREA)
        return np.asarray(small, dtype=np.uint8)
    from PIL import Image

    return np.array(Image.fromarray(np.ascontiguousarray(pixels)).resize(size, Image.Resampling.BOX))
