"""A wheel carries the built tab, needs no Node to install, and stays small."""

import email
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "tensorboard_plugin_gradcam"
STATIC = f"{PACKAGE}/viewer/static/"
BUNDLE = f"{STATIC}index.js"
ADDRESS = "git@git.example.org:team/gradcam.git"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from a copy without a bundle: other tests serve the working tree's own at the same time."""
    source = tmp_path_factory.mktemp("source")
    for name in ["CHANGELOG.md", "LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py"]:
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / PACKAGE, source / PACKAGE, ignore=shutil.ignore_patterns("static", "__pycache__"))
    shutil.copytree(ROOT / "frontend", source / "frontend", ignore=shutil.ignore_patterns("node_modules"))
    # The packages are there already; the build asks for them only where they are missing.
    (source / "frontend" / "node_modules").symlink_to(ROOT / "frontend" / "node_modules")
    out = source / "dist"
    run_pip("wheel", "--no-deps", "--wheel-dir", str(out), str(source), REPOSITORY_URL=ADDRESS)
    (built,) = out.glob("*.whl")
    return built


def run_pip(*arguments: str, **environment: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_holds_the_tab_and_the_types(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {
        BUNDLE,
        f"{PACKAGE}/exports/viewer/viewer.js",
        f"{PACKAGE}/py.typed",
        f"{PACKAGE}/records/records.proto",
    } <= names
    assert not [name for name in names if name.startswith(("frontend/", "tests/", "demo/", "benchmarks/"))]


def test_pip_show_names_author_addresses_and_keywords_and_the_readmes_links_are_absolute(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(archive.read(name))
    assert metadata["Author"]
    assert metadata["Keywords"].startswith("tensorboard,")
    addresses = dict(one.split(", ") for one in metadata.get_all("Project-URL", []))
    assert addresses["Repository"] == "https://git.example.org/team/gradcam"
    assert {"Documentation", "Changelog", "Issues"} <= set(addresses)
    text = str(metadata.get_payload())
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert len(links) > 5
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    for path in re.findall(r"https://git.example.org/team/gradcam/(?:raw|blob)/HEAD/([^)#]+)", text):
        assert (ROOT / path).exists(), path


def test_the_first_screen_stays_within_100_kilobytes_and_all_parts_within_200(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        scripts = [name for name in archive.namelist() if name.startswith(STATIC) and name.endswith(".js")]
        sizes = {name: len(gzip.compress(archive.read(name))) for name in scripts}
    assert sum(size for name, size in sizes.items() if name == BUNDLE or "/tab-" in name) <= 100_000
    assert sum(sizes.values()) <= 200_000


def test_the_wheel_installs_without_node(wheel: Path, tmp_path: Path) -> None:
    target, nothing = tmp_path / "target", tmp_path / "nothing"
    nothing.mkdir()
    assert shutil.which("node", path=str(nothing)) is None
    run_pip("install", "--no-deps", "--no-index", "--target", str(target), str(wheel), PATH=str(nothing))
    assert (target / BUNDLE).stat().st_size > 0
    code = f"import {PACKAGE} as package; print(package.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()).is_relative_to(target)


def test_the_lock_file_names_no_download_addresses() -> None:
    text = (ROOT / "frontend" / "package-lock.json").read_text()
    assert '"resolved"' not in text
    packages = [one for place, one in json.loads(text)["packages"].items() if place]
    assert all(one["integrity"].startswith("sha512-") for one in packages if "link" not in one)


def test_the_wheel_holds_the_bill_of_the_bundle_and_its_licences(wheel: Path) -> None:
    """Of each library in the bundle: the locked version, a licence that goes with Apache-2.0, and its text."""
    with zipfile.ZipFile(wheel) as archive:
        bill = archive.read(f"{PACKAGE}/viewer/static/THIRD_PARTY_LICENSES.md").decode()
    locked = json.loads((ROOT / "frontend" / "package-lock.json").read_text())["packages"]
    parts = re.split(r"^## (\S+) - (\S+) \((.+)\)$", bill, flags=re.M)[1:]
    names, versions, licences, texts = (parts[i::4] for i in range(4))
    assert {"preact", "@preact/signals", "uplot", "d3-contour", "gifenc"} <= set(names)
    assert {name: locked[f"node_modules/{name}"]["version"] for name in names} == dict(
        zip(names, versions, strict=True)
    )
    assert set(licences) <= {"MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "Apache-2.0"}
    assert all("Permission" in text or "Redistribution" in text for text in texts)


def test_each_dependency_is_justified() -> None:
    """In one line of the table in CONTRIBUTING.md."""
    table = (ROOT / "CONTRIBUTING.md").read_text().partition("## Dependencies")[2]
    python = re.search(r"^dependencies = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.M | re.S)
    assert python
    names = re.findall(r'"([\w-]+)', python[1])
    names += json.loads((ROOT / "frontend" / "package.json").read_text())["dependencies"]
    assert len(names) > 8
    for name in names:
        assert re.search(rf"^\| ([^|]*, )?{re.escape(name)}(, [^|]*)? \| \S", table, re.M), name
