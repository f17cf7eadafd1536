"""Layers of Keras models found by measuring: transformers, attention on top, several inputs; on any backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras")

import keras
from keras import layers, ops

from tensorboard_plugin_gradcam.integrations.keras import KerasCAM
from tests.frameworks.test_keras_cam import array

pytestmark = pytest.mark.slow

SIZE = (32, 48, 3)


def photos(count: int = 2) -> Any:
    return np.random.default_rng(0).random((count, *SIZE)).astype(np.float32)


@keras.saving.register_keras_serializable("tests")
class Patches(layers.Layer):
    """Cut an image into patches, as Keras's own example of a vision transformer does."""

    def call(self, images: Any) -> Any:
        """Return ``(N, patches, values)``."""
        _, height, width, colours = ops.shape(images)
        cut = ops.reshape(images, (-1, height // 8, 8, width // 8, 8, colours))
        return ops.reshape(ops.transpose(cut, (0, 1, 3, 2, 4, 5)), (-1, height // 8 * (width // 8), 64 * colours))


@keras.saving.register_keras_serializable("tests")
class Token(layers.Layer):
    """Put a class token before the patches."""

    def build(self, shape: Any) -> None:
        """Make the token."""
        self.token = self.add_weight(shape=(1, 1, shape[-1]), initializer="glorot_uniform")

    def call(self, tokens: Any) -> Any:
        """Return one token more."""
        return ops.concatenate([ops.repeat(self.token, ops.shape(tokens)[0], axis=0), tokens], axis=1)


def transformer(reads: str) -> Any:
    """Keras's example: patches, blocks of attention, and a head that reads all patches, or a class token."""
    inputs = keras.Input(SIZE)
    tokens = layers.Dense(16, name="projection")(Patches()(inputs))
    tokens = Token()(tokens) if reads == "token" else tokens
    for block in range(3):
        seen = layers.LayerNormalization(name=f"before_{block}")(tokens)
        tokens = layers.Add()([layers.MultiHeadAttention(2, 8, name=f"attention_{block}")(seen, seen), tokens])
        seen = layers.LayerNormalization()(tokens)
        seen = layers.Dense(16)(layers.Dense(32, activation="gelu")(seen))
        tokens = layers.Add(name=f"block_{block}")([seen, tokens])
    tokens = layers.LayerNormalization(name="last")(tokens)
    read = tokens[:, 0] if reads == "token" else layers.Flatten()(tokens)
    return keras.Model(inputs, layers.Dense(5)(layers.Dropout(0.5)(read)))


def attention_on_top() -> Any:
    inputs = keras.Input(SIZE)
    cells = layers.Conv2D(12, 3, 2, "same", activation="relu")(inputs)
    cells = layers.Conv2D(16, 3, 2, "same", activation="relu", name="cells")(cells)
    tokens = layers.Reshape((96, 16))(cells)
    tokens = layers.LayerNormalization(name="mixed")(layers.MultiHeadAttention(2, 8)(tokens, tokens) + tokens)
    return keras.Model(inputs, layers.Dense(5)(layers.GlobalAveragePooling1D()(tokens)))


MODELS = {
    "Keras's vision transformer": (lambda: transformer("all"), "last", (4, 6)),
    "a class token": (lambda: transformer("token"), "block_1", (4, 6)),  # what the last attention reads
    "attention on top of convolutions": (attention_on_top, "mixed", (8, 12)),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_layer_and_its_cells_are_found_and_named_layers_are_arranged_alike(name: str) -> None:
    make, layer, grid = MODELS[name]
    keras.utils.set_random_seed(0)
    model = make()
    cam = KerasCAM(model)
    candidates = cam.candidates(photos())
    assert candidates.choice == layer, candidates
    maps = array(cam(photos(), 3).maps["grad_cam", layer])
    assert maps.shape == (2, *grid)
    assert np.ptp(maps) > 0
    named = array(KerasCAM(model, layers=layer)(photos(), 3).maps["grad_cam", layer])
    np.testing.assert_array_equal(maps, named)
    assert f">  {layer}" in str(candidates)


def test_tokens_are_arranged_as_by_hand() -> None:
    keras.utils.set_random_seed(0)
    model = transformer("token")
    photo = photos(1)
    tokens = keras.ops.convert_to_numpy(keras.Model(model.input, model.get_layer("last").output)(photo))
    found = array(KerasCAM(model, layers="last", methods="eigen_cam")(photo, 1).maps["eigen_cam", "last"])
    cells = tokens[0, 1:].reshape(4, 6, 16)
    centred = cells - cells.mean((0, 1))
    projected = centred @ np.linalg.svd(centred.reshape(24, 16), full_matrices=False)[2][0]
    np.testing.assert_allclose(np.abs(found[0]), np.abs(projected), atol=1e-4)


def with_age(kind: str) -> Any:
    images, age = keras.Input(SIZE, name="images"), keras.Input((3,), name="age")
    cells = layers.Conv2D(8, 3, 2, activation="relu", name="cells")(images)
    scores = layers.Dense(5)(layers.Concatenate()([layers.GlobalAveragePooling2D()(cells), age]))
    return keras.Model({"images": images, "age": age} if kind == "mapping" else [age, images], scores)


@pytest.mark.parametrize("kind", ["mapping", "list"])
def test_of_several_inputs_the_images_are_explained(kind: str) -> None:
    keras.utils.set_random_seed(0)
    model, images, ages = with_age(kind), photos(), np.array([[1, 2, 3], [-3, 5, 0]], np.float32)

    def given(rows: slice = slice(None)) -> Any:
        return {"images": images[rows], "age": ages[rows]} if kind == "mapping" else [ages[rows], images[rows]]

    cam = KerasCAM(model, methods=["grad_cam", "score_cam"])
    both = cam(given(), 2)
    assert cam.layers == ("cells",)
    kernel = keras.ops.convert_to_numpy(model.layers[-1].kernel)
    cells = keras.ops.convert_to_numpy(keras.Model(model.inputs, model.get_layer("cells").output)(given()))
    zhou_2016 = cells @ kernel[:8, 2] / (cells.shape[1] * cells.shape[2])
    np.testing.assert_allclose(array(both.maps["grad_cam", "cells"]), zhou_2016, atol=1e-6)
    for row in range(2):
        alone = cam(given(slice(row, row + 1)), 2)
        found = array(both.maps["score_cam", "cells"])[row]
        np.testing.assert_allclose(found, array(alone.maps["score_cam", "cells"])[0], atol=1e-5)
    assert array(both.inputs).shape == (2, 3, 32, 48)


def test_a_model_that_is_not_built_is_built_by_the_first_batch() -> None:
    keras.utils.set_random_seed(0)
    cells = layers.Conv2D(8, 3, activation="relu", name="cells")
    model = keras.Sequential([cells, layers.GlobalAveragePooling2D(), layers.Dense(5)])
    cam = KerasCAM(model, layers="cells")
    maps = array(cam(photos(), 1).maps["grad_cam", "cells"])
    assert model.built
    assert maps.shape == (2, 30, 46)
    assert np.ptp(maps) > 0
