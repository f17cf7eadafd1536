"""Grad-CAM for TensorBoard: see where a vision model looks, step by step.

The public names are resolved on first use, so that importing the package (which TensorBoard does at every start)
imports neither torch nor OpenCV nor TensorBoard.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import heatmap
    from .cam import CAM, METHODS, CAMResult, Classes
    from .checking import check
    from .comparison import compare_runs
    from .demonstration import write_demo
    from .exports import export
    from .faults import GradCAMWarning
    from .logs import fix_log, inspect_log, prune_log
    from .reader import read_gradcam
    from .recommending import recommend
    from .replaying import replay
    from .writer import GradCAMLogger, add_gradcam, choose, prepare_samples

    __version__: str

_HOMES = {
    "CAM": "cam",
    "METHODS": "cam",
    "CAMResult": "cam",
    "Classes": "cam",
    "GradCAMLogger": "writer",
    "GradCAMWarning": "faults",
    "add_gradcam": "writer",
    "check": "checking",
    "choose": "writer",
    "compare_runs": "comparison",
    "export": "exports",
    "fix_log": "logs",
    "heatmap": "",
    "inspect_log": "logs",
    "prepare_samples": "writer",
    "prune_log": "logs",
    "read_gradcam": "reader",
    "recommend": "recommending",
    "replay": "replaying",
    "write_demo": "demonstration",
}

__all__ = [
    "CAM",
    "METHODS",
    "CAMResult",
    "Classes",
    "GradCAMLogger",
    "GradCAMWarning",
    "__version__",
    "add_gradcam",
    "check",
    "choose",
    "compare_runs",
    "export",
    "fix_log",
    "heatmap",
    "inspect_log",
    "prepare_samples",
    "prune_log",
    "read_gradcam",
    "recommend",
    "replay",
    "write_demo",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        home = _HOMES[name]
        value = getattr(import_module(f".{home}", __name__), name) if home else import_module(f".{name}", __name__)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        from .installing import missing

        raise missing(name, "torch", "torch") from error
    globals()[name] = value  # asked once: the next look-up does not come here
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def _version() -> str:
    from importlib.metadata import version

    return version("tensorboard-plugin-gradcam")
