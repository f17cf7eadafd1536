"""The version of the wire format, and which versions this package reads."""

from __future__ import annotations

from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.records.errors import CorruptRecord, NewerFormat

PLUGIN_NAME = "gradcam"
# Records that readers of format 1.0 must not see have a name of their own: they would take an addition for a restart,
# and their `read_gradcam` refuses a whole log over one kind of series that it does not know.
LATER_PLUGIN_NAME = "gradcam_1_1"
FORMAT = (1, 1)


def stamp_version(version: pb.Version) -> None:
    """Write this package's format into a message's `version`."""
    version.major, version.minor = FORMAT


def check_version(version: pb.Version) -> None:
    """Refuse a newer major version; a newer minor one only adds fields, which are ignored."""
    if version.major > FORMAT[0]:
        raise NewerFormat((version.major, version.minor), FORMAT)
    if version.major == 0:
        raise CorruptRecord("expected a record with a format version, got none")
