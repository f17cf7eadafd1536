"""Say how two runs differ in where they look: by sample, layer, class and step.

The overlap of two maps is the share of their evidence that lies in the same place: 1 is the same, 0 nowhere in common.
Samples that differ most come first.

examples:
  tensorboard-gradcam compare runs/clean runs/shortcut
  tensorboard-gradcam compare runs/clean runs/shortcut --json --url http://localhost:6006/
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tensorboard_plugin_gradcam.comparison import Comparison


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("run_a", metavar="RUN_A", help="directory of a run")
    parser.add_argument("run_b", metavar="RUN_B", help="directory of the other run")
    parser.add_argument("--tag", help="of the series (the first that both have)")
    parser.add_argument("--method", help="of the maps (grad_cam)")
    parser.add_argument("--layer", help="whose samples are listed (the last one)")
    parser.add_argument("--step", type=int, help="that both have (the last one)")
    parser.add_argument("--most", type=int, default=10, metavar="N", help="samples to list (%(default)s)")
    parser.add_argument("--url", metavar="ADDRESS", help="of TensorBoard or of an exported page: adds a link")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")


def run(arguments: argparse.Namespace) -> int:
    """Print the comparison."""
    from tensorboard_plugin_gradcam.cli import DONE
    from tensorboard_plugin_gradcam.comparison import compare_runs
    from tensorboard_plugin_gradcam.links import tab_link

    named = {name: getattr(arguments, name) for name in ("tag", "method", "layer", "step")}
    found = compare_runs(arguments.run_a, arguments.run_b, **named)
    link = None
    if arguments.url:
        where = {"layer": found.layer, "method": found.method, "step": str(found.step)}
        link = tab_link(arguments.url, runs=list(found.runs), view="compare", tags=[found.tag], **where)
    if arguments.json:
        print(json.dumps(found.to_json() | ({"link": link} if link else {}), indent=2))
    else:
        print(_text(found, arguments.most), *([link] if link else []), sep="\n\n")
    return DONE


def _text(found: Comparison, most: int) -> str:
    from tensorboard_plugin_gradcam.commands.tables import printable, table

    a, b = found.runs
    place = "/".join(part for part in (found.tag, found.method, found.layer) if part)
    head = printable(
        f"{a} and {b}, {place}, step {found.step}: {len(found.samples)} samples, overlap {found.overlap:.2f}"
    )
    header = ["sample", "label", "overlap", f"predicted in {a}", f"in {b}"]
    rows = [[one.sample, one.label, f"{one.overlap:.2f}", *one.predictions] for one in found.samples[:most]]
    parts = [head, table(header, rows, right={"overlap"})]
    for name, means in (("layer", found.layers), ("class", found.classes), ("step", found.steps)):
        if len(means) > 1:
            parts.append(table([name, "overlap"], _rows(means), right={"overlap", "step"}))
    return "\n\n".join(parts)


def _rows(means: Mapping[str, float] | Mapping[int, float]) -> list[list[str]]:
    return [[str(name), f"{mean:.2f}"] for name, mean in means.items()]
