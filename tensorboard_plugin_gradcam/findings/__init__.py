"""Findings: what maps say by themselves about where, since when and for whom a network looks.

Pure functions on arrays, of NumPy alone: the tab, `read_gradcam` and the command line share them. `Summary` keeps
counts and means of each step, so that a new step costs that step; `find` reads the findings off the summaries.
"""

from tensorboard_plugin_gradcam.findings.attention import attention, grid_of, likeness, overlap
from tensorboard_plugin_gradcam.findings.births import MapsAt, birth
from tensorboard_plugin_gradcam.findings.changes import Change, changes
from tensorboard_plugin_gradcam.findings.finding import Finding
from tensorboard_plugin_gradcam.findings.hot_spots import HotSpot, hot_spots
from tensorboard_plugin_gradcam.findings.looks import (
    Crop,
    Look,
    Looks,
    look_at,
    looks_alike,
    mean_picture,
    png,
    squared,
)
from tensorboard_plugin_gradcam.findings.observed import Logged, Observer, in_a_row, known_of, known_of_batches
from tensorboard_plugin_gradcam.findings.rules import Verdict, no_hot_spot, overlap_at_least, overlaps
from tensorboard_plugin_gradcam.findings.search import (
    Source,
    atlas,
    class_picture,
    find,
    find_between,
    find_in,
    strongest_first,
    timeline,
)
from tensorboard_plugin_gradcam.findings.strategies import Strategies, strategies
from tensorboard_plugin_gradcam.findings.summary import (
    EVERYONE,
    ClassSummary,
    Observations,
    StepSummary,
    Stretch,
    Summary,
)
from tensorboard_plugin_gradcam.findings.sums import summary_of, sums_of
from tensorboard_plugin_gradcam.findings.windows import Region, Windows, windows_of

__all__ = [
    "EVERYONE",
    "Change",
    "ClassSummary",
    "Crop",
    "Finding",
    "HotSpot",
    "Logged",
    "Look",
    "Looks",
    "MapsAt",
    "Observations",
    "Observer",
    "Region",
    "Source",
    "StepSummary",
    "Strategies",
    "Stretch",
    "Summary",
    "Verdict",
    "Windows",
    "atlas",
    "attention",
    "birth",
    "changes",
    "class_picture",
    "find",
    "find_between",
    "find_in",
    "grid_of",
    "hot_spots",
    "in_a_row",
    "known_of",
    "known_of_batches",
    "likeness",
    "look_at",
    "looks_alike",
    "mean_picture",
    "no_hot_spot",
    "overlap",
    "overlap_at_least",
    "overlaps",
    "png",
    "squared",
    "strategies",
    "strongest_first",
    "summary_of",
    "sums_of",
    "timeline",
    "windows_of",
]
