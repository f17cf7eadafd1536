"""What can be wrong with bytes that claim to be a record."""

from __future__ import annotations


class CorruptRecord(ValueError):
    """Bytes that are not a record of ours: damaged, cut short, inconsistent or too large."""


class NewerFormat(ValueError):
    """A record whose major version is newer than this reader."""

    def __init__(self, found: tuple[int, int], known: tuple[int, int]) -> None:
        super().__init__(
            f"written by format {found[0]}.{found[1]}, this version reads {known[0]}.x: "
            "update the package tensorboard-plugin-gradcam"
        )
        self.found = found
        self.known = known
