"""Commands for error texts: what to install when a package is missing, and how to install this package again.

The commands are read from the metadata of the installed package, so that they name what `pyproject.toml` names, and the
place that this installation came from. Nothing here assumes that this package is on an index.
"""

from __future__ import annotations

import json
import re
from importlib.metadata import PackageNotFoundError, distribution

DISTRIBUTION = "tensorboard-plugin-gradcam"
_REQUIREMENT = re.compile(r"^(?P<what>[^;\[\s]+(\[[^\]]*\])?[^;]*);.*extra == ['\"](?P<extra>[\w.-]+)['\"]")


def install(extra: str, otherwise: str = "") -> str:
    """Return the command that installs the packages of an extra, such as ``pip install "lightning>=2.2"``.

    `otherwise` is the package to name where this one was never installed, so that its extras are not known.
    """
    return " ".join(["pip install", *map(_quoted, _packages(extra) or [otherwise or extra])])


def reinstall() -> str:
    """Return the command that installs this package again, from where it was installed from."""
    try:
        origin = json.loads(distribution(DISTRIBUTION).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        origin = {}
    url = origin.get("url")
    if not url:
        return f"pip install --upgrade --force-reinstall {DISTRIBUTION}"
    if "vcs_info" in origin:
        url = f"{origin['vcs_info'].get('vcs', 'git')}+{url}"
    editable = "--editable " if origin.get("dir_info", {}).get("editable") else ""
    return f'pip install --force-reinstall {editable}"{url}"'


def missing(what: str, library: str | None, extra: str, remark: str = "") -> ImportError:
    """Return the error for `what`, which needs a library that is not installed; `extra` holds it."""
    package = str(library).partition(".")[0]  # a submodule, as an import error names it
    return ImportError(f"{what} needs {package}: {install(extra, package)}{remark}")


def _quoted(package: str) -> str:
    return f'"{package}"' if set("<>[ ") & set(package) else package  # shells take < and > for redirections


def _packages(extra: str) -> list[str]:
    try:
        requirements = distribution(DISTRIBUTION).requires or []
    except PackageNotFoundError:  # imported from a folder that was never installed
        return []
    found = [_REQUIREMENT.match(one) for one in requirements]
    return [one["what"].strip() for one in found if one and one["extra"] == extra and DISTRIBUTION not in one["what"]]
