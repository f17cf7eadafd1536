"""Reading the tab only while it is at rest, so that no test hangs on how fast the machine is.

Playwright's actions and `expect` wait by themselves; its reads (`count`, `inner_text`, `evaluate`, ..) answer with what
there is at that moment, which may be what was there before the action, or half of what comes. Here every read first
waits until the page says that it has nothing left to do (`data-busy`, see `frontend/src/busy.ts`). What
the page does by its own clock (the link, written a quarter of a second later; a log that grows; playback) is no work,
and has to be waited for with `expect` or `wait_for_function`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from playwright.sync_api import Frame, Locator, Page

PATIENCE_MS = 60_000  # of a machine that has much else to do
SLOWER = int(os.environ.get("GRADCAM_SLOWER", 0))  # times slower pages than the machine's: shows tests that race
READS: dict[type, tuple[str, ...]] = {
    Page: ("evaluate", "screenshot"),
    Frame: ("evaluate",),
    Locator: (
        "all", "all_inner_texts", "all_text_contents", "bounding_box", "count", "evaluate", "evaluate_all",
        "get_attribute", "inner_html", "inner_text", "input_value", "is_checked", "is_disabled", "is_enabled",
        "is_hidden", "is_visible", "screenshot", "text_content",
    ),
}  # fmt: skip
IS_AT_REST = """() => {
    const {busy, gradcam} = document.documentElement.dataset;
    return busy === 'false' || !(gradcam === 'file' || location.pathname.endsWith('plugin_entry.html'));
}"""


def at_rest(page: Page) -> None:
    """Wait until the tab, wherever it is in the page, has done all that it was told."""
    for frame in page.frames:
        if not frame.is_detached():
            frame.wait_for_function(IS_AT_REST)


def patient(page: Page) -> Page:
    """The page, which gives up on nothing early; as slow as `GRADCAM_SLOWER` asks for."""
    page.set_default_timeout(PATIENCE_MS)
    if SLOWER:
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    return page


@contextmanager
def patient_reads() -> Iterator[None]:
    """Have all reads wait until the page is at rest."""
    before = [(where, name, getattr(where, name)) for where, names in READS.items() for name in names]
    for where, name, read in before:
        setattr(where, name, _patient(read))
    try:
        yield
    finally:
        for where, name, read in before:
            setattr(where, name, read)


def _patient(read: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(read)
    def wait_and_read(where: Page | Frame | Locator, *arguments: Any, **options: Any) -> Any:
        at_rest(where if isinstance(where, Page) else where.page)
        return read(where, *arguments, **options)

    return wait_and_read
