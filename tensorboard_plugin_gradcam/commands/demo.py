"""Make a small log in seconds and open its tab: the product in one minute, without a training of your own.

A small network learns drawn pictures of bolts, nuts and washers, twice, in about ten seconds. In the run `shortcut` the
washers carry a sticker, and that is what it learns; Findings says so.

examples:
  tensorboard-gradcam demo
  tensorboard-gradcam demo runs/demo --write-only
"""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("logdir", metavar="LOGDIR", nargs="?", default="gradcam-demo", help="where (%(default)s)")
    parser.add_argument("--write-only", action="store_true", help="don't start TensorBoard")
    parser.add_argument("--port", type=int, help="of TensorBoard (6006, or the next one that is free)")
    parser.add_argument("--no-browser", action="store_true", help="print the address, but don't open it")


def run(arguments: argparse.Namespace) -> int:
    """Write the log, unless it is there already, and serve it."""
    from tensorboard_plugin_gradcam.cli import DONE
    from tensorboard_plugin_gradcam.demonstration import is_demo, serve, write_demo

    if not is_demo(arguments.logdir):
        write_demo(arguments.logdir, quiet=False)
        print(f"The log is in {arguments.logdir}", flush=True)
    if not arguments.write_only:
        serve(arguments.logdir, port=arguments.port, browser=not arguments.no_browser, ready=_said)
    return DONE


def _said(address: str) -> None:
    print(f"Grad-CAM: {address} (Ctrl+C to stop)", flush=True)
