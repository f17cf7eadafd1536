"""`Pixels`: arrays that a notebook shows as the picture they are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np


class Pixels(np.ndarray[Any, np.dtype[np.uint8]]):
    """A numpy array of pixels, ``(H, W, 3)`` RGB or ``(H, W)`` grey, uint8, that is a picture in a notebook's cell.

    Example:
        >>> array.view(Pixels)
    """

    def _repr_png_(self) -> bytes | None:
        """Return the picture's file; None where it is none (any more), so that its numbers are shown."""
        if self.dtype != np.uint8 or self.size == 0 or not (self.ndim == 2 or (self.ndim == 3 and self.shape[2] == 3)):
            return None
        import cv2

        pixels = np.asarray(self)
        bgr = np.ascontiguousarray(pixels if pixels.ndim == 2 else pixels[:, :, ::-1])
        done, data = cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 9])  # notebooks are kept with pictures
        return bytes(data) if done else None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture into a PNG file.

        Raises:
            ValueError: it is no picture (any more).
        """
        data = self._repr_png_()
        if data is None:
            raise ValueError(f"expected pixels (H, W, 3) or (H, W) of uint8, got {self.shape} of {self.dtype}")
        Path(path).write_bytes(data)
