"""`GradCAMCallback` in a real `fit`; runs on any Keras backend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("keras")

import keras

from tensorboard_plugin_gradcam import GradCAMLogger, read_gradcam
from tensorboard_plugin_gradcam.integrations.keras import GradCAMCallback, KerasCAM
from tests.frameworks import keras_models as models
from tests.writer.logs import ReadLog

pytestmark = pytest.mark.slow

LABELS = np.arange(12) % models.CLASSES


def trained(*callbacks: Any, dtype: str = "float32", epochs: int = 2, **options: Any) -> list[NDArray[Any]]:
    """Train the nested form; return all variables (weights, statistics, seeds, optimizer), and the next random draw."""
    keras.utils.set_random_seed(3)
    keras.config.set_dtype_policy(dtype)
    try:
        model = models.build("nested")
    finally:
        keras.config.set_dtype_policy("float32")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    photos = models.photos(12)
    fitted = model.fit(
        photos, LABELS, 4, epochs, verbose=0, callbacks=list(callbacks), validation_data=(photos, LABELS)
    )
    state = [keras.ops.convert_to_numpy(variable.value) for variable in (*model.variables, *model.optimizer.variables)]
    histories = [np.array(values) for values in fitted.history.values()]
    return [*state, *histories, keras.ops.convert_to_numpy(keras.random.uniform((4,)))]


@pytest.mark.parametrize("every", [None, 1, "0.001s"])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_training_is_bit_identical(every: Any, dtype: str, tmp_path: Path) -> None:
    methods = ("grad_cam", "eigen_cam", "score_cam")
    callback = GradCAMCallback(tmp_path, models.photos(), LABELS[:4], every=every, methods=methods)
    plain, watched = trained(dtype=dtype), trained(callback, dtype=dtype)
    assert len(plain) == len(watched) > 20
    for one, other in zip(plain, watched, strict=True):
        np.testing.assert_array_equal(one, other)
    log = ReadLog(tmp_path)
    assert sorted(log.predictions["validation"]) == ([0, 1] if every is None else list(range(7)))
    assert {key[1] for key in log.maps} == set(methods)


def test_what_is_logged_is_what_the_model_saw_then(tmp_path: Path) -> None:
    photos, seen = models.photos(), []

    class Watch(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            probabilities = keras.ops.convert_to_numpy(self.model(photos, training=False))
            seen.append((KerasCAM(self.model)(photos, targets=LABELS[:4]), probabilities))

    names = [f"kind {index}" for index in range(models.CLASSES)]
    one_hot = np.eye(models.CLASSES)[LABELS[:4]]
    callback = GradCAMCallback(
        tmp_path, photos, one_hot, targets="label", class_names=names, top_k=2, precision="float32", ids="abcd"
    )
    trained(callback, Watch())
    log = read_gradcam(tmp_path)
    ((key, series),) = log.maps.items()
    assert key == (".", "validation", "grad_cam", "backbone")
    said = log.predictions[".", "validation"]
    np.testing.assert_array_equal(series.targets(), [LABELS[:4]] * 2)
    np.testing.assert_array_equal(series.epochs, [1, 2])
    assert np.abs(series.array()[0] - series.array()[1]).max() > 1e-4
    for step, (result, probabilities) in enumerate(seen):
        np.testing.assert_allclose(series.array()[step], result.maps["grad_cam", "backbone"], atol=1e-6)
        np.testing.assert_allclose(said.array()[step], probabilities.max(axis=1), atol=1e-5)
        np.testing.assert_array_equal(said.array("top_classes")[step], np.argsort(-probabilities)[:, :2])
    cohort = series.moments[0].cohort
    assert cohort is not None
    assert cohort.class_names == tuple(names)
    assert [(sample.id, sample.label) for sample in cohort.samples] == list(zip("abcd", LABELS[:4], strict=True))
    shown = np.stack([log.image(".", sample.image) for sample in cohort.samples])
    np.testing.assert_array_equal(shown, np.rint(photos * 255))


def test_a_resumed_training_goes_on_counting(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    model = models.build("sequential")
    model.compile("sgd", "sparse_categorical_crossentropy")
    photos = models.photos(12)
    for _ in range(2):
        callback = GradCAMCallback(tmp_path, photos[:2], every=2)
        model.fit(photos, LABELS, 4, 3, verbose=0, callbacks=[callback])
    assert log_steps(tmp_path) == [0, 2, 4, 6, 8, 9, 10, 12, 14, 16, 18]


def log_steps(directory: Path) -> list[int]:
    return read_gradcam(directory).predictions[".", "validation"].steps.tolist()


def test_pictures_may_differ_from_inputs(tmp_path: Path) -> None:
    pictures = np.rint(models.photos() * 255).astype(np.uint8)
    inputs = models.photos() * 2 - 1
    trained(GradCAMCallback(tmp_path / "pictures", pictures, inputs=inputs), epochs=1)
    trained(GradCAMCallback(tmp_path / "undone", inputs, mean=[0.5], std=[0.5]), epochs=1)
    logs = [ReadLog(tmp_path / name) for name in ("pictures", "undone")]
    assert logs[0].images.keys() == logs[1].images.keys()
    for log in logs:
        (maps,) = (steps[0] for steps in log.maps.values())
        assert maps.blocks[0].values.tolist() == next(iter(logs[0].maps.values()))[0].blocks[0].values.tolist()


def test_a_log_that_can_not_be_written_does_not_end_a_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match="step 0 of 'validation' could not be written"):
        trained(GradCAMCallback(tmp_path / "file" / "log", models.photos()), epochs=1)


def test_a_plain_loop_logs_through_the_logger(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    model = models.build("functional")
    model.compile("sgd", "sparse_categorical_crossentropy")
    photos = models.photos()
    with GradCAMLogger(tmp_path, KerasCAM(model)) as logger:
        probe = logger.probe("validation", photos, labels=LABELS[:4])
        for step in range(3):
            probe.log(step)
            model.train_on_batch(photos, LABELS[:4])
    assert log_steps(tmp_path) == [0, 1, 2]


def test_bad_arguments_are_told_before_the_training(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected every as steps"):
        GradCAMCallback(tmp_path, models.photos(), every="soon")
    with pytest.raises(TypeError, match=r"pass KerasCAM\(model\)"):
        GradCAMLogger(tmp_path, models.build("sequential"))
