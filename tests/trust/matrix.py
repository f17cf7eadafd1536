"""The versions that people have: `python -m tests.trust.matrix [WORDS]`, or `make matrix`.

Each combination gets an environment of its own, with the wheel of this checkout and without torch, and runs the tests
of the records, of the writer's event files and of the viewer through the real TensorBoard with both of its loaders.
WORDS choose combinations by what stands in their lines ("3.13", "tensorboard==2.16.2"). One line for each goes to the
terminal and to build/matrix/results.txt; the whole output stands beside it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "matrix"
TESTS = [
    "tests/records", "tests/test_golden.py", "tests/trust/test_round_trip.py", "tests/trust/test_entry_point.py",
    "tests/viewer/test_merge.py", "tests/viewer/test_routes.py", "tests/viewer/test_store.py",
]  # fmt: skip
TOOLS = ["pytest>=8.2", "pytest-timeout", "hypothesis", "pillow"]


@dataclass(frozen=True)
class Cell:
    """One combination; "" is the newest release that the others admit."""

    python: str
    tensorboard: str = ""
    protobuf: str = ""
    numpy: str = ""
    others: tuple[str, ...] = ()

    @property
    def requirements(self) -> list[str]:
        """What the environment must hold besides the package."""
        pinned = {"tensorboard": self.tensorboard, "protobuf": self.protobuf, "numpy": self.numpy}
        return [f"{name}=={version}" if version else name for name, version in pinned.items()] + list(self.others)


# TensorBoard up to 2.20 imports pkg_resources, which setuptools 82 no longer has.
OLD = ("setuptools<81",)
# The oldest of everything that pyproject.toml admits.
OLDEST = (*OLD, "werkzeug==2.2.0", "opencv-python==4.8.0.74")

# TensorBoard 2.16 does not start with NumPy 2, and none before 2.20 with Python 3.13.
CELLS = [
    Cell("3.10", "2.16.2", "4.21.12", "1.26.0", OLDEST),
    Cell("3.10"),
    Cell("3.11", "2.16.2", "", "1.26.4", OLD),
    Cell("3.11", "2.17.0", "", "1.26.4", OLD),  # the one release that refuses protobuf 5 and later
    Cell("3.11", "2.18.0", "5.29.6", "2.0.0", OLD),
    Cell("3.11", "2.19.0", "6.33.6", "", OLD),
    Cell("3.11", "2.20.0", "", "", OLD),
    Cell("3.11", "", "6.31.1", "1.26.4"),
    Cell("3.11"),
    Cell("3.12", "2.16.2", "4.21.12", "1.26.0", OLD),
    Cell("3.12"),
    Cell("3.13", "2.20.0", "4.21.12", "2.1.0", OLD),
    Cell("3.13"),
]


def interpreter(version: str) -> str | None:
    """Return a Python of that version: on the path, or one of pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(f"python{version}"), *sorted(map(str, pyenv.glob(f"{version}.*/bin/python")))]
    for path in filter(None, candidates):
        if subprocess.run([path, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
            return path
    return None


def call(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program in the folder of the matrix."""
    return subprocess.run(
        command, cwd=BUILD, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def prepare() -> tuple[Path, Path]:
    """Lay out copies of the tests, so that the installed package is what they import; return uv and the wheel."""
    shutil.rmtree(BUILD, ignore_errors=True)
    shutil.copytree(ROOT / "tests", BUILD / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", BUILD)
    subprocess.run([sys.executable, "-m", "venv", BUILD / "tool"], check=True)
    python = BUILD / "tool" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=True)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", BUILD, ROOT], check=True
    )
    return python.with_name("uv"), next(BUILD.glob("*.whl"))


def tried(cell: Cell, uv: Path, wheel: Path) -> tuple[bool, str]:
    """Install one combination and run the tests; return whether they passed, and what to say."""
    found = interpreter(cell.python)
    if found is None:
        return False, f"Python {cell.python}: not on this machine"
    environment = BUILD / "environment"
    shutil.rmtree(environment, ignore_errors=True)
    call(uv, "venv", "--quiet", "--python", found, environment)
    python = environment / "bin" / "python"
    installed = call(uv, "pip", "install", "--python", python, wheel, *TOOLS, *cell.requirements)
    if installed.returncode:
        return False, f"{described(cell)}: can't be installed: {installed.stderr.strip()[-1000:]}"
    started = time.monotonic()
    # Deprecations of old releases on new Pythons are not ours to fix; our own warnings stay errors.
    done = call(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not speed", *TESTS)
    (BUILD / f"{'-'.join(described(cell).replace('==', '-').split())}.log").write_text(done.stdout + done.stderr)
    lines = done.stdout.strip().splitlines() or [done.stderr]
    versions = call(python, "-c", VERSIONS).stdout.strip()
    failures = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    words = "\n    ".join([f"{versions}: {lines[-1]} ({time.monotonic() - started:.0f} s)", *failures[:5]])
    return done.returncode == 0, words


VERSIONS = """
import sys
from importlib.metadata import version
names = ("tensorboard", "protobuf", "numpy", "opencv-python", "werkzeug")
print("Python", ".".join(map(str, sys.version_info[:3])), *(f"{name}=={version(name)}" for name in names))
"""


def described(cell: Cell) -> str:
    """Return what is asked for."""
    return " ".join(["Python", cell.python, *cell.requirements])


def main(words: list[str]) -> int:
    """Try all combinations, or those with all of the words in their lines."""
    cells = [cell for cell in CELLS if all(word in described(cell) for word in words)]
    uv, wheel = prepare()
    failed = 0
    with (BUILD / "results.txt").open("w") as results:
        for cell in cells:
            passed, line = tried(cell, uv, wheel)
            failed += not passed
            for stream in (sys.stdout, results):
                stream.write(f"{'passed' if passed else 'FAILED'}  {line}\n")
                stream.flush()
        summary = f"{len(cells) - failed} of {len(cells)} combinations passed\n"
        results.write(summary)
        sys.stdout.write(summary)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
