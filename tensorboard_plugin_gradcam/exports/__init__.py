"""A log as files to hand on: one page with the tab's viewer; findings as JSON."""

from tensorboard_plugin_gradcam.exports.files import export
from tensorboard_plugin_gradcam.exports.findings import findings_of

__all__ = ["export", "findings_of"]
