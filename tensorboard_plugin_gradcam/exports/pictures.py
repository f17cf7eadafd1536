"""Pictures made smaller for a file that is handed on."""

from __future__ import annotations

import io

from tensorboard_plugin_gradcam.viewer.pictures import recognised

QUALITY = 82  # of WebP: differences are not to be seen at the size of a tile


def as_webp(data: bytes, media_type: str) -> tuple[bytes, str]:
    """Return a picture as lossy WebP, or as it is where that is smaller or it can't be read; with its media type."""
    from PIL import Image, UnidentifiedImageError

    found = recognised(data)
    if found is None or media_type == "image/webp" or max(found.width, found.height) > 16_383:
        return data, media_type
    buffer = io.BytesIO()
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if getattr(picture, "n_frames", 1) > 1:
                return data, media_type
            upright = picture.convert("RGBA" if "A" in picture.getbands() or "transparency" in picture.info else "RGB")
            upright.save(buffer, "WEBP", quality=QUALITY, method=4)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return data, media_type
    made = buffer.getvalue()
    return (made, "image/webp") if len(made) < len(data) else (data, media_type)
