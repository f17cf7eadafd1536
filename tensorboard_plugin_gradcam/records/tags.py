"""TensorBoard's tags of what we write: all under one prefix, and no two things under one tag.

A TensorBoard tag belongs to the plugin that wrote it first, and whatever another writes there is lost. So the prefix is
one that nobody chooses for tags of their own, which are paths ("gradcam/loss", "val/predictions"): its colon ends it.
"""

from __future__ import annotations

import re

from tensorboard_plugin_gradcam.records.digests import digest_of_bytes

PREFIX = "gradcam:"
# "%" and ":" so that no two lists of parts give one tag; the others since TensorBoard's data server (0.7.2) can't hand
# out a blob of a tag with a quote, a backslash or a control character.
_ESCAPED = re.compile(r"""[%:"'\\\x00-\x1f\x7f-\x9f]""")


LONGEST_NAME = 1_000  # characters of a tag, method, layer or name that readers list


def fitting(name: str) -> str:
    """Return a name, or of one that is too long its beginning and a digest, which no other name has."""
    if len(name) <= LONGEST_NAME:
        return name
    digest = digest_of_bytes(name.encode("utf-8", "surrogatepass"))
    return f"{name[: LONGEST_NAME - len(digest) - 1]}…{digest}"


def tagged(kind: str, *parts: object) -> str:
    """Return the tag of a series of records, in a form that people can read: "gradcam:maps:val:grad_cam:layer4"."""
    return PREFIX + ":".join(map(_escaped, (kind, *parts)))


def scalar_tag(*parts: str) -> str:
    """Return the tag of a scalar, for TensorBoard's Scalars tab: "gradcam:val/grad_cam/layer4/entropy"."""
    return PREFIX + "/".join(_escaped(part) for part in parts if part)


def _escaped(part: object) -> str:
    return _ESCAPED.sub(lambda match: f"%{ord(match[0]):02X}", str(part))
