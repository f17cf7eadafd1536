"""`recommend` for a model, a checkpoint and pictures that are named as `replay` names them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import torch

from tensorboard_plugin_gradcam.aliases import Layers, Methods
from tensorboard_plugin_gradcam.recommending import METHODS, Recommendation, recommend
from tensorboard_plugin_gradcam.replaying.checkpoints import checkpoints_in
from tensorboard_plugin_gradcam.replaying.data import data_of
from tensorboard_plugin_gradcam.replaying.explaining import Loader
from tensorboard_plugin_gradcam.replaying.models import imported, source_of


def recommend_for(
    model: Any,
    images: Any,
    *,
    checkpoint: str | os.PathLike[str] | None = None,
    layers: Layers = None,
    methods: Methods | None = None,
    limit: int = 32,
    transform: Callable[[Any], Any] | str | None = None,
    trust: bool = False,
    model_options: Mapping[str, Any] | None = None,
) -> Recommendation:
    """Compare methods at the candidate layers of a network on a few pictures: see `recommend`.

    Args:
        model: as for `replay`.
        images: likewise.
        checkpoint: a file or folder of weights; of several the last one. None where the model has its own.
        layers: as for `recommend`.
        methods: likewise.
        limit: pictures at most, spread evenly over all; 8 to 32 tell enough.
        transform: as for `replay`.
        trust: likewise.
        model_options: likewise.

    Raises:
        ValueError: for a model of Keras, weights that do not fit, and all that `recommend` refuses.
        FileNotFoundError: no checkpoint, or no images.
    """
    source = source_of(model, model_options or {}, trust)
    if source.is_keras:
        raise ValueError("expected a torch model, got a Keras model")
    transform = imported(transform) if isinstance(transform, str) else transform
    data = data_of(images, transform or source.transform, source.normalization, limit)
    loader = Loader(source, None, True, trust)
    if checkpoint is not None:
        loader.first(checkpoints_in(checkpoint)[-1:])
    inputs = data.take(range(len(data))).inputs
    given = inputs if isinstance(inputs, list) else torch.as_tensor(inputs)
    return recommend(loader.model.eval(), given, layers=layers, methods=methods or METHODS, verbose=False)
