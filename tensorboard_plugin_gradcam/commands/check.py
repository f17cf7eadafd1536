"""Test where the runs of a log look, in CI: exit code 1 where a rule is broken.

Each rule is asked of each series of maps. Without --rule it is no-hot-spot, and with a baseline overlap>=0.5, too.

With --model no log is needed: the methods are compared at the model's candidate layers, by what the model itself says
of its maps, and the table names what to log. Exit code 1 where no method is better than random maps.

examples:
  tensorboard-gradcam check runs
  tensorboard-gradcam check runs --rule no-hot-spot --rule "inside>=0.4" --junit attention.xml
  tensorboard-gradcam check runs --run candidate --baseline released --rule "overlap>=0.6"
  tensorboard-gradcam check --model torchvision:resnet50 --checkpoint runs/dogs/last.pt --images data/val
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("logdir", metavar="LOGDIR", nargs="?", help="a log directory, as TensorBoard takes it")
    parser.add_argument("--rule", dest="rules", metavar="RULE", action="append", help="see --list-rules; repeatable")
    parser.add_argument("--baseline", metavar="RUN", help="a run of the log, or a log directory")
    parser.add_argument("--run", dest="runs", metavar="NAME", action="append", help="a name or pattern")
    parser.add_argument("--tag", dest="tags", metavar="NAME", action="append", help="likewise")
    parser.add_argument("--junit", metavar="FILE", help="write a JUnit file, which CI systems show")
    parser.add_argument("--json", action="store_true", help="print JSON instead of sentences")
    parser.add_argument("--list-rules", action=_Rules, help="list the rules and exit")
    _add_model(parser)


def _add_model(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which method for a model, in place of LOGDIR")
    group.add_argument(
        "--model",
        metavar="MODEL",
        help="package.module:function, torchvision:NAME, timm:NAME, transformers:DIRECTORY, or the file of a pickled "
        "module",
    )
    group.add_argument("--images", metavar="IMAGES", help="a folder of pictures, a .csv, ..., as replay takes them")
    group.add_argument("--checkpoint", metavar="FILE", help="the model's weights, where it has none of its own")
    group.add_argument("--layers", nargs="+", metavar="NAME", help="by default the layer that is found and a finer one")
    group.add_argument("--methods", nargs="+", metavar="NAME", help="methods to compare (eight)")
    group.add_argument("--limit", type=int, default=32, metavar="N", help="pictures at most, spread evenly (32)")
    group.add_argument("--transform", metavar="MODULE:NAME", help="from a PIL image to the model's input")
    group.add_argument("--trust", action="store_true", help="unpickle as Python does, which runs a checkpoint's code")


class _Rules(argparse.Action):
    def __init__(self, option_strings: list[str], dest: str, **options: object) -> None:
        super().__init__(option_strings, dest, nargs=0, help=str(options["help"]))

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from tensorboard_plugin_gradcam.checking import RULES

        print("\n".join(RULES))
        parser.exit()


def run(arguments: argparse.Namespace) -> int:
    """Print what each rule found, or which method a model is recommended."""
    from tensorboard_plugin_gradcam.cli import WrongInput

    if (arguments.logdir is None) == (arguments.model is None):
        raise WrongInput("expected LOGDIR, or --model MODEL --images IMAGES")
    if arguments.model is None:
        return _of_log(arguments)
    if arguments.images is None:
        raise WrongInput("expected --images IMAGES with --model, got none")
    return _of_model(arguments)


def _of_model(arguments: argparse.Namespace) -> int:
    from tensorboard_plugin_gradcam.cli import DONE, NO
    from tensorboard_plugin_gradcam.replaying.recommended import recommend_for

    same = ("checkpoint", "layers", "methods", "limit", "transform", "trust")
    found = recommend_for(arguments.model, arguments.images, **{name: getattr(arguments, name) for name in same})
    print(json.dumps(found.to_json(), indent=2) if arguments.json else found)
    return NO if found.chosen is None else DONE


def _of_log(arguments: argparse.Namespace) -> int:
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
        word = {True: "kept", False: "BROKEN", None: "UNKNOWN"}[one.kept]
        print(printable(f"{word:7}  {one.rule}  {one.series}  {one.sentence}"))
    return DONE if report.kept else NO
