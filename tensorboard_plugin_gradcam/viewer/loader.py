"""What TensorBoard imports at every start, without a guard: it imports next to nothing and never raises."""

from __future__ import annotations

from typing import Any

from tensorboard.plugins import base_plugin
from tensorboard.util import tb_logging

PLUGIN_NAME = "gradcam"  # as in `records`, whose import would load numpy and protobuf here
LATER_PLUGIN_NAME = "gradcam_1_1"
DEFAULT_STEPS = 1000  # TensorBoard's own defaults for tensors are 10 steps in one loader, 100 in the other


class GradCAMLoader(base_plugin.TBLoader):  # type: ignore[misc, unused-ignore]
    """Create the plugin, or say in one line of the log why there is none."""

    def fix_flags(self, flags: Any) -> None:
        """Keep more steps of Grad-CAM's series than TensorBoard would; a user's own value wins."""
        try:
            kept = flags.samples_per_plugin.setdefault(PLUGIN_NAME, DEFAULT_STEPS)
            flags.samples_per_plugin.setdefault(LATER_PLUGIN_NAME, kept)
        except Exception:  # programs that embed TensorBoard pass flags without it, or None in it
            tb_logging.get_logger().info("Grad-CAM: these flags have no samples_per_plugin; fewer steps are kept")

    def load(self, context: Any) -> Any:
        """Return the plugin; None, which TensorBoard skips, if it can't be imported or made."""
        try:
            from tensorboard_plugin_gradcam.viewer.plugin import GradCAMPlugin

            return GradCAMPlugin(context)
        except Exception as error:
            tb_logging.get_logger().warning("%s", _remedy(error))
            return None


def _remedy(error: Exception) -> str:
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return f"The Grad-CAM tab is off ({reason[:500]}). Repair its installation: {_reinstall()}"


def _reinstall() -> str:
    try:
        from tensorboard_plugin_gradcam.installing import reinstall

        return reinstall()
    except Exception:  # that module may be what is broken
        return "pip install --force-reinstall, with what it was installed from"
