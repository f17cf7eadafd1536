"""Write the corpus: one record of each kind and shape that the format has. Run after the format grew."""

from __future__ import annotations

import numpy as np

from tensorboard_plugin_gradcam.records import Cohort, Maps, Predictions, Sample, Series, Stamp
from tests.fuzz.inputs import CORPUS
from tests.viewer.eventlog import block


def records() -> dict[str, bytes]:
    """Return the records by name."""
    stamp = Stamp("ab" * 16, 7, 1_700_000_000_000_000, 1.5)
    random = np.random.default_rng(0)
    maps = random.normal(size=(2, 3, 3))
    index, half = np.array([1, 0], np.int32), np.array([0.5, np.nan], np.float32)
    holes = maps.copy()
    holes[0], holes[1, 0, 0] = np.nan, np.inf
    full = block(holes, samples=index, targets=index - 1, scores=half, names=("a", "ü"), native_shape=(9, 9))
    mask = np.eye(4, dtype=np.uint8)
    sample = Sample("ab" * 16, ("cd" * 16,) * 2, 3, "id", "caption", ((0, 0.25, 0.5, 1),), mask, 224, 224)
    top = np.array([[1, 0], [2, 1]], np.int32)
    return {
        "series-maps": Series("maps", "val", "grad_cam", "layer4.1", first=True, map_kind="signed").to_bytes(),
        "series-image": Series("image", digest="ab" * 16).to_bytes(),
        "cohort-full": Cohort((sample, Sample()), ("cat", "dog")).to_bytes(),
        "cohort-no-samples": Cohort((), ("cat",)).to_bytes(),
        "predictions-full": Predictions(stamp, index, half, half, top, half[:, None].repeat(2, 1), half).to_bytes(),
        "predictions-empty": Predictions(Stamp("ab" * 16)).to_bytes(),
        "maps-plain": Maps(stamp, (block(maps),)).to_bytes(),
        "maps-full": Maps(stamp, (full, block(maps, "float16"))).to_bytes(),
        "maps-deflated": Maps(stamp, (block(np.zeros((1, 28, 28))),)).to_bytes(),
        "maps-volume": Maps(stamp, (block(random.normal(size=(1, 2, 3, 2)), "float32"),)).to_bytes(),
        "maps-empty": Maps(stamp, ()).to_bytes(),
    }


if __name__ == "__main__":
    CORPUS.mkdir(exist_ok=True)
    for name, data in records().items():
        (CORPUS / name).write_bytes(data)
