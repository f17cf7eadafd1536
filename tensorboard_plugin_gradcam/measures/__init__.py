"""How far a map can be believed: measures, each a number for one map, from -1 to 2 or so.

Pure functions on arrays, one file for each family: `removal` (what happens to the score when cells are taken away),
`comparison` (of a map with another one), `concentration` (of one map by itself), `mosaic` (several pictures in one).
What lies in ground truth (pointing game, energy, IoU) is in `tensorboard_plugin_gradcam.metrics`. `MEASURES` says of
each what it needs and costs; engines take their names: ``CAM(model, measures=("gain_head", "class_sensitivity"))``.

docs/belief.md says what each number means, and when it misleads.
"""

from .comparison import class_sensitivity, entropy_change, hellinger, randomisation, steadiness
from .concentration import concentration, evidence_shares
from .intervals import Interval, interval
from .mosaic import Mosaic, mosaics, share_in_quarter
from .registry import MEASURES, Measure, find_measures
from .removal import Gain, average_drop, average_increase, gain

__all__ = [
    "MEASURES",
    "Gain",
    "Interval",
    "Measure",
    "Mosaic",
    "average_drop",
    "average_increase",
    "class_sensitivity",
    "concentration",
    "entropy_change",
    "evidence_shares",
    "find_measures",
    "gain",
    "hellinger",
    "interval",
    "mosaics",
    "randomisation",
    "share_in_quarter",
    "steadiness",
]


def __dir__() -> list[str]:
    return sorted(__all__)
