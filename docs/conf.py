"""How Sphinx builds the documentation: `make docs`. Pages are Markdown (MyST); the Python API comes from docstrings."""

from __future__ import annotations

import re
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

VERSION = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)
assert VERSION

project = "Grad-CAM for TensorBoard"
author = "The authors of tensorboard-plugin-gradcam"
release = version = VERSION[1]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
default_role = "literal"  # docstrings mark names with single backquotes
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r".*")]  # types of other libraries; links between pages are still checked

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

html_theme = "furo"
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "inherited-members": False}
python_maximum_signature_line_length = 100
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False


# The callbacks derive from classes of the frameworks. Where a framework is not installed, empty classes stand in for
# them while the docstrings are read.
STAND_INS = {
    "lightning.pytorch": ["Callback"],
    "ignite.engine": ["Engine", "Events"],
    "ignite.handlers.base_logger": ["BaseHandler"],
    "fastai.callback.core": ["Callback"],
    "fastai.torch_core": ["rank_distrib"],
    "transformers": ["TrainerCallback"],
    "transformers.integrations": ["TensorBoardCallback"],
    "keras.callbacks": ["Callback"],
}


def stand_in(name: str, classes: list[str]) -> None:
    """Put an empty module of that name, and its parents, in place of one that is not installed."""
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        path = ".".join(parts[:length])
        if path not in sys.modules:
            module: Any = ModuleType(path)
            module.__spec__, module.__path__ = ModuleSpec(path, None), []
            sys.modules[path] = module
            if length > 1:
                setattr(sys.modules[".".join(parts[: length - 1])], parts[length - 1], module)
    for one in classes:
        setattr(sys.modules[name], one, type(one, (), {"__module__": name}))


MISSING = {name.partition(".")[0] for name in STAND_INS if find_spec(name.partition(".")[0]) is None}
for _name, _classes in STAND_INS.items():
    if _name.partition(".")[0] in MISSING:
        stand_in(_name, _classes)
