"""Pictures without OpenCV, as on a server without libGL."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tensorboard_plugin_gradcam import read_gradcam
from tensorboard_plugin_gradcam.writer import codecs
from tensorboard_plugin_gradcam.writer.codecs import ImageFormat
from tests.writer.logs import ReadLog

ROOT = Path(__file__).resolve().parents[2]
PHOTO = np.asarray(
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)).resize((120, 90), 3), np.uint8
)

WITHOUT = """
import sys, warnings
from pathlib import Path
folder = Path(sys.argv[1])
(folder / "cv2").mkdir()
(folder / "cv2" / "__init__.py").write_text(
    "raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')"
)
sys.path.insert(0, str(folder))
import numpy as np
from PIL import Image
from tensorboard_plugin_gradcam import add_gradcam
picture = np.asarray(Image.open(sys.argv[2]))
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    for step, image_format in enumerate(["png", "jpeg", "webp"]):
        add_gradcam(str(folder / "log"), "val", picture[None], np.ones((1, 3, 3)), step, image_format=image_format)
    add_gradcam(str(folder / "small"), "val", [sys.argv[2]], np.ones((1, 3, 3)), 0, max_image_size=60)
assert len([one for one in told if "libGL" in str(one.message)]) == 1, [str(one.message) for one in told]
"""


def test_without_libgl_pictures_are_logged_and_it_is_said_once(tmp_path: Path) -> None:
    Image.fromarray(PHOTO).save(tmp_path / "photo.png")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, tmp_path, tmp_path / "photo.png"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (stored,) = ReadLog(tmp_path / "log").images.values()
    np.testing.assert_array_equal(stored, PHOTO)
    (small,) = ReadLog(tmp_path / "small").images.values()
    assert np.abs(small.astype(int) - codecs.shrunk(PHOTO, (60, 45))).max() <= 1
    assert len(read_gradcam(tmp_path / "log").maps) == 1


@pytest.mark.parametrize("shape", [(90, 120), (90, 120, 3)])
@pytest.mark.parametrize(("image_format", "levels"), [("png", 0), ("jpeg", 4), ("webp", 6)])
def test_pillow_and_opencv_agree(image_format: ImageFormat, levels: int, shape: tuple[int, ...]) -> None:
    """On average within so many levels of 255."""
    pixels = PHOTO if len(shape) == 3 else np.ascontiguousarray(PHOTO[..., 0])
    files = codecs.encoded(pixels, image_format), codecs._by_pillow(pixels, image_format)
    one, two = (np.asarray(Image.open(io.BytesIO(file)).convert("RGB")).astype(int) for file in files)
    assert np.abs(one - two).mean() <= levels
