"""Logs with a mark at a known place, from a known step on."""

import numpy as np

from tensorboard_plugin_gradcam.findings import Observations, Source, Summary

STEPS, BIRTH = 12, 5


def planted(seed=0, *, count=120, share=0.5, everyone=False, cell=(0, 0), classes=2, of=(1,), side=7, truths=None,
            until=STEPS, pictures=None, right=1.0):  # fmt: skip
    """Return a series of random maps, of which a share of class 1 looks at one cell from a step on, and which do.

    `of` names other classes. `pictures` makes the samples' small grey pictures, given which have the mark. `right` is
    the share of samples that are not predicted as class 0.
    """
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(count) % classes).astype(np.int32)
    marked = (random.random(count) < share) & (everyone | np.isin(labels, of))
    base = random.gamma(0.5, size=(count, side, side))
    summary, every = Summary(), {}
    predictions = np.where(np.arange(count) < right * count, labels, 0).astype(np.int32)
    small = None if pictures is None else pictures(marked)
    for step in range(STEPS):
        maps = base * random.gamma(4, size=base.shape)
        if BIRTH <= step < until:
            maps[marked, cell[0], cell[1]] += 2 * maps[marked].sum(axis=(1, 2))
        names = tuple(f"sample {index}" for index in range(count))
        sure = np.full(count, 0.9, np.float32)
        digests = () if small is None else tuple(map(str, range(count)))
        every[10 * step] = Observations(
            10 * step, maps, labels, predictions, sure, truths=truths, identities=names, pictures=digests
        )
        summary.add(every[10 * step])

    def looks(digests):
        return small[[int(digest) for digest in digests]]

    return Source("run", "val", "grad_cam", "layer4", summary, looks, every.get), marked
