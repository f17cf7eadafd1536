"""A log as one HTML file: the tab's own viewer, and what it would be answered, in one page that asks for nothing.

The answers stand in elements of the page's head that a browser neither runs nor shows, in base64: nothing of a log
becomes HTML. The first is the index of the others. A policy in the page forbids every request and every other script.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tensorboard_plugin_gradcam.exports.answers import Answer, answers_of
from tensorboard_plugin_gradcam.exports.pictures import as_webp
from tensorboard_plugin_gradcam.logs.subset import SubsetRuns
from tensorboard_plugin_gradcam.progress import progress

VIEWER = Path(__file__).with_name("viewer") / "viewer.js"

_HEAD = """\
<!doctype html>
<html lang="en" data-gradcam="file">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src '{hash}'; \
style-src 'unsafe-inline'; img-src blob: data:; media-src blob:; base-uri 'none'; form-action 'none'">
<title>{title}</title>
<style>
html, body {{ height: 100%; margin: 0 }}
@media (prefers-color-scheme: dark) {{ html {{ background: #202124 }} }}
</style>
"""
_TAIL = """\
<script type="module">{script}</script>
</head>
<body></body>
</html>
"""


def page_of(events: SubsetRuns, title: str, lossless: bool = False, quiet: bool = True) -> Iterator[str]:
    """Yield the parts of the page.

    Args:
        events: what the page shows.
        title: of the page.
        lossless: keep pictures as they were logged; else they become WebP where that is smaller.
        quiet: show no progress bar.

    Raises:
        FileNotFoundError: the viewer was not built.
    """
    script = _script()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    yield _HEAD.format(hash=f"sha256-{digest}", title=html.escape(title))
    index = []
    for part, answer in enumerate(progress(answers_of(events), "exporting", "part", quiet), start=1):
        body, media_type = _packed(answer, lossless)
        index.append({"route": answer.route, "query": answer.query, "part": part, "type": media_type})
        yield _element(part, body)
    yield _element(0, zlib.compress(json.dumps(index).encode(), 9))
    yield _TAIL.format(script=script)


def write_page(parts: Iterator[str], file: IO[str]) -> None:
    """Write the page as it is made."""
    for part in parts:
        file.write(part)


def _script() -> str:
    if not VIEWER.is_file():
        raise FileNotFoundError(
            f"expected the built viewer at {os.fspath(VIEWER)!r}; in a checkout: cd frontend && npm ci && npm run build"
        )
    # As a browser reads it: neither a closing tag nor a comment may stand in a script.
    return VIEWER.read_text().strip().replace("</script", "<\\/script").replace("<!--", "\\x3c!--")


def _packed(answer: Answer, lossless: bool) -> tuple[bytes, str]:
    if answer.media_type.startswith("image/"):
        return (answer.body, answer.media_type) if lossless else as_webp(answer.body, answer.media_type)
    return zlib.compress(answer.body, 9), answer.media_type


def _element(part: int, body: bytes) -> str:
    text = base64.b64encode(body).decode()
    return f'<script type="text/plain" id="gradcam-{part}">{text}</script>\n'
