"""TensorBoard loads the entry point with no guard around it: whatever is broken, TensorBoard starts."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tensorboard_plugin_gradcam
from tensorboard_plugin_gradcam.viewer.loader import DEFAULT_STEPS, GradCAMLoader
from tests.viewer.eventlog import write_run
from tests.viewer.server import tensorboard

OLD_PROTOBUF = (
    'raise TypeError("Descriptors cannot be created directly.\\nIf this call came from a _pb2.py file, ...")\n'
)


def _installation(folder: Path) -> Path:
    """Copy the package to where Python finds it before the installed one."""
    package = folder / "tensorboard_plugin_gradcam"
    source = Path(tensorboard_plugin_gradcam.__file__).parent
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))
    return package


def _damage(package: Path, what: str) -> None:
    if what == "protobuf too old":
        (package / "records/records_pb2.py").write_text(OLD_PROTOBUF)
    elif what == "file missing":
        (package / "viewer/plugin.py").unlink()
    elif what == "file cut short":
        path = package / "records/arrays.py"
        path.write_bytes(path.read_bytes()[:900])
    elif what == "file of zeros":
        (package / "viewer/store.py").write_bytes(bytes(100))
    elif what == "dependency fails":
        (package / "records/versions.py").write_text("raise OSError(5, 'Input/output error')\n")


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("protobuf too old", "TypeError: Descriptors cannot be created directly."),
        ("file missing", "ModuleNotFoundError"),
        ("file cut short", "SyntaxError"),
        ("file of zeros", ""),
        ("dependency fails", "OSError: [Errno 5] Input/output error"),
    ],
)
def test_tensorboard_starts_and_one_line_says_what_is_wrong(tmp_path: Path, what: str, reason: str) -> None:
    _damage(_installation(tmp_path / "site"), what)
    write_run(tmp_path / "logs", [1])
    with tensorboard(tmp_path / "logs", "false", environment={"PYTHONPATH": str(tmp_path / "site")}) as server:
        listed = server.ask("/data/plugins_listing").json
        assert "scalars" in listed
        assert "gradcam" not in listed
        (line,) = [line for line in server.log if "Grad-CAM" in line]
        assert f"The Grad-CAM tab is off ({reason}" in line
        assert "Repair its installation: pip install" in line
        assert "Traceback" not in "".join(server.log)


@pytest.mark.parametrize("missing", ["cv2", "torch"])
def test_the_tab_needs_neither_cv2_nor_torch(tmp_path: Path, missing: str) -> None:
    (tmp_path / f"{missing}.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')\n")
    write_run(tmp_path / "logs" / "run", [1])
    with tensorboard(tmp_path / "logs", "false", environment={"PYTHONPATH": str(tmp_path)}) as server:
        server.wait(lambda server: bool(server.get("series").json["runs"]))
        assert server.get("maps", run="run", tag="val", method="grad_cam", layer="layer4").status == 200
        assert not [line for line in server.log if "Grad-CAM" in line]


def test_without_a_built_front_end_the_tab_says_how_to_build_it(tmp_path: Path) -> None:
    package = _installation(tmp_path / "site")
    shutil.rmtree(package / "viewer/static", ignore_errors=True)
    with tensorboard(tmp_path, "false", environment={"PYTHONPATH": str(tmp_path / "site")}) as server:
        answer = server.get("index.js")
        assert (answer.status, answer.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
        assert "export function render" in answer.text
        assert "npm run build" in answer.text


def test_the_loader_imports_next_to_nothing() -> None:
    code = (
        "import tensorboard.plugins.base_plugin, tensorboard.util.tb_logging, sys; before = set(sys.modules);"
        "import tensorboard_plugin_gradcam.viewer.loader;"
        "new = {name for name in set(sys.modules) - before if not name.startswith('tensorboard_plugin_gradcam')};"
        "heavy = new & {'numpy', 'torch', 'cv2', 'google.protobuf', 'werkzeug', 'tensorboard.data'};"
        "assert not heavy, heavy;"
        "assert 'tensorboard_plugin_gradcam.records' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "flags", [None, object(), argparse.Namespace(), *(argparse.Namespace(samples_per_plugin=x) for x in (None, "", 7))]
)
def test_flags_of_embedders_are_survived(flags: Any) -> None:
    GradCAMLoader().fix_flags(flags)


def test_a_users_own_number_of_steps_wins() -> None:
    for given, kept in (({}, DEFAULT_STEPS), ({"gradcam": 7}, 7), ({"gradcam": 0, "images": 3}, 0)):
        flags = argparse.Namespace(samples_per_plugin=dict(given))
        GradCAMLoader().fix_flags(flags)
        assert flags.samples_per_plugin["gradcam"] == kept


def test_no_data_provider_is_survived() -> None:
    assert GradCAMLoader().load(None) is None
