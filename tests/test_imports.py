"""TensorBoard starts with the plugin on a machine without torch and OpenCV, and the parts keep their direction."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

FORBIDDEN = "heavy = sorted({'torch', 'cv2', 'torchvision'} & {name.split('.')[0] for name in sys.modules})"

START = """
import json, os, sys, urllib.request
import tensorboard_plugin_gradcam
from tensorboard import default, program

server = program.TensorBoard(plugins=default.get_plugins())
server.configure(logdir=sys.argv[1], port=0, load_fast="false")
with urllib.request.urlopen(server.launch() + "data/plugins_listing") as answer:
    listed = "gradcam" in json.load(answer)
viewer = "tensorboard_plugin_gradcam.viewer.plugin" in sys.modules
FORBIDDEN
print(json.dumps({"listed": listed, "viewer": viewer, "heavy": heavy}), flush=True)
os._exit(0)  # the server's threads would stay
"""


def run_python(code: str, *arguments: str) -> object:
    command = [sys.executable, "-c", code.replace("FORBIDDEN", FORBIDDEN), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_importing_the_package_imports_neither_torch_nor_opencv() -> None:
    code = "import json, sys, tensorboard_plugin_gradcam\nFORBIDDEN\nprint(json.dumps(heavy))"
    assert run_python(code) == []


def test_the_check_sees_torch_once_the_engine_is_used() -> None:
    """The two others would pass for nothing if the names they look for never stood in `sys.modules`."""
    code = "import json, sys\nfrom tensorboard_plugin_gradcam import CAM\nFORBIDDEN\nprint(json.dumps(heavy))"
    found = run_python(code)
    assert isinstance(found, list)
    assert "torch" in found


def test_tensorboard_starts_with_the_plugin_without_torch_and_opencv(tmp_path: Path) -> None:
    assert run_python(START, str(tmp_path)) == {"listed": True, "viewer": True, "heavy": []}


def test_the_parts_import_in_one_direction() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
