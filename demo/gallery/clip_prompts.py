"""CLIP with prompts: which part of a photograph speaks for "a cracked cell" rather than for "a sound cell".

A small CLIP learns photographs of solar cells with one of two captions. Each caption is then explained against the
other, by Grad-ECLIP. Needs `transformers`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional
from transformers import CLIPConfig, CLIPModel

from demo.gallery.common import arguments, balanced, descend, overlays, save_rows
from demo.train import NORMALIZE, batches, load_cells
from tensorboard_plugin_gradcam import CAM, GradCAMLogger
from tensorboard_plugin_gradcam.cam import Probability

WORDS = ["a", "sound", "cracked", "solar", "cell", "<end>"]
PROMPTS = ("a sound solar cell", "a cracked solar cell")


def tokens(prompts: tuple[str, ...]) -> Tensor:
    """Return the words' numbers, ``(prompts, words)``."""
    return torch.tensor([[WORDS.index(word) for word in [*prompt.split(), "<end>"]] for prompt in prompts])


def small_clip() -> CLIPModel:
    """Return a CLIP of two towers with random weights."""
    sizes = {"hidden_size": 96, "intermediate_size": 192, "num_hidden_layers": 3, "num_attention_heads": 4}
    text = {**sizes, "vocab_size": len(WORDS), "max_position_embeddings": 8, "eos_token_id": WORDS.index("<end>")}
    vision = {**sizes, "image_size": 150, "patch_size": 15, "num_channels": 1}
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=64))


def main() -> None:
    """Train with the captions as classes, and log each one's map."""
    given = arguments(__file__, __doc__, steps=250)
    torch.manual_seed(0)
    cells, validation = load_cells()
    shown, model, texts = balanced(validation, 16), small_clip(), tokens(PROMPTS)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4)
    prompts = {"input_ids": texts, "attention_mask": torch.ones_like(texts)}
    cam = CAM(model, methods="grad_eclip", image="pixel_values", shared=list(prompts))
    with GradCAMLogger(str(given.logdir / "clip"), cam, class_names=PROMPTS, transform=NORMALIZE) as logger:
        inputs = {"pixel_values": NORMALIZE(shown.images), **prompts}
        wanted = [Probability(int(label)) for label in shown.labels]
        probe = logger.probe("prompts", inputs, images=shown.images, labels=shown.labels, targets=wanted)
        losses = (
            functional.cross_entropy(model(pixel_values=NORMALIZE(images), **prompts).logits_per_image, labels)
            for images, labels in batches(cells, 32, given.steps)
        )
        descend(optimizer, losses, given.steps, probe)
    rows = [(prompt, overlays(given.logdir, "clip", range(8 * at, 8 * at + 6))) for at, prompt in enumerate(PROMPTS)]
    save_rows(given.picture, rows)


if __name__ == "__main__":
    main()
