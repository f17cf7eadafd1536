"""Over-fitting, seen as attention that scatters: trained on few photographs, a network looks everywhere.

One run is trained on 40 cells, the other on all of them. Both are asked about cells that neither has seen. The scalar
`gradcam:.../entropy` (0: one cell of the map, 1: all alike) says how scattered the evidence is.
"""

from __future__ import annotations

import torch

from demo.gallery.common import arguments, balanced, is_logged, overlays, save_rows, training
from demo.train import CLASS_NAMES, NORMALIZE, Network, accuracy, load_cells
from tensorboard_plugin_gradcam import GradCAMLogger, read_gradcam


def main() -> None:
    """Train both runs, and print what they know and how scattered their evidence is."""
    given = arguments(__file__, __doc__, steps=250)
    cells, validation = load_cells()
    probe_cells = balanced(validation, 24)
    trainings = {"40 cells": balanced(cells, 40), "all cells": cells}
    for run, photographs in trainings.items():
        torch.manual_seed(0)
        model = Network()
        options = {"class_names": CLASS_NAMES, "transform": NORMALIZE}
        with GradCAMLogger(str(given.logdir / run), model, metrics=True, **options) as logger:
            probe = logger.probe("validation", NORMALIZE(probe_cells.images), labels=probe_cells.labels)
            for step, _ in training(model, photographs, given.steps):
                if is_logged(step, given.steps):
                    probe.log(step)
        known, unseen = accuracy(model, balanced(photographs, 200)), accuracy(model, balanced(validation, 200))
        rows = read_gradcam(given.logdir / run).metrics()
        entropy = rows[rows.step == rows.step.max()].entropy.mean()  # dead maps, which have none, are left out
        print(f"{run}: accuracy {known:.2f} on trained cells, {unseen:.2f} on unseen ones; entropy {entropy:.2f}")
    samples = [0, 1, 2, 12, 13, 14]
    save_rows(given.picture, [(run, overlays(given.logdir, run, samples)) for run in trainings])


if __name__ == "__main__":
    main()
