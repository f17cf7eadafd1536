"""The table of figures in the README, made from RESULTS.json: `python -m benchmarks.quoted` writes it there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "RESULTS.json"
PLACE = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- /figures -->)", re.S)
ENGINE, TEN, LOGGING = "engine/resnet50/batch 8/", "engine/resnet18/batch 1/", "logging/16 samples/"
OURS = f"{LOGGING}ours, registered, torch"
# For each row: what it says, the unit, and the figure of each way; "" where there is nothing to measure.
ROWS: dict[str, tuple[str, tuple[str, ...]]] = {
    "maps of 8 images, ResNet-50": ("inferences", (f"{ENGINE}ours", "", f"{ENGINE}grad-cam", f"{ENGINE}captum", "")),
    "10 classes of one image, ResNet-18": (
        "inferences",
        (f"{TEN}ours, 10 classes", "", f"{TEN}grad-cam, 10 classes", "", ""),
    ),
    "stored per sample and step": ("bytes", (OURS, f"{LOGGING}add_image, torch", "", "", f"{LOGGING}W&B offline")),
    "time to log it": (
        "us",
        (f"{OURS}, time", f"{LOGGING}add_image, torch, time", "", "", f"{LOGGING}W&B offline, time"),
    ),
}
HEAD = "| | this | `add_image` overlays | grad-cam | captum | W&B offline |\n|---|---|---|---|---|---|\n"


def table(results: dict[str, Any]) -> str:
    """Return the table in Markdown."""
    known = {one["name"]: one["value"] for script in results["scripts"].values() for one in script["figures"]}
    return HEAD + "".join(
        f"| {what} | {' | '.join(_cell(known.get(name), unit) for name in names)} |\n"
        for what, (unit, names) in ROWS.items()
    )


def _cell(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:,.2f} {unit}" if unit == "inferences" else f"{value:,.0f} {unit}"


def main() -> None:
    """Write the table into the README."""
    readme = ROOT / "README.md"
    made = table(json.loads(RESULTS.read_text()))
    readme.write_text(PLACE.sub(lambda _: made, readme.read_text()))


if __name__ == "__main__":
    main()
