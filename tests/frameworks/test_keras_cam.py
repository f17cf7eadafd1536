"""The Keras engine against the torch engine, on one network with one set of weights; runs on any Keras backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("keras")

import keras
from keras import layers

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.explanation import Distinct
from tensorboard_plugin_gradcam.integrations.keras import KerasCAM, KerasResult
from tests.frameworks import keras_models as models

pytestmark = pytest.mark.slow

FORMULAS = ("grad_cam", "grad_cam_plus_plus", "layer_cam", "hires_cam", "xgrad_cam", "eigen_cam", "score_cam")


@pytest.fixture(params=models.FORMS)
def model(request: pytest.FixtureRequest) -> Any:
    keras.utils.set_random_seed(0)
    model = models.build(request.param)
    models.randomise(model)
    return model


def expected(model: Any, layer: str, **options: Any) -> Any:
    inputs = torch.tensor(models.photos()).permute(0, 3, 1, 2)
    return CAM(models.copied(model), layers=layer, methods=FORMULAS)(inputs, **options)


def check_close(found: KerasResult, name: str, oracle: Any, layer: str) -> None:
    for method in FORMULAS:
        maps = oracle.maps[method, layer].numpy()
        assert np.abs(maps).max() > 1e-2, method
        assert np.abs(maps[0] - maps[1]).max() > 1e-2 * np.abs(maps).max(), method
        np.testing.assert_allclose(
            array(found.maps[method, name]), maps, atol=1e-4 * np.abs(maps).max(), err_msg=method
        )


def test_maps_scores_and_targets_equal_the_torch_engines(model: Any) -> None:
    found = KerasCAM(model, methods=FORMULAS)(models.photos())
    name = "backbone" if "backbone" in [layer.name for layer in model.layers] else "conv2"
    oracle = expected(model, "4")
    check_close(found, name, oracle, "4")
    np.testing.assert_allclose(found.outputs, oracle.outputs, atol=1e-4)
    np.testing.assert_allclose(found.scores, oracle.scores, atol=1e-4)
    np.testing.assert_array_equal(found.targets, oracle.targets)
    assert found.input_size == (20, 28)


def test_masks_equal_the_torch_engines_and_are_shown_over_the_pictures(model: Any) -> None:
    result = KerasCAM(model, methods=["grad_cam", "layer_cam"])(models.photos())
    oracle = expected(model, "4")
    np.testing.assert_allclose(
        array(result.masks(method="layer_cam")), oracle.masks(method="layer_cam").numpy(), atol=1e-3
    )
    assert array(result.masks((7, 9), "grad_cam")).shape == (4, 7, 9)
    with pytest.raises(ValueError, match="grad_cam, layer_cam"):
        result.masks()
    sheet = result.show(method="grad_cam")
    differences = np.abs(sheet.astype(int) - oracle.show(method="grad_cam"))
    assert np.mean(differences > 2) < 0.005, "but for the names of the layers"
    assert np.ptp(sheet) > 100


MEASURES = ("gain", "gain_zero", "gain_head", "gain_head_4_mean", "class_sensitivity", "concentration", "mosaic",
            "average_drop", "average_increase")  # fmt: skip


@pytest.mark.parametrize("targets", [None, [0, 1, 2, 3]])
def test_measures_equal_the_torch_engines(model: Any, targets: list[int] | None) -> None:
    methods = ["grad_cam", "eigen_cam"]
    found = KerasCAM(model, methods=methods, measures=MEASURES)(models.photos(), targets)
    inputs = torch.tensor(models.photos()).permute(0, 3, 1, 2)
    oracle = CAM(models.copied(model), layers="4", methods=methods, measures=MEASURES)(inputs, targets)
    assert set(found.measures) == set(oracle.measures)
    assert set(found.measures) >= {"gain", "gain_logits", "gain_head_logits", "average_drop"}
    for name, of_name in found.measures.items():
        for (method, _), values in of_name.items():
            np.testing.assert_allclose(array(values), oracle.measures[name][method, "4"], atol=2e-3, err_msg=name)


def test_what_is_measured_leaves_the_model_and_its_maps_as_they_are(model: Any) -> None:
    before = [np.array(weight) for weight in model.get_weights()]
    plain = KerasCAM(model)(models.photos())
    found = KerasCAM(model, measures=MEASURES)(models.photos())
    for key, maps in plain.maps.items():
        np.testing.assert_array_equal(array(maps), array(found.maps[key]))
    assert all(np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True))


def test_randomisation_compares_with_a_copy_of_other_weights(model: Any) -> None:
    copy = keras.models.clone_model(model) if not isinstance(model, models.Subclassed) else models.build("subclassed")
    models.randomise(copy, seed=7)
    found = KerasCAM(model, measures="randomisation", randomised=copy)(models.photos())
    oracle = CAM(models.copied(model), "4", measures="randomisation", randomised=models.copied(copy))
    expected = oracle(torch.tensor(models.photos()).permute(0, 3, 1, 2)).measures
    for name in ("randomisation", "randomisation_entropy"):
        (values,) = found.measures[name].values()
        np.testing.assert_allclose(array(values), expected[name]["grad_cam", "4"], atol=2e-3, err_msg=name)
    with pytest.raises(TypeError, match="expected randomised= as a Keras model, got bool"):
        KerasCAM(model, randomised=True)


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="the torch engine runs the whole model there")
def test_a_layer_that_is_gone_around_has_no_gain_head_and_says_so() -> None:
    inputs = keras.Input((12, 12, 3))
    first = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    second = layers.Conv2D(4, 3, padding="same", activation="relu", name="second")(first)
    pooled = layers.GlobalAveragePooling2D()(layers.Add()([first, second]))
    model = keras.Model(inputs, layers.Dense(3)(pooled))
    found = KerasCAM(model, "second", measures=("gain_head", "concentration"))(models.photos()[:, :12, :12])
    assert set(found.measures) == {"concentration"}
    (note,) = found.notes
    assert note.startswith("gain_head left out: what is in front of layer 'second' reaches the scores past it")


def test_several_classes_of_each_image_are_explained_as_one_by_one() -> None:
    model = models.build("functional")
    models.randomise(model)
    cam, photos, classes = KerasCAM(model), models.photos(), np.array([[0, 3], [1, 2], [4, 0], [2, 2]])
    found = cam(photos, targets=classes if keras.backend.backend() != "torch" else classes.tolist())
    np.testing.assert_array_equal(found.samples, [0, 0, 1, 1, 2, 2, 3, 3])
    np.testing.assert_array_equal(found.targets, classes.ravel())
    maps = array(found.maps["grad_cam", "conv2"])
    for rank in range(2):
        alone = cam(photos, targets=classes[:, rank])
        np.testing.assert_allclose(maps[rank::2], array(alone.maps["grad_cam", "conv2"]), atol=1e-6)
        np.testing.assert_allclose(array(found.scores)[rank::2], array(alone.scores), atol=1e-6)


def test_the_top_class_and_the_label_are_explained_once_where_they_are_the_same() -> None:
    model = models.build("functional")
    models.randomise(model)
    cam, photos = KerasCAM(model), models.photos()
    tops = [int(top) for top in array(cam(photos).targets)]
    others = [(top + 1) % models.CLASSES for top in tops]
    found = cam(photos, targets=[Distinct([None, other]) for other in [tops[0], *others[1:]]])
    np.testing.assert_array_equal(array(found.samples), [0, 1, 1, 2, 2, 3, 3])
    np.testing.assert_array_equal(
        array(found.targets), [tops[0], tops[1], others[1], tops[2], others[2], tops[3], others[3]]
    )
    alone = cam(photos, targets=others)
    np.testing.assert_allclose(
        array(found.maps["grad_cam", "conv2"])[[2, 4, 6]], array(alone.maps["grad_cam", "conv2"])[1:], atol=1e-6
    )
    with pytest.raises(ValueError, match="from 0 to"):
        cam(photos, targets=[[None, models.CLASSES]] * len(photos))


HEADS = {
    "dense": [layers.Dense(models.CLASSES, activation="softmax")],
    "activation": [layers.Dense(models.CLASSES), layers.Activation("softmax", dtype="float32")],
    "softmax": [layers.Dense(models.CLASSES), layers.Softmax()],
    "linear": [layers.Dense(models.CLASSES)],
}


@pytest.mark.parametrize("head", HEADS)
def test_scores_are_explained_before_the_last_softmax(head: str) -> None:
    inputs = keras.Input(models.SIZE)
    features = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, activation="relu", name="conv")(inputs))
    outputs = features
    for layer in HEADS[head]:
        outputs = layer(outputs)
    model = keras.Model(inputs, outputs)
    dense, photos = HEADS[head][0], models.photos()
    found = KerasCAM(model, layers="conv")(photos, targets=2)
    pooled = keras.ops.convert_to_numpy(keras.Model(inputs, features)(photos))
    kernel, bias = (keras.ops.convert_to_numpy(weight.value) for weight in (dense.kernel, dense.bias))
    np.testing.assert_allclose(array(found.outputs), pooled @ kernel + bias, atol=1e-5)
    cells = keras.ops.convert_to_numpy(keras.Model(inputs, model.get_layer("conv").output)(photos))
    zhou_2016 = cells @ kernel[:, 2] / (18 * 26)  # behind global average pooling, Grad-CAM is CAM / Z
    np.testing.assert_allclose(array(found.maps["grad_cam", "conv"]), zhou_2016, atol=1e-6)


def test_a_single_score_has_two_sides() -> None:
    model = keras.Sequential(
        [
            keras.Input(models.SIZE),
            layers.Conv2D(8, 3, activation="relu", name="conv"),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    photos = models.photos()
    cam = KerasCAM(model)
    negative, positive, top = (cam(photos, targets) for targets in (0, 1, None))
    key = "grad_cam", "conv"
    np.testing.assert_allclose(array(negative.maps[key]), -array(positive.maps[key]), atol=1e-6)
    np.testing.assert_array_equal(top.targets, keras.ops.convert_to_numpy(model(photos))[:, 0] > 0.5)
    np.testing.assert_allclose(array(top.scores), np.abs(array(positive.scores)), atol=1e-5)


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_maps_under_mixed_precision_are_those_of_the_network(dtype: str) -> None:
    keras.config.set_dtype_policy(dtype)
    try:
        model = models.build("functional")
    finally:
        keras.config.set_dtype_policy("float32")
    models.randomise(model)
    found = KerasCAM(model, methods=FORMULAS)(models.photos(), targets=3)
    oracle = expected(model, "4", targets=3)
    for method in FORMULAS:
        maps, exact = array(found.maps[method, "conv2"]), oracle.maps[method, "4"].numpy()
        assert maps.dtype == np.float32
        # Not cell by cell: the pooling chooses another of two cells that half precision can't tell apart.
        assert np.corrcoef(maps.ravel(), exact.ravel())[0, 1] > 0.95, method
        assert np.quantile(np.abs(maps - exact), 0.9) < 0.02 * np.abs(exact).max(), method


BACKBONES = {
    "ResNet50": "conv5_block3_out",
    "EfficientNetB0": "top_activation",
    "DenseNet121": "relu",
    "MobileNetV2": "out_relu",
}


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("form", ["flat", "nested"])
def test_the_layer_is_found_in_keras_applications(name: str, form: str) -> None:
    keras.utils.set_random_seed(0)  # an untrained EfficientNet's last activation is at times too faint to be placed
    base = getattr(keras.applications, name)(weights=None, include_top=False, input_shape=(96, 96, 3))
    inputs = keras.Input((96, 96, 3))
    source, features = (base.input, base.output) if form == "flat" else (inputs, base(inputs))
    model = keras.Model(source, layers.Dense(3)(layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(features))))
    found = KerasCAM(model)(np.random.default_rng(0).random((1, 96, 96, 3)))
    assert found.layers == (BACKBONES[name] if form == "flat" else base.name,)
    assert found.maps["grad_cam", found.layers[0]].shape == (1, 3, 3)


def test_layers_are_named_or_given_also_inside_nested_models() -> None:
    model = models.build("nested")
    inner = model.get_layer("backbone").get_layer("conv1")
    found = KerasCAM(model, layers=["backbone", inner])(models.photos())
    assert found.layers == ("backbone", "conv1")
    assert [found.maps["grad_cam", layer].shape for layer in found.layers] == [(4, 8, 12), (4, 18, 26)]


def test_a_pass_leaves_no_trace() -> None:
    model = models.build("nested")
    model.get_layer("backbone").get_layer("conv1").activity_regularizer = keras.regularizers.L2(0.1)
    model(models.photos(), training=True)
    before, losses = [vars(layer).copy() for layer in model._flatten_layers()], [float(loss) for loss in model.losses]
    assert losses
    KerasCAM(model, methods=["grad_cam", "eigen_cam"])(models.photos())
    with pytest.raises(ValueError, match="expected a class from 0 to 4, got 9"):
        KerasCAM(model)(models.photos(), targets=9)
    for layer, attributes in zip(model._flatten_layers(), before, strict=True):
        assert vars(layer).keys() == attributes.keys()
        assert all(vars(layer)[name] is attributes[name] for name in ("activation", "call") if name in attributes)
    assert [float(loss) for loss in model.losses] == losses


def shared() -> Any:
    inputs, conv = keras.Input(models.SIZE), layers.Conv2D(3, 3, padding="same", name="twice")
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(conv(conv(inputs)))))


@pytest.mark.parametrize(
    ("make", "options", "error", "message"),
    [
        (object, {}, TypeError, "expected a Keras 3 model, got builtins.object"),
        (lambda: models.build("nested"), {"layers": "conv3"}, ValueError, "a layer such as conv2, conv1, got 'conv3'"),
        (lambda: models.build("nested"), {"layers": layers.ReLU()}, ValueError, "not one of its layers"),
        (lambda: models.build("nested"), {"methods": "gradkam"}, ValueError, "got 'gradkam'"),
        (lambda: keras.Sequential([keras.Input((4,)), layers.Dense(2)]), {}, ValueError, "expected a batch of inputs"),
        (lambda: keras.Sequential([keras.Input(models.SIZE), layers.Flatten(), layers.Dense(2)]), {}, ValueError,
         "found none: name a layer"),
        (shared, {"layers": "twice"}, ValueError, "layer 'twice' ran more than once"),
    ],
)  # fmt: skip
def test_bad_arguments_are_told(make: Any, options: Any, error: type[Exception], message: str) -> None:
    model = make()
    photos = np.zeros((2, 4)) if getattr(model, "built", False) and model.input_shape[1:] == (4,) else models.photos()
    with pytest.raises(error, match=message):
        KerasCAM(model, **options)(photos)


def array(value: Any) -> Any:
    return value.cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
