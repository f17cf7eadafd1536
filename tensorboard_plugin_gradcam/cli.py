"""`tensorboard-gradcam`: reads the command line, calls one function of the package, and turns errors into one line.

Exit codes, the same for all subcommands: 0 done, 1 the answer is no (a rule is broken, a log is damaged), 2 the
arguments or the input are wrong, 130 interrupted. A traceback is a fault of this package.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn

COMMANDS = ("check", "compare", "demo", "export", "findings", "inspect", "replay")

DONE, NO, WRONG, INTERRUPTED = 0, 1, 2, 130

_DESCRIPTION = """\
Look at Grad-CAM logs without starting TensorBoard: what they hold, what they say, and as files to hand on."""
_EPILOG = """\
Exit codes: 0 done; 1 the answer is no (a rule is broken, a log is damaged); 2 wrong arguments or input; 130 stopped.

`tensorboard-gradcam COMMAND --help` explains one command, with examples."""


class WrongInput(Exception):
    """What a command was given can't be used; the message says what was expected."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    warnings.showwarning = _one_line
    parser = build_parser()
    asked = parser.parse_args(arguments)
    try:
        return int(asked._call(asked))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        if asked.traceback or not _is_of_input(error):
            raise
        print(f"{parser.prog} {asked.command}: {_sentence(error)}", file=sys.stderr)
        return WRONG


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; none of them imports more than argparse until it is run."""
    parser = Parser(prog="tensorboard-gradcam", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    for name in COMMANDS:
        module = import_module(f"tensorboard_plugin_gradcam.commands.{name}")
        _add(commands, name, module)
    return parser


def _add(commands: Any, name: str, module: ModuleType) -> None:
    summary, _, more = (module.__doc__ or "").partition("\n\n")
    parser = commands.add_parser(name, help=summary.rstrip("."), description=summary, epilog=more.strip() or None)
    module.configure(parser)
    parser.add_argument("--traceback", action="store_true", help="show where an error comes from")
    parser.set_defaults(_call=module.run)


class Parser(argparse.ArgumentParser):
    """A parser whose texts stay as they are written, and whose mistakes are one line."""

    def __init__(self, **options: Any) -> None:
        """Take argparse's options."""
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        options.setdefault("allow_abbrev", False)
        super().__init__(**options)

    def error(self, message: str) -> NoReturn:
        """Exit with one line."""
        self.exit(WRONG, f"{self.prog}: {message}; see {self.prog} --help\n")


class _Version(argparse.Action):
    """Print the version; it is only looked up when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from tensorboard_plugin_gradcam import __version__

        print(f"{parser.prog} {__version__}")
        parser.exit()


def _is_of_input(error: Exception) -> bool:
    """Tell whether an error is about what the user gave: the package checks input with these, at its public edge."""
    from tensorboard_plugin_gradcam.records import CorruptRecord, NewerFormat

    return isinstance(error, (WrongInput, ValueError, TypeError, OSError, ImportError, CorruptRecord, NewerFormat))


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def _one_line(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"warning: {' '.join(str(message).split())}", file=sys.stderr)
