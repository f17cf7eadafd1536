"""Replaying: maps of past checkpoints, of any layout and on any number of machines, without running their code.

Not to be confused with `cam.replay`, which runs a network's tail again within one explanation.
"""

from tensorboard_plugin_gradcam.replaying.inert import RefusedCheckpoint
from tensorboard_plugin_gradcam.replaying.run import Replay, replay
from tensorboard_plugin_gradcam.replaying.submitting import submit_replay
from tensorboard_plugin_gradcam.replaying.weights import DoesNotFit

__all__ = ["DoesNotFit", "RefusedCheckpoint", "Replay", "replay", "submit_replay"]
