"""Two regularizations side by side: dropout and weight decay, beside none.

The three runs see the same photographs in the same order, from the same first weights. Compare them in the tab, sample
by sample: what differs is what the regularization does to the evidence.
"""

from __future__ import annotations

import torch
from torch import nn

from demo.gallery.common import arguments, balanced, is_logged, overlays, save_rows, training
from demo.train import CLASS_NAMES, NORMALIZE, Network, accuracy, load_cells
from tensorboard_plugin_gradcam import GradCAMLogger

RUNS = {"none": (0.0, 0.0), "dropout 0.5": (0.5, 0.0), "weight decay 0.5": (0.0, 0.5)}


def network(dropout: float) -> nn.Module:
    """Return the demo's network with dropout of whole channels behind its last block."""
    torch.manual_seed(0)
    model = Network()
    model.head.insert(0, nn.Dropout2d(dropout))
    return model


def main() -> None:
    """Train one run after the other."""
    given = arguments(__file__, __doc__, steps=200)
    cells, validation = load_cells()
    few, probe_cells = balanced(cells, 200), balanced(validation, 24)
    for run, (dropout, decay) in RUNS.items():
        model = network(dropout)
        options = {"layers": "block3", "class_names": CLASS_NAMES, "transform": NORMALIZE}
        with GradCAMLogger(str(given.logdir / run), model, **options) as logger:
            probe = logger.probe("validation", NORMALIZE(probe_cells.images), labels=probe_cells.labels)
            for step, _ in training(model, few, given.steps, weight_decay=decay):
                if is_logged(step, given.steps):
                    probe.log(step)
        print(f"{run}: accuracy {accuracy(model, balanced(validation, 200)):.2f} on unseen cells")
    save_rows(given.picture, [(run, overlays(given.logdir, run, [0, 1, 2, 12, 13, 14])) for run in RUNS])


if __name__ == "__main__":
    main()
