"""A vision transformer beside a convolutional network, trained on the same photographs in the same order.

Both layers are found by measuring. In the tab the two runs stand side by side, sample by sample; attention rollout
shows where the transformer's information comes from, Grad-CAM what speaks for its class.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import VisionTransformer

from demo.gallery.common import arguments, balanced, is_logged, overlays, save_rows, training
from demo.train import CLASS_NAMES, NORMALIZE, Network, accuracy, load_cells
from tensorboard_plugin_gradcam import CAM, GradCAMLogger


class Transformer(nn.Module):
    """A small vision transformer on 10 x 10 patches."""

    def __init__(self) -> None:
        super().__init__()
        self.vit = VisionTransformer(150, 15, num_layers=4, num_heads=4, hidden_dim=96, mlp_dim=192, num_classes=2)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of grey photographs."""
        scores: Tensor = self.vit(x.expand(-1, 3, -1, -1))
        return scores


def smoothed(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Return the cross entropy with smoothed labels, which small transformers need."""
    return functional.cross_entropy(model(images), labels, label_smoothing=0.1)


def main() -> None:
    """Train both."""
    given = arguments(__file__, __doc__, steps=250)
    cells, validation = load_cells()
    probe_cells = balanced(validation, 24)
    runs = {"cnn": (Network, ["grad_cam"], 2e-3), "vit": (Transformer, ["grad_cam", "attention_rollout"], 1e-3)}
    for run, (make, methods, rate) in runs.items():
        torch.manual_seed(0)
        model = make()
        options = {"class_names": CLASS_NAMES, "transform": NORMALIZE}
        with GradCAMLogger(str(given.logdir / run), CAM(model, methods=methods), **options) as logger:
            probe = logger.probe("validation", NORMALIZE(probe_cells.images), labels=probe_cells.labels)
            for step, _ in training(model, cells, given.steps, loss=smoothed, lr=rate):
                if is_logged(step, given.steps):
                    probe.log(step)
        print(f"{run}: accuracy {accuracy(model, balanced(validation, 200)):.2f} on unseen cells")
    samples = [0, 1, 2, 12, 13, 14]
    rows = [("CNN, Grad-CAM", overlays(given.logdir, "cnn", samples))]
    for method, name in (("grad_cam", "Grad-CAM"), ("attention_rollout", "attention rollout")):
        rows.append((f"ViT, {name}", overlays(given.logdir, "vit", samples, method=method)))
    save_rows(given.picture, rows)


if __name__ == "__main__":
    main()
