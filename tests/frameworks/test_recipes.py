"""docs/recipes.md: with the frameworks installed, no block is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("transformers")

from tests.test_docs import DOCS, run

pytestmark = pytest.mark.slow


def test_every_recipe_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(DOCS / "recipes.md") == []
