"""Without its framework, each integration says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("library", ["fastai", "ignite", "keras", "lightning", "transformers"])
def test_a_missing_framework_is_named_with_the_command(library: str) -> None:
    missing = {library: None} | ({"pytorch_lightning": None} if library == "lightning" else {})
    code = f"import sys; sys.modules.update({missing!r}); import tensorboard_plugin_gradcam.integrations.{library}"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"integrations.{library} needs {library}" in found.stderr
    package = "pytorch-ignite" if library == "ignite" else library
    assert f'needs {library}: pip install "{package}>=' in found.stderr
