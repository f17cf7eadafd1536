"""Log directories as files: what they hold, made smaller, and made whole again. Imports neither torch nor OpenCV."""

from tensorboard_plugin_gradcam.logs.inspection import Inspection, RunInspection, SeriesInspection, inspect_log
from tensorboard_plugin_gradcam.logs.rewriting import Rewritten, fix_log, prune_log

__all__ = ["Inspection", "Rewritten", "RunInspection", "SeriesInspection", "fix_log", "inspect_log", "prune_log"]
