"""A log as files to hand on: one page with the tab's viewer."""

from tensorboard_plugin_gradcam.exports.files import export

__all__ = ["export"]
