"""Test where the runs of a log look, in CI: exit code 1 where a rule is broken.

Each rule is asked of each series of maps. Without --rule it is no-hot-spot, and with a baseline overlap>=0.5, too.

examples:
  tensorboard-gradcam check runs
  tensorboard-gradcam check runs --rule no-hot-spot --rule "inside>=0.4" --junit attention.xml
  tensorboard-gradcam check runs --run candidate --baseline released --rule "overlap>=0.6"
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("logdir", metavar="LOGDIR", help="a log directory, as TensorBoard takes it")
    parser.add_argument("--rule", dest="rules", metavar="RULE", action="append", help="see --list-rules; repeatable")
    parser.add_argument("--baseline", metavar="RUN", help="a run of the log, or a log directory")
    parser.add_argument("--run", dest="runs", metavar="NAME", action="append", help="a name or pattern")
    parser.add_argument("--tag", dest="tags", metavar="NAME", action="append", help="likewise")
    parser.add_argument("--junit", metavar="FILE", help="write a JUnit file, which CI systems show")
    parser.add_argument("--json", action="store_true", help="print JSON instead of sentences")
    parser.add_argument("--list-rules", action=_Rules, help="list the rules and exit")


class _Rules(argparse.Action):
    def __init__(self, option_strings: list[str], dest: str, **options: object) -> None:
        super().__init__(option_strings, dest, nargs=0, help=str(options["help"]))

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from tensorboard_plugin_gradcam.checking import RULES

        print("\n".join(RULES))
        parser.exit()


def run(arguments: argparse.Namespace) -> int:
    """Print what each rule found."""
    from tensorboard_plugin_gradcam.checking import check
    from tensorboard_plugin_gradcam.cli import DONE, NO
    from tensorboard_plugin_gradcam.commands.tables import printable

    rules = arguments.rules or ["no-hot-spot", *(["overlap>=0.5"] if arguments.baseline else [])]
    report = check(
        arguments.logdir, rules, baseline=arguments.baseline, runs=arguments.runs, tags=arguments.tags
    )  # fmt: skip
    if arguments.junit:
        Path(arguments.junit).write_text(report.to_junit(), encoding="utf-8")
    if arguments.json:
        print(json.dumps(report.to_json(), indent=2))
    for one in () if arguments.json else report.checks:
        word = {True: "kept", False: "BROKEN", None: "UNTOLD"}[one.kept]
        print(printable(f"{word:6}  {one.rule}  {one.series}  {one.sentence}"))
    return DONE if report.kept else NO
