"""Class activation maps of torch models: `CAM`, its targets and its methods."""

from .boxes import DetectedBox, MatchedBox, NothingDetected, skipping_what_is_not_there
from .capture import Capture
from .engine import CAM
from .methods import METHODS, Method, method
from .result import CAMResult
from .targets import BinaryScore, Classes, ClassInMask, ClassScore, Contrast, Probability, Similarity, Target

__all__ = [
    "CAM",
    "METHODS",
    "BinaryScore",
    "CAMResult",
    "Capture",
    "ClassInMask",
    "ClassScore",
    "Classes",
    "Contrast",
    "DetectedBox",
    "MatchedBox",
    "Method",
    "NothingDetected",
    "Probability",
    "Similarity",
    "Target",
    "method",
    "skipping_what_is_not_there",
]


def __dir__() -> list[str]:
    return sorted(__all__)
