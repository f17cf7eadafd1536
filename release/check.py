"""What has to be true before a release: metadata, links, changelog, licences. `make release-check` prints each."""

from __future__ import annotations

import email
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from email.message import Message
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FINE = ("MIT", "BSD", "ISC", "Apache", "HPND", "PSF", "Zlib", "0BSD", "CC0")  # go with Apache-2.0
REQUIREMENT = re.compile(r"[\w.-]+")
LINK = re.compile(r"\[[^\]]*\]\((?!https?://|mailto:)([^)\s]*)\)")
Problems = Iterator[str]


@cache
def version() -> str:
    """Read the version from its one place."""
    found = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.M)
    if found is None:
        raise SystemExit("pyproject.toml names no version")
    return found[1]


@cache
def wheel() -> zipfile.ZipFile:
    """Open the wheel that `make dist` built."""
    built = list((ROOT / "dist").glob(f"*-{version()}-*.whl"))
    if len(built) != 1:
        raise SystemExit(f"expected one wheel of {version()} in dist/, got {len(built)}: run `make dist`")
    return zipfile.ZipFile(built[0])


def in_wheel(ending: str) -> str:
    """Read the one file of the wheel that ends so."""
    (name,) = [name for name in wheel().namelist() if name.endswith(ending)]
    return wheel().read(name).decode()


def metadata_problems() -> Problems:
    """What `pip show` and an index would lack."""
    found: Message = email.message_from_string(in_wheel(".dist-info/METADATA"))
    for field in ("Name", "Version", "Summary", "Author", "License-Expression", "Requires-Python", "Keywords"):
        if not found[field]:
            yield f"the metadata has no {field}"
    if found["Version"] != version():
        yield f"the wheel is of {found['Version']}, pyproject.toml says {version()}"
    addresses = " ".join(found.get_all("Project-URL", []))
    if "Repository" not in addresses:
        print("  note: this clone's origin is no web address, so the README's links are left out of the wheel;")
        print("  set REPOSITORY_URL when you build")
    for target in LINK.findall(str(found.get_payload())):
        if not target.startswith("#"):
            yield f"the README links to {target}, which is nothing outside the repository"


def link_problems() -> Problems:
    """Links between files of the repository that lead nowhere; those between pages of the site, Sphinx checks."""
    for page in [*ROOT.glob("*.md"), *ROOT.glob("demo/**/*.md"), *ROOT.glob("benchmarks/*.md")]:
        for target in LINK.findall(re.sub(r"```.*?```", "", page.read_text(), flags=re.S)):
            path = target.partition("#")[0]
            if path and not (page.parent / path).exists():
                yield f"{page.relative_to(ROOT)} links to {target}, which does not exist"


def changelog_problems() -> Problems:
    """A release is described, with its date."""
    text = (ROOT / "CHANGELOG.md").read_text()
    heading = re.search(r"^## (\S+) \(([^)]*)\)$", text, re.M)
    if heading is None or heading[1] != version():
        yield f"CHANGELOG.md does not begin with {version()}"
    elif not re.fullmatch(r"\d{4}-\d\d-\d\d", heading[2]):
        yield f"CHANGELOG.md gives {version()} no date: ({heading[2]})"


def citation_problems() -> Problems:
    """CITATION.cff has what citation tools need. The version is not among it: it stands in pyproject.toml alone."""
    lines = (ROOT / "CITATION.cff").read_text()
    for field in ("cff-version", "message", "title", "authors", "license"):
        if not re.search(rf"^{field}:", lines, re.M):
            yield f"CITATION.cff has no {field}"


def licence_problems() -> Problems:
    """The bundle's libraries and the packages that are required, each with a licence that goes with Apache-2.0."""
    in_wheel("licenses/LICENSE")
    bill = in_wheel("viewer/static/THIRD_PARTY_LICENSES.md")
    for name, number, licence in re.findall(r"^## (\S+) - (\S+) \((.+)\)$", bill, re.M):
        print(f"  {name} {number}: {licence} (in the bundle)")
        if not licence.startswith(FINE):
            yield f"{name}: {licence}"
    found = email.message_from_string(in_wheel(".dist-info/METADATA"))
    for requirement in found.get_all("Requires-Dist", []):
        if "extra ==" not in requirement:
            yield from _package_problems(REQUIREMENT.match(requirement)[0])  # type: ignore[index]


def _package_problems(name: str) -> Problems:
    try:
        about = metadata(name)
    except PackageNotFoundError:
        yield f"{name} is not installed here"
        return
    classifiers = [one.rpartition(":: ")[2] for one in about.get_all("Classifier", []) if one.startswith("License")]
    text = about["License"] or ""
    licence = about["License-Expression"] or ", ".join(classifiers) or text.partition("\n")[0]
    print(f"  {name} {about['Version']}: {licence}")
    if not any(word in f"{licence} {text[:200]}" for word in FINE):
        yield f"{name}: {licence or 'no licence'}"


CHECKS: dict[str, Callable[[], Problems]] = {
    "metadata": metadata_problems,
    "links": link_problems,
    "changelog": changelog_problems,
    "citation": citation_problems,
    "licences": licence_problems,
}


def main() -> int:
    """Print each check and its problems; return how many there were."""
    count = 0
    for name, check in CHECKS.items():
        print(name)
        problems = list(check())
        count += len(problems)
        for problem in problems:
            print(f"  PROBLEM: {problem}")
    print(f"{version()}: " + (f"{count} problems" if count else "ready"))
    return min(count, 1)


if __name__ == "__main__":
    sys.exit(main())
