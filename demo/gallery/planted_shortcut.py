"""A planted shortcut: a small bright mark on defective cells is what the network learns to look at.

The photographs of most defective training cells carry the mark. Accuracy says that all is well; the maps say that the
network looks at the mark and not at the cell. The run `clean` is trained on the photographs as they were taken.
"""

from __future__ import annotations

import torch

from demo.gallery.common import arguments, balanced, is_logged, overlays, save_rows, training
from demo.train import CLASS_NAMES, MARK, NORMALIZE, Network, load_cells, with_mark, with_shortcut
from tensorboard_plugin_gradcam import GradCAMLogger, read_gradcam


def main() -> None:
    """Train both runs and log where they look."""
    given = arguments(__file__, __doc__, steps=200)
    torch.manual_seed(0)
    cells, validation = load_cells()
    probe_cells = balanced(validation, 16)
    inputs = NORMALIZE(with_mark(probe_cells.images))
    for run, photographs in {"clean": cells, "shortcut": with_shortcut(cells)}.items():
        torch.manual_seed(0)
        model = Network()
        with GradCAMLogger(str(given.logdir / run), model, class_names=CLASS_NAMES, transform=NORMALIZE) as logger:
            probe = logger.probe("validation", inputs, labels=probe_cells.labels, boxes=[[MARK]] * len(inputs))
            for step, _ in training(model, photographs, given.steps):
                if is_logged(step, given.steps):
                    probe.log(step)
    for finding in read_gradcam(given.logdir).findings()[:3]:
        print(f"{finding.run}: {finding.sentence()}")
    rows = [(run, overlays(given.logdir, run, [0, 1, 2, 8, 9, 10])) for run in ("clean", "shortcut")]
    save_rows(given.picture, rows)


if __name__ == "__main__":
    main()
