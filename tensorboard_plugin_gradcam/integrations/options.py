"""What the callbacks share: options of samples told from options of the logger."""

from __future__ import annotations

from typing import Any

OF_SAMPLES = ("ids", "captions", "boxes", "boxes_in", "masks", "images")


def split(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what `GradCAMLogger.probe` takes, and what `GradCAMLogger` takes."""
    of_samples = {name: value for name, value in options.items() if name in OF_SAMPLES}
    return of_samples, {name: value for name, value in options.items() if name not in OF_SAMPLES}
