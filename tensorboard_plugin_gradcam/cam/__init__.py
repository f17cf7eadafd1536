"""Class activation maps of torch models: `CAM`, its targets and its methods."""

from .boxes import DetectedBox, MatchedBox
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
    "Probability",
    "Similarity",
    "Target",
    "method",
]


def __dir__() -> list[str]:
    return sorted(__all__)
