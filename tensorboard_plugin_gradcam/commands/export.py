"""Write a log, or a part of it, as a file to hand on: a page with the tab's viewer, a card for a talk, a table.

The page holds everything, opens from disk, offline, and asks for nothing; it needs neither TensorBoard nor Python. A
card shows the first samples, or the first one in several runs. A table has a row for each map at each step.

examples:
  tensorboard-gradcam export runs -o page.html
  tensorboard-gradcam export runs -o page.html --run "resnet*" --tag val --max-steps 200
  tensorboard-gradcam export runs --png card.png --gif card.gif --samples "nut 1" --dark
  tensorboard-gradcam export runs --csv metrics.csv --images overlays --steps 0-1000
"""

from __future__ import annotations

import argparse
from typing import Any

FILES = ("png", "gif", "webm", "csv", "parquet")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("logdir", metavar="LOGDIR", help="a log directory, as TensorBoard takes it")
    parser.add_argument("-o", "--output", metavar="FILE", help="the file to write; its name says what: page.html, ...")
    for kind in FILES:
        parser.add_argument(f"--{kind}", metavar="FILE", help=f"write {_WHAT[kind]}")
    parser.add_argument("--images", metavar="DIR", help="write photographs and overlays (of the last step)")
    add_subset(parser)
    looks = parser.add_argument_group("how it looks")
    looks.add_argument("--title", help="of the page (the log directory's name) or card")
    looks.add_argument("--lossless", action="store_true", help="page: keep pictures as they were logged, not as WebP")
    looks.add_argument("--dark", action="store_true", help="card: on a dark ground")
    looks.add_argument("--square", action="store_true", help="card: 1,080 x 1,080 pixels rather than 1,200 x 675")
    looks.add_argument("--fps", type=float, default=5, metavar="N", help="animation: steps per second (%(default)s)")


_WHAT = {
    "png": "a card of the last step",
    "gif": "a card over its steps",
    "webm": "the same as a video",
    "csv": "metrics and numbers of every map",
    "parquet": "the same as Parquet (needs pyarrow)",
}


def add_subset(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that choose a part of a log."""
    part = parser.add_argument_group("which part of the log")
    part.add_argument(
        "--run", dest="runs", metavar="NAME", action="append", help='a name or pattern ("resnet*"); may be repeated'
    )
    part.add_argument("--tag", dest="tags", metavar="NAME", action="append", help="likewise")
    part.add_argument("--steps", metavar="STEPS", help="0-1000, or 0,50,100")
    part.add_argument("--max-steps", metavar="N", type=int, help="at most this many per tag, spread evenly")
    part.add_argument("--samples", metavar="SAMPLES", help='places ("0-15"), ids or patterns of ids ("cat*")')


def run(arguments: argparse.Namespace) -> int:
    """Write what is asked for."""
    from tensorboard_plugin_gradcam.cli import DONE, WrongInput
    from tensorboard_plugin_gradcam.commands.tables import size
    from tensorboard_plugin_gradcam.exports import export

    wanted: list[tuple[str | None, Any]] = [
        (arguments.output, None),
        *((getattr(arguments, kind), kind) for kind in (*FILES, "images")),
    ]
    if not any(output for output, _ in wanted):
        raise WrongInput(
            "expected something to write: -o page.html, --png, --gif, --webm, --csv, --parquet or --images"
        )
    for output, kind in wanted:
        if output:
            path = export(
                arguments.logdir,
                output,
                kind=kind,
                runs=arguments.runs,
                tags=arguments.tags,
                steps=arguments.steps,
                max_steps=arguments.max_steps,
                samples=arguments.samples,
                title=arguments.title,
                lossless=arguments.lossless,
                dark=arguments.dark,
                shape="square" if arguments.square else "wide",
                fps=arguments.fps,
                quiet=False,
            )
            files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
            count = "" if path.is_file() else f"{len(files)} files, "
            print(f"{path}: {count}{size(sum(file.stat().st_size for file in files))}")
    return DONE
