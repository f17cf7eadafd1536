"""Say what a log directory holds: runs, series, steps, samples, bytes by kind, versions and damage.

Each record is read and verified. A damaged log gives exit code 1. --fix and --prune write a new log and leave the old
one as it is.

examples:
  tensorboard-gradcam inspect runs
  tensorboard-gradcam inspect runs --json | jq '.runs[].series[] | select(.kind == "maps") | .steps'
  tensorboard-gradcam inspect runs --fix -o runs-fixed
  tensorboard-gradcam inspect runs --prune 50MB -o runs-small
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tensorboard_plugin_gradcam.logs import Inspection, RunInspection, SeriesInspection


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("logdir", metavar="LOGDIR", help="a log directory, as TensorBoard takes it")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    anew = parser.add_mutually_exclusive_group()
    anew.add_argument(
        "--fix", action="store_true", help="write the log without its damaged records into a new directory"
    )
    anew.add_argument(
        "--prune", metavar="SIZE", help="write it with fewer steps, so that it takes at most 50MB, 1.5GB, ..."
    )
    parser.add_argument("-o", "--output", metavar="NEW", help="the new directory, with --fix or --prune")


def run(arguments: argparse.Namespace) -> int:
    """Print what the log holds."""
    from tensorboard_plugin_gradcam.cli import DONE, NO, WrongInput
    from tensorboard_plugin_gradcam.logs import inspect_log

    if bool(arguments.output) != bool(arguments.fix or arguments.prune):
        raise WrongInput("expected --output NEW together with --fix or --prune SIZE")
    if arguments.output:
        return _rewrite(arguments)
    found = inspect_log(arguments.logdir, quiet=False)
    print(json.dumps(found.to_json(), indent=2) if arguments.json else _text(found))
    return NO if found.is_damaged else DONE


def _rewrite(arguments: argparse.Namespace) -> int:
    from tensorboard_plugin_gradcam.cli import DONE
    from tensorboard_plugin_gradcam.commands.tables import bytes_of, size
    from tensorboard_plugin_gradcam.logs import fix_log, prune_log

    if arguments.fix:
        made = fix_log(arguments.logdir, arguments.output, quiet=False)
        said = [f"left out: {sentence}" for sentence in made.left_out] or ["nothing was damaged"]
    else:
        made = prune_log(arguments.logdir, arguments.output, bytes_of(arguments.prune), quiet=False)
        said = [f"{made.steps[1]} of {made.steps[0]} steps stay"]
    print(*said, f"{made.path}: {size(made.bytes_after)} of {size(made.bytes_before)}", sep="\n")
    return DONE


def _text(found: Inspection) -> str:
    from tensorboard_plugin_gradcam.commands.tables import size

    if not found.runs:
        return f"{found.logdir}: no event files"
    runs = "1 run" if len(found.runs) == 1 else f"{len(found.runs)} runs"
    return "\n\n".join([f"{found.logdir}: {runs}, {size(found.bytes)}", *map(_run, found.runs)])


def _run(run: RunInspection) -> str:
    from tensorboard_plugin_gradcam.commands.tables import size, table

    kinds = ", ".join(
        f"{kind} {size(count)}" for kind, count in sorted(run.bytes_by_kind.items(), key=lambda it: -it[1])
    )
    facts = [f"{run.files} files" if run.files != 1 else "1 file", f"{size(run.bytes)} ({kinds})"]
    if run.series:
        facts += [f"{run.pictures} pictures", f"format {', '.join(run.formats)}"]
        facts += [f"{run.sessions} sessions"] if run.sessions > 1 else []
    else:
        facts.append("no Grad-CAM records")
    lines = [f"{run.run}: {'; '.join(facts)}"]
    if run.series:
        header = ["tag", "what", "method", "layer", "steps", "from", "to", "samples", "map", "size"]
        lines.append(table(header, [_row(one) for one in run.series], right={"steps", "from", "to", "samples", "size"}))
    lines += [f"  damaged: {sentence}" for sentence in run.damage]
    lines += [
        f"  {name} ends within a record: it is being written, or its writer was stopped" for name in run.unfinished
    ]
    return "\n".join(lines)


def _row(one: SeriesInspection) -> list[str]:
    from tensorboard_plugin_gradcam.commands.tables import size

    what = f"numbers: {one.name}" if one.kind == "numbers" else one.kind
    what += f" ({one.map_kind})" if one.map_kind not in ("", "positive") else ""
    first, last = ("" if step is None else str(step) for step in (one.first_step, one.last_step))
    shape = " x ".join(map(str, one.map_shape))
    return [one.tag, what, one.method, one.layer, str(one.steps), first, last, str(one.samples), shape, size(one.bytes)]
