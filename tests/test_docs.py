"""The documentation says what is true: its Python runs, its commands exist, and each page is built and linked."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from unittest import SkipTest

import pytest
from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser, SkipParser

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted(DOCS.glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
# Run by tests of their own, which also look at what they log.
ELSEWHERE = {
    "check.md": "tests/exports/test_pages.py",
    "export.md": "tests/exports/test_pages.py",
    "inspect.md": "tests/exports/test_pages.py",
    "byo-maps.md": "tests/writer/test_byo_maps.py",
    "frameworks.md": "tests/frameworks/test_examples.py",
    "targets.md": "tests/cam/test_targets_docs.py",
}
SYBIL = Sybil([PythonCodeBlockParser(), SkipParser()])


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(page.read_text()) if kind == language]


WITH_PYTHON = [page for page in PAGES if blocks(page, "python") and page.name not in {*ELSEWHERE, "README.md"}]


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.stem)
def test_the_pages_python_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(page)


def run(page: Path) -> list[str]:
    """Run a page's blocks one after the other; return why blocks were left out."""
    skipped = []
    for example in SYBIL.parse(page).examples():
        try:
            example.evaluate()
        except SkipTest as reason:  # needs a framework: tests/frameworks runs the page again, with all of them
            skipped.append(str(reason))
    return skipped


def test_the_first_example_is_the_same_wherever_people_meet_it() -> None:
    """On the start page, which runs it, in the README, and on the tab's empty page."""
    example = blocks(DOCS / "start.md", "python")[0].strip()
    assert blocks(ROOT / "README.md", "python") == [example + "\n"]
    (tab,) = re.findall(r"const EXAMPLE = `(.*?)`;", (ROOT / "frontend/src/views/App.tsx").read_text(), re.S)
    assert tab.strip() == example


@pytest.mark.parametrize("page", ELSEWHERE)
def test_the_other_pages_are_run_by_tests_of_their_own(page: str) -> None:
    assert blocks(DOCS / page, "python")
    assert page in (ROOT / ELSEWHERE[page]).read_text()


def commands() -> list[tuple[str, str]]:
    return [
        (page.name, line.partition("  #")[0].strip())
        for page in PAGES
        for block in blocks(page, "sh")
        for line in block.splitlines()
        if line.strip()
    ]


@pytest.mark.parametrize(("page", "command"), commands(), ids=lambda text: text)
def test_the_pages_commands_exist(page: str, command: str) -> None:
    """Each is a target of the Makefile, a script, or a subcommand that its own parser knows."""
    words = [word for word in shlex.split(command) if "=" not in word or word.startswith("-")]
    if words[0] == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M)
        assert set(words[1:]) <= set(targets), command
    elif words[0] == "python":
        assert (ROOT / words[1]).is_file() or words[1] == "-m", command
    elif words[0] == "tensorboard-gradcam":
        from tensorboard_plugin_gradcam.cli import COMMANDS

        assert words[1] in COMMANDS, command
    else:
        assert words[0] in ("pip", "tensorboard", "git", "cd", "npm"), command


def test_no_page_has_code_of_a_kind_that_no_test_reads() -> None:
    known = {"python", "sh", "text", "json"}
    for page in PAGES:
        kinds = {kind for kind, _ in BLOCK.findall(page.read_text())}
        assert kinds <= known, f"{page.name}: {kinds - known}"


def test_contributings_map_names_each_room_and_root_module() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    package = ROOT / "tensorboard_plugin_gradcam"
    rooms = {path.parent.name + "/" for path in package.glob("*/__init__.py")}
    modules = {path.name for path in package.glob("*.py")} - {"__init__.py", "__main__.py"}
    named = {part.removeprefix("tensorboard_plugin_gradcam/") for part in re.findall(r"`([\w./]+)`", text)}
    assert rooms | modules <= named, (rooms | modules) - named


def test_the_readme_quotes_the_benchmarks_as_they_are() -> None:
    from benchmarks.quoted import PLACE, RESULTS, table

    (quoted,) = PLACE.findall((ROOT / "README.md").read_text())
    assert quoted == table(json.loads(RESULTS.read_text()))


PUBLIC = ["", "cam", "writer", "logs", "measures", "replaying", "integrations/keras.py"]  # whose `__all__` is for users
CALLBACK = re.compile(r"^class (GradCAM\w+)", re.M)


def test_the_api_page_shows_every_public_name() -> None:
    """That each name on it exists is what the strict build of the pages tells."""
    shown = {
        name.rpartition(".")[2]
        for name in re.findall(r"^\.\. (?:auto\w+|py:data):: (\S+)", (DOCS / "api.md").read_text(), re.M)
    }
    package = ROOT / "tensorboard_plugin_gradcam"
    for room in PUBLIC:
        file = package / room if room.endswith(".py") else package / room / "__init__.py"
        (names,) = re.findall(r"^__all__ = \[(.*?)\]", file.read_text(), re.M | re.S)
        missing = set(re.findall(r'"(\w+)"', names)) - shown - {"__version__"}
        assert not missing, f"docs/api.md lacks {sorted(missing)} of {file.parent.name}"


def test_the_api_page_shows_every_callback() -> None:
    page = (DOCS / "api.md").read_text()
    found = {
        file: CALLBACK.findall(file.read_text())
        for file in (ROOT / "tensorboard_plugin_gradcam/integrations").glob("*.py")
    }
    assert sum(map(len, found.values())) >= 5
    for file, names in found.items():
        for name in names:
            assert f"tensorboard_plugin_gradcam.integrations.{file.stem}.{name}\n" in page
