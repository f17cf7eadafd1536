"""The built front end's files, looked up by name: a request never becomes part of a path."""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).parent / "static"

# Spelled out: `mimetypes` asks the operating system, and with a wrong type the browser refuses the module.
_MEDIA_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}

NOT_BUILT = """\
/** Stands in for the tab where it was not built. */
export function render() {
  const note = document.createElement("p");
  note.style.cssText = "font: 16px/1.5 Roboto, sans-serif; margin: 48px auto; max-width: 40em; color: #808080";
  note.textContent =
    "This installation of tensorboard-plugin-gradcam has no built front end. " +
    "In a checkout: pip install -e . (or, in frontend/: npm ci && npm run build), then reload this page.";
  document.body.append(note);
}
"""


def front_end_file(name: str, root: Path = STATIC) -> tuple[bytes, str] | None:
    """Return a file of the built front end and its media type; None if there is none of that name."""
    path = _files(root).get(name)
    if path is None:
        return None
    try:
        return path.read_bytes(), _MEDIA_TYPES.get(path.suffix, "application/octet-stream")
    except OSError:  # replaced by a build that runs just now
        return None


def _files(root: Path) -> dict[str, Path]:
    return {
        path.relative_to(root).as_posix(): path
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
    }
