"""List what the maps say by themselves: where, since when and for whom a network looks at one place.

These are the findings of the tab, the strongest first. Their kinds and tests are described in docs/findings.md.

examples:
  tensorboard-gradcam findings runs
  tensorboard-gradcam findings runs --run shortcut --kind hot_spot --json
"""

from __future__ import annotations

import argparse
import json


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("logdir", metavar="LOGDIR", help="a log directory, as TensorBoard takes it")
    parser.add_argument("--run", dest="runs", metavar="NAME", action="append", help="a name or pattern")
    parser.add_argument("--tag", dest="tags", metavar="NAME", action="append", help="likewise")
    parser.add_argument("--kind", metavar="KIND", action="append", help="hot_spot, change, runs_differ, ...")
    parser.add_argument("--url", metavar="ADDRESS", help="of TensorBoard or of an exported page: adds links")
    parser.add_argument("--json", action="store_true", help="print JSON instead of sentences")


def run(arguments: argparse.Namespace) -> int:
    """Print the findings."""
    from tensorboard_plugin_gradcam.cli import DONE
    from tensorboard_plugin_gradcam.commands.tables import printable
    from tensorboard_plugin_gradcam.exports import searched

    found, sources = searched(arguments.logdir, runs=arguments.runs, tags=arguments.tags, kinds=arguments.kind)
    if arguments.json:
        print(json.dumps([one | _link(arguments.url, one) for one in found], indent=2))
    for one in () if arguments.json else found:
        place = "/".join(filter(None, (one["tag"], one["method"], one["layer"])))
        print(printable(f"{one['run']}, {place}: {one['sentence']}"), *_link(arguments.url, one).values(), sep="\n  ")
    if not found and not arguments.json:
        print(_none(arguments.kind, [len(source.summary.steps) for source in sources]))
    return DONE


def _none(kinds: list[str] | None, steps: list[int]) -> str:
    """Return that nothing was found, and in how much."""
    if not any(steps):
        return "No findings: the log has no maps of pictures"
    what = f"No findings of kind {', '.join(kinds)}" if kinds else "No findings"
    series = "1 series of maps" if len(steps) == 1 else f"{len(steps):,} series of maps"
    return f"{what} in {series} with {max(steps):,} kept {'step' if max(steps) == 1 else 'steps'}"


def _link(address: str | None, one: dict[str, object]) -> dict[str, str]:
    from tensorboard_plugin_gradcam.links import tab_link

    if not address:
        return {}
    runs = [str(run) for run in (one["run"], one["other"]) if run]
    where = {name: str(one[name]) for name in ("method", "layer")}
    return {
        "link": tab_link(address, runs=runs, tags=[str(one["tag"])], step=str(one["step"]), view="findings", **where)
    }
