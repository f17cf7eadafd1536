"""TensorBoard on a log, in this process, until Ctrl-C."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from collections.abc import Callable


def serve(
    logdir: str | os.PathLike[str],
    *,
    port: int | None = None,
    browser: bool = True,
    ready: Callable[[str], None] = print,
) -> None:
    """Serve the tab on this machine until Ctrl-C.

    Args:
        logdir: what to show.
        port: to listen at; by default 6006, or the next one that is free.
        browser: open the tab in a browser, where there is a screen.
        ready: is called with the tab's address.

    Raises:
        ValueError: the port is taken.
    """
    from tensorboard import default, program

    board = program.TensorBoard(plugins=default.get_plugins())
    options = {} if port is None else {"port": port}
    board.configure(logdir=os.fspath(logdir), load_fast="false", **options)
    try:
        address = board.launch() + "#gradcam"
    except program.TensorBoardServerException as error:
        raise ValueError(str(error)) from error
    ready(address)
    if browser and _has_screen():
        webbrowser.open(address)
    threading.Event().wait()


def _has_screen() -> bool:
    """Tell whether a browser would open in a window: one in the terminal would take it over."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
