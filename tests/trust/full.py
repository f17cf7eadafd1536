"""Log until the disk is full, make space, and log on: `python -m tests.trust.full WRITER FOLDER`.

Prints two lines: the steps that were written, and those that failed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.writer.victim import log, open_writer


def main(kind: str, folder: str) -> None:
    """Fill a small disk."""
    balloon = Path(folder).with_name("balloon")
    balloon.write_bytes(bytes(600_000))
    writer = open_writer(kind, folder)
    told, failed = [], []
    for step in range(400):
        try:
            log(writer, step, size=24)
        except OSError as error:
            if "No space left" not in str(error):
                raise
            failed.append(step)
        else:
            told.append(step)
        if len(failed) == 5:
            balloon.unlink(missing_ok=True)
        if len(told) > 20 and failed and told[-1] > failed[-1] + 10:
            break
    if hasattr(writer, "close"):
        writer.close()
    sys.stdout.write("\n".join(" ".join(map(str, steps)) for steps in (told, failed)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
