"""Write a log as one HTML page that opens from disk, offline, with the tab's own viewer.

The page holds everything: it asks for nothing, and needs neither TensorBoard nor Python. Pictures become WebP.

examples:
  tensorboard-gradcam export runs -o page.html
  tensorboard-gradcam export runs -o page.html --run "resnet*" --tag val --max-steps 200
  tensorboard-gradcam export runs -o page.html --steps 0-1000 --samples 0-15 --lossless
"""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("logdir", metavar="LOGDIR", help="a log directory, as TensorBoard takes it")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the page to write, such as page.html")
    add_subset(parser)
    parser.add_argument("--title", help="of the page (the log directory's name)")
    parser.add_argument("--lossless", action="store_true", help="keep pictures as they were logged")


def add_subset(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that choose a part of a log."""
    part = parser.add_argument_group("which part of the log")
    part.add_argument(
        "--run", dest="runs", metavar="NAME", action="append", help='a name or pattern ("resnet*"); may be repeated'
    )
    part.add_argument("--tag", dest="tags", metavar="NAME", action="append", help="likewise")
    part.add_argument("--steps", metavar="STEPS", help="0-1000, or 0,50,100")
    part.add_argument("--max-steps", metavar="N", type=int, help="of each tag at most so many, spread evenly")
    part.add_argument("--samples", metavar="SAMPLES", help='places ("0-15"), ids or patterns of ids ("cat*")')


def run(arguments: argparse.Namespace) -> int:
    """Write the page."""
    from tensorboard_plugin_gradcam.cli import DONE
    from tensorboard_plugin_gradcam.commands.tables import size
    from tensorboard_plugin_gradcam.exports import export

    path = export(
        arguments.logdir,
        arguments.output,
        runs=arguments.runs,
        tags=arguments.tags,
        steps=arguments.steps,
        max_steps=arguments.max_steps,
        samples=arguments.samples,
        title=arguments.title,
        lossless=arguments.lossless,
        quiet=False,
    )
    print(f"{path}: {size(path.stat().st_size)}")
    return DONE
