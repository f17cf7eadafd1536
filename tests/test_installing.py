"""Error texts name commands that work: what is missing, and where this package came from."""

from __future__ import annotations

import json
import re
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from tensorboard_plugin_gradcam import installing

ROOT = Path(__file__).resolve().parents[1]


def extras() -> dict[str, list[str]]:
    """Read them from pyproject.toml, with no parser of it (Python 3.10 has none)."""
    table = (ROOT / "pyproject.toml").read_text().partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    lists = re.findall(r"^(\w+) = \[(.*?)\]$", table, re.M | re.S)
    return {name: re.findall(r'"([^"]+)"', packages) for name, packages in lists}


@pytest.mark.parametrize("extra", ["torch", "keras", "lightning", "ignite", "fastai", "transformers", "dataframe"])
def test_what_to_install_is_what_the_extra_holds(extra: str) -> None:
    named = re.findall(r'"([^"]+)"', installing.install(extra))
    assert sorted(named) == sorted(extras()[extra])


def test_without_metadata_the_library_itself_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(installing, "distribution", nothing)
    assert str(installing.missing("CAM", "torch._C", "torch")) == "CAM needs torch: pip install torch"
    assert str(installing.missing("Parquet", "pyarrow", "parquet")) == "Parquet needs pyarrow: pip install pyarrow"
    assert installing.reinstall().startswith("pip install ")


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        ({}, "--upgrade --force-reinstall tensorboard-plugin-gradcam"),
        ({"url": "file:///src/it", "dir_info": {"editable": True}}, '--force-reinstall --editable "file:///src/it"'),
        ({"url": "file:///a/it.whl", "archive_info": {}}, '--force-reinstall "file:///a/it.whl"'),
        ({"url": "https://git.example.org/it", "vcs_info": {"vcs": "git"}}, '"git+https://git.example.org/it"'),
    ],
)
def test_it_is_installed_again_from_where_it_came(
    monkeypatch: pytest.MonkeyPatch, origin: dict[str, Any], command: str
) -> None:
    class Installed:
        def read_text(self, name: str) -> str | None:
            assert name == "direct_url.json"
            return json.dumps(origin) if origin else None

    monkeypatch.setattr(installing, "distribution", lambda name: Installed())
    assert installing.reinstall().startswith("pip install ")
    assert installing.reinstall().endswith(command)


def test_no_text_names_the_package_as_if_an_index_had_it() -> None:
    """A file that says `pip install tensorboard-plugin-gradcam` says when that will be true."""
    files = [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("demo/**/*.*"),
        *ROOT.glob("frontend/src/**/*.ts*"),
    ]
    files += (ROOT / "tensorboard_plugin_gradcam").rglob("*.py")
    for file in files:
        for line in file.read_text(errors="ignore").splitlines():
            if re.search(r"pip install[^\n]*tensorboard-plugin-gradcam", line) and "@ git+" not in line:
                assert "once released" in line.lower(), f"{file}: {line}"
