"""A log in which things are missing, broken, or from the future, and what stands beside them is whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tensorboard_plugin_gradcam.records import Cohort, Maps, Predictions, Sample, Series, Stamp, digest_of_pixels
from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tests.trust.hostile import envelope
from tests.viewer.eventlog import EventLog, block, image_series, maps_series, png

STEPS = (0, 10, 20)
BROKEN, MISSING = "b" * 32, "c" * 32  # digests of a blob that is no picture, and of one that was never written
NEWER = envelope(pb.Maps(stamp=pb.Stamp(cohort=bytes(16))), 2)


def write_faulty(logdir: Path) -> None:
    """Write run "faulty": series "val" with its faults, and one series each of which less is left."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(60, 190, (4, 6, 6, 3), np.uint8).repeat(16, 1).repeat(16, 2)
    digests = [digest_of_pixels(one) for one in pictures]
    with EventLog(logdir / "faulty") as log:
        for one in pictures:
            log.add(image_series(one), png(one))
        log.add(Series("image", digest=BROKEN), png(pictures[0])[:60])
        images = [digests[0], BROKEN, MISSING, digests[1], digests[2], digests[3]]
        samples = [Sample(image, label=i % 2, id=f"s{i}", width=96, height=96) for i, image in enumerate(images)]
        list_ = Cohort(tuple(samples), ("temple", "flower"))
        log.add(Series("cohort", digest=list_.digest), list_.to_bytes())
        for ordinal, step in enumerate(STEPS):
            stamp = Stamp(list_.digest, ordinal, 1)
            maps = Maps(stamp, (block(rng.normal(size=(6, 7, 7))),)).to_bytes()
            some = Maps(stamp, (block(rng.normal(size=(2, 7, 7)), samples=np.array([0, 3], np.int32)),)).to_bytes()
            lost = Maps(Stamp("d" * 32, ordinal, 1), (block(rng.normal(size=(6, 7, 7))),)).to_bytes()
            said = _said(stamp, rng).to_bytes()
            for tag in ("val", "newer predictions"):
                log.add(Series("predictions", tag=tag), NEWER if tag.startswith("newer") else said, step)
                log.add(maps_series(tag), NEWER if (tag, step) == ("val", 10) else maps, step)
            log.add(Series("predictions", tag="val"), said, step)
            log.add(maps_series("val", layer="newer"), NEWER, step)
            log.add(maps_series("val", layer="some"), some, step)
            log.add(maps_series("lost cohort"), lost, step)
            log.add(maps_series("all newer"), NEWER, step)
        log.add_value("future", b"\x0a\x02\x08\x63\x10\x04", b"", 1)


def _said(stamp: Stamp, rng: np.random.Generator) -> Predictions:
    probability = rng.uniform(0.5, 1, 6).astype(np.float32)
    return Predictions(stamp, prediction=np.arange(6, dtype=np.int32) % 2, probability=probability)
