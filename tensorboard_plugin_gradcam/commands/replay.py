"""Compute the maps of a past training's checkpoints, as a run that looks as if it had been logged at the time.

Nothing of a checkpoint is executed, unless --trust says so. A checkpoint that can't be read, or does not fit the model,
is named and left out. A replay that was killed goes on where it stopped: run the same command again.

Several processes share the work by what their launcher tells them (torchrun, Slurm, MPI, Kubernetes), or by --shard.
The last one to finish writes the log. Exit code 1: checkpoints were left out.

examples:
  tensorboard-gradcam replay torchvision:resnet50 runs/dogs/checkpoints data/val -o runs/dogs/replay
  tensorboard-gradcam replay my_package.models:build 'runs/dogs/epoch*.ckpt' val.csv -o runs/dogs/replay --limit 64
  tensorboard-gradcam replay transformers:out/checkpoint-500 out data/val -o runs/vit --methods grad_cam layer_cam
  torchrun --nproc-per-node 4 -m tensorboard_plugin_gradcam replay timm:resnet18 output data/val -o runs/timm
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tensorboard_plugin_gradcam.replaying import Replay


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="package.module:function, torchvision:NAME, timm:NAME, transformers:DIRECTORY, keras:FILE.keras, or the "
        "file of a pickled module",
    )
    parser.add_argument("checkpoints", metavar="CHECKPOINT", nargs="+", help="files, folders or patterns")
    parser.add_argument(
        "images",
        metavar="IMAGES",
        help="a folder of pictures (labelled by the folders in it), a .csv, COCO's .json, or package.module:function "
        "that returns a data set",
    )
    parser.add_argument("-o", "--logdir", required=True, metavar="RUN", help="directory of the run to write")
    _add_choices(parser)
    _add_reading(parser)
    _add_sharing(parser)
    parser.add_argument("--json", action="store_true", help="print JSON instead of sentences")


def _add_choices(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is explained")
    group.add_argument("--tag", default="replay", help="name of the series (replay)")
    group.add_argument("--layers", nargs="+", metavar="NAME", help="layers; found automatically by default")
    group.add_argument("--methods", nargs="+", default=["grad_cam"], metavar="NAME", help="methods (grad_cam)")
    group.add_argument(
        "--measures", nargs="+", default=[], metavar="NAME", help="measures of how far each map can be trusted"
    )
    group.add_argument("--targets", metavar="CLASS", help="'label', 'both', or a class index; by default the top class")
    group.add_argument("--class-names", nargs="+", metavar="NAME", help="by class index")
    group.add_argument("--metrics", action="store_true", help="write scalars of the maps, too")
    group.add_argument(
        "--prove",
        action="store_true",
        help="take the regions that findings name out of pictures, paste them into others, and count what flips",
    )
    group.add_argument("--limit", type=int, metavar="N", help="samples at most, spread evenly over all")
    group.add_argument("--transform", metavar="MODULE:NAME", help="from a PIL image to the model's input")
    group.add_argument("--mean", nargs="+", type=float, metavar="X", help="of each channel, if inputs are normalized")
    group.add_argument("--std", nargs="+", type=float, metavar="X", help="of each channel, likewise")
    group.add_argument("--images-root", metavar="DIR", help="folder of the pictures that a .csv or .json names")
    group.add_argument("--batch-size", type=int, default=32, metavar="N", help="samples per forward pass (32)")
    group.add_argument("--device", metavar="NAME", help="of torch, such as cuda:1; CUDA where there is any")


def _add_reading(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how checkpoints are read")
    group.add_argument("--weights", metavar="KEY", help="which of a checkpoint's weights, such as model_ema")
    group.add_argument(
        "--not-strict", action="store_true", help="take checkpoints that have weights which the model lacks"
    )
    group.add_argument("--pattern", metavar="TEXT", help="where names hold numbers, such as 'ckpt_{step}_e{epoch}.pt'")
    group.add_argument("--steps-per-epoch", type=int, metavar="N", help="to convert epochs to steps")
    group.add_argument(
        "--model-option",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="keyword arguments of the function that makes the model, as JSON",
    )
    group.add_argument(
        "--trust",
        action="store_true",
        help="unpickle as Python does, which runs any code that a checkpoint names; only for files that you trust",
    )


def _add_sharing(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("several processes")
    group.add_argument("--shard", metavar="I/N", help="do share I of N, counted from 0")
    group.add_argument(
        "--submit", choices=("slurm", "local"), help="submit --shares jobs through submitit instead of computing here"
    )
    group.add_argument("--shares", type=int, default=1, metavar="N", help="how many jobs --submit makes (1)")
    group.add_argument(
        "--submit-option",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="of submitit's executor, such as slurm_partition=gpu timeout_min=120",
    )
    group.add_argument("--merge", action="store_true", help="write the log of what is there, computing nothing")


def run(arguments: argparse.Namespace) -> int:
    """Replay, and say what came of it."""
    from tensorboard_plugin_gradcam import replay
    from tensorboard_plugin_gradcam.cli import DONE, NO

    asked = (arguments.model, arguments.checkpoints, arguments.images, arguments.logdir)
    if arguments.submit:
        from tensorboard_plugin_gradcam.replaying import submit_replay

        options = dict(map(_option, arguments.submit_option))
        jobs = submit_replay(
            arguments.shares, *asked, cluster=arguments.submit, cluster_options=options, **_options(arguments)
        )
        print(f"submitted: {' '.join(jobs)}")
        return DONE
    found = replay(*asked, shard=arguments.shard, merge_only=arguments.merge, quiet=False, **_options(arguments))
    print(json.dumps(found.to_json(), indent=2) if arguments.json else _text(found))
    return NO if found.left_out else DONE


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the keyword arguments of `replay` that every share has."""
    same = (
        "tag", "layers", "methods", "weights", "trust", "pattern", "steps_per_epoch", "transform", "limit",
        "images_root", "batch_size", "device", "metrics", "prove", "measures",
    )  # fmt: skip
    normalized = {name: getattr(arguments, name) for name in ("mean", "std") if getattr(arguments, name)}
    return {
        **{name: getattr(arguments, name) for name in same},
        **normalized,
        "targets": _targets(arguments.targets),
        "strict": not arguments.not_strict,
        "model_options": dict(map(_option, arguments.model_option)),
        "class_names": tuple(arguments.class_names or ()),
    }


def _targets(text: str | None) -> str | int | None:
    return int(text) if text is not None and text.lstrip("-").isdigit() else text


def _option(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"expected NAME=VALUE, got {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _text(found: Replay) -> str:
    lines = [f"left out: {path}: {why}" for path, why in found.left_out.items()]
    if found.missing:
        share = f" (share {found.share}, as {found.share.source} says)" if found.share.source else ""
        lines.append(f"{found.computed} computed{share}; {found.missing} are left to other shares")
    if found.steps:
        steps = sorted(found.steps.values())
        of = ", ".join(sorted(set(found.weights.values())))
        checkpoints = "1 checkpoint" if len(steps) == 1 else f"{len(steps)} checkpoints"
        lines.append(f"{checkpoints} at steps {steps[0]} to {steps[-1]}, weights: {of}")
        lines.append(f"tensorboard --logdir {found.logdir}")
    return "\n".join([*lines, *map(str, found.proofs)])
