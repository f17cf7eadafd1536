"""A log as files to hand on: a page with the tab's viewer, cards, tables; findings as JSON."""

from tensorboard_plugin_gradcam.exports.files import export
from tensorboard_plugin_gradcam.exports.findings import findings_of, searched

__all__ = ["export", "findings_of", "searched"]
