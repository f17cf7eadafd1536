"""Find by measuring which of a network's outputs still has space, and where its cells are; works on arrays alone.

An engine runs the network a few times on slightly changed copies of one image, and passes on its modules' outputs at
sampled cells. All decisions are made here, so that the engines for torch and for Keras agree:

* `sampling`: which cells of an output are looked at;
* `places`: where in the image each cell is, from how it answers to changes that grow along an axis of the image;
* `arranging`: which axes of an output are space, and in what order: from places to an `Arrangement`;
* `paths`: which share of all paths from the score to the image leads through an output;
* `choice`: the `Candidates` with their figures, and the one that is taken.
"""

from .arrangement import Arrangement, Factor
from .arranging import arranged, inherited
from .choice import Candidate, Candidates, chosen, table
from .paths import path_shares
from .places import Places, ramp, step_of
from .sampling import Sampling

__all__ = [
    "Arrangement",
    "Candidate",
    "Candidates",
    "Factor",
    "Places",
    "Sampling",
    "arranged",
    "chosen",
    "inherited",
    "path_shares",
    "ramp",
    "step_of",
    "table",
]
