"""Records into event files: `add_gradcam` for maps of any framework, `GradCAMLogger` for models of torch.

Importing this imports neither torch nor cv2 nor tensorboard; what is used is imported when it is used.
"""

from tensorboard_plugin_gradcam.writer import choose
from tensorboard_plugin_gradcam.writer.add import add_gradcam
from tensorboard_plugin_gradcam.writer.logger import GradCAMLogger, Probe
from tensorboard_plugin_gradcam.writer.samples import Samples, prepare_samples

__all__ = ["GradCAMLogger", "Probe", "Samples", "add_gradcam", "choose", "prepare_samples"]


def __dir__() -> list[str]:
    return sorted(__all__)
