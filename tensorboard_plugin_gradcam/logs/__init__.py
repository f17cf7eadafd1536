"""Log directories as files: what they hold, made smaller, and made whole again. Imports neither torch nor OpenCV."""

from tensorboard_plugin_gradcam.logs.inspection import Inspection, RunInspection, SeriesInspection, inspect_log

__all__ = ["Inspection", "RunInspection", "SeriesInspection", "inspect_log"]
