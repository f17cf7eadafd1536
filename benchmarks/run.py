"""Run the benchmarks and write benchmarks/RESULTS.md and RESULTS.json: `make bench`, `make bench QUICK=1`.

Each script runs in a process of its own, one after the other, with a limit of time. One that fails is reported in the
results and does not stop the others. Machines differ: compare ratios, not times.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.figures import FILE

HERE = Path(__file__).resolve().parent
PACKAGES = ("torch", "torchvision", "tensorboard", "grad-cam", "captum", "torchcam", "tensorboardX", "wandb", "numpy")
NOT_SCRIPTS = {"run", "figures", "quoted", "__init__"}
# Arguments of a quick run; a script without an entry takes part in it if it knows --quick.
QUICK = {
    "engine": ["--quick"],
    "families": ["--quick"],
    "finding": ["--rounds", "1", "--names", "resnet50", "vit_b_16"],
    "leaving": ["--small"],
    "log": ["--quick"],
    "start": [],
    "tab": ["--quick"],
}
LIMIT, QUICK_LIMIT = 3600, 150  # seconds for one script
Figure = dict[str, Any]


def scripts(quick: bool) -> dict[str, list[str]]:
    """Return the scripts to run, with their arguments."""
    names = [path.stem for path in sorted(HERE.glob("*.py")) if path.stem not in NOT_SCRIPTS]
    if not quick:
        return {name: [] for name in names}
    known = {name: ["--quick"] for name in names if '"--quick"' in (HERE / f"{name}.py").read_text()}
    return {name: arguments for name, arguments in (known | QUICK).items() if name in names}


def run(name: str, arguments: list[str], limit: float) -> dict[str, Any]:
    """Run one script; return its figures, what it printed, and what went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.jsonl"
        paths = os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, FILE: str(file), "PYTHONPATH": paths}
        command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
        began, problem, printed = time.monotonic(), None, ""
        try:
            done = subprocess.run(
                command, cwd=HERE.parent, env=environment, capture_output=True, text=True, timeout=limit, check=False
            )
            printed = done.stdout
            if done.returncode:
                problem = " ".join(done.stderr.strip().splitlines()[-1:]) or f"exit code {done.returncode}"
        except subprocess.TimeoutExpired:
            problem = f"stopped after {limit:.0f} s"
        lines = file.read_text().splitlines() if file.is_file() else []
    took = time.monotonic() - began
    print(f"{name}: {took:.0f} s, {len(lines)} figures" + (f", PROBLEM: {problem}" if problem else ""), flush=True)
    figures = [json.loads(line) for line in lines]
    return {"seconds": round(took), "problem": problem, "figures": figures, "printed": printed.splitlines()}


def machine() -> dict[str, Any]:
    """Describe where the figures come from."""
    cpu = ""
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "cpu": cpu or platform.processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load at the start": round(os.getloadavg()[0], 2),
        "versions": versions,
    }


def report(results: dict[str, Any]) -> str:
    """Write the results for people."""
    about = results["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    lines = [
        "# Results of the benchmarks",
        "",
        f"Made by `make bench{' QUICK=1' if results['quick'] else ''}`. Machines differ: compare ratios, not times.",
        "Medians; the quartiles stand in brackets where a figure was measured several times.",
        "",
        f"{about['cpu']}, {about['cores']} cores, {about['system']}, Python {about['python']}; {versions}.",
    ]
    for name, one in results["scripts"].items():
        lines += ["", f"## {name}", ""]
        if one["problem"]:
            lines += [f"Incomplete: {one['problem']}", ""]
        if one["figures"]:
            lines += ["| figure | median | |", "|---|---|---|", *map(row, one["figures"]), ""]
        else:
            lines += ["```text", *one["printed"], "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def row(figure: Figure) -> str:
    """Write one figure as a row of a table."""
    low, high = figure["low"], figure["high"]
    spread = f"({low:g} to {high:g})" if low is not None else f"(95 %: {high:g})" if high is not None else ""
    return f"| {figure['name']} | {figure['value']:g} {figure['unit']} | {spread} |"


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Keep what an earlier run of the same kind found with scripts that were not run now."""
    kept = old.get("scripts", {}) if old.get("quick") == new["quick"] else {}
    return {**new, "scripts": {**kept, **new["scripts"]}}


def main() -> int:
    """Run the benchmarks; return how many failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="some of the scripts; all by default")
    parser.add_argument("--quick", action="store_true", help="five minutes: fewer rounds, smaller networks")
    parser.add_argument("--out", type=Path, default=HERE, help="where to write (%(default)s)")
    given = parser.parse_args()
    chosen = {name: of for name, of in scripts(given.quick).items() if not given.names or name in given.names}
    results: dict[str, Any] = {"quick": given.quick, "machine": machine(), "scripts": {}}
    for name, arguments in chosen.items():
        results["scripts"][name] = run(name, arguments, QUICK_LIMIT if given.quick else LIMIT)
    given.out.mkdir(parents=True, exist_ok=True)
    file = given.out / "RESULTS.json"
    if given.names and file.is_file():
        results = merged(json.loads(file.read_text()), results)
    file.write_text(json.dumps(results, indent=1) + "\n")
    (given.out / "RESULTS.md").write_text(report(results))
    print(f"written: {file.with_suffix('.md')}")
    return sum(one["problem"] is not None for one in results["scripts"].values())


if __name__ == "__main__":
    sys.exit(min(main(), 1))
