"""Keras on its other backends, and without the libraries that are not needed; each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("keras")

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]

BLOCKED = """
import sys

class Blocker:  # as where a library is not installed
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[2].split():
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
"""
FIT = """
import numpy as np
import keras
from tensorboard_plugin_gradcam import read_gradcam
from tensorboard_plugin_gradcam.integrations.keras import GradCAMCallback
model = keras.Sequential([
    keras.Input((8, 10, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(2)
])
model.compile("sgd", "mse")
x = np.random.default_rng(0).random((4, 8, 10, 1))
model.fit(x, np.eye(2)[[0, 1, 0, 1]], verbose=0, callbacks=[
    GradCAMCallback(sys.argv[1], x, methods=["grad_cam", "eigen_cam", "score_cam"])
])
print(sorted((layer, method, series.array().shape)
    for (_, _, method, layer), series in read_gradcam(sys.argv[1]).maps.items()))
"""


def python(*arguments: object, backend: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2"}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.parametrize("tests", ["cam", "callback", "found_layers"])
def test_the_tests_pass_on_the_other_backends(tests: str, backend: str) -> None:
    """What is found in Keras's own networks does not depend on the backend; half precision is tested with the maps."""
    selected = "not applications" if tests == "cam" else "not mixed_bfloat16"
    path = f"tests/frameworks/test_keras_{tests}.py"
    done = python("-m", "pytest", "-q", "-m", "", "-p", "no:xdist", path, "-k", selected, backend=backend)
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout


@pytest.mark.parametrize(("backend", "blocked"), [("tensorflow", "torch jax"), ("jax", "torch tensorflow")])
def test_a_backend_needs_no_other(backend: str, blocked: str, tmp_path: Path) -> None:
    done = python("-c", BLOCKED + FIT, tmp_path, blocked, backend=backend)
    assert done.returncode == 0, done.stderr
    expected = [("conv2d", method, (1, 4, 6, 8)) for method in ("eigen_cam", "grad_cam", "score_cam")]
    assert done.stdout.splitlines()[-1] == str(expected)


@pytest.mark.parametrize("missing", ["keras", "tensorflow"])
def test_without_the_library_the_error_names_the_command(missing: str, tmp_path: Path) -> None:
    code = BLOCKED + "import tensorboard_plugin_gradcam.integrations.keras"
    done = python("-c", code, tmp_path, missing, backend="tensorflow")
    assert f'needs {missing}: pip install "keras>=3.0", and tensorflow, jax or torch' in done.stderr.splitlines()[-1]


def test_nothing_of_the_package_imports_keras_unasked() -> None:
    code = "import sys, tensorboard_plugin_gradcam as t; t.CAM, t.GradCAMLogger; print('keras' in sys.modules)"
    assert python("-c", code, backend="tensorflow").stdout.strip() == "False"
