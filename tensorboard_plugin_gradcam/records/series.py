"""What a TensorBoard tag holds, as its metadata says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.records.envelope import parse
from tensorboard_plugin_gradcam.records.errors import CorruptRecord
from tensorboard_plugin_gradcam.records.versions import check_version, stamp_version

Kind = Literal["image", "cohort", "predictions", "maps"]
MapKind = Literal["positive", "signed", "rgb"]

KINDS: tuple[Kind, ...] = get_args(Kind)  # KINDS[i] has number i + 1 on the wire
MAP_KINDS: tuple[MapKind, ...] = get_args(MapKind)


@dataclass(frozen=True)
class Series:
    """The plugin data's content of one TensorBoard tag: the same for all its steps.

    Attributes:
        kind: which records it holds.
        tag: the user's tag; empty for images and cohorts.
        method: of maps, in snake case.
        layer: of maps, the layer's qualified name; may be empty.
        digest: of an image or cohort, 32 lower-case hex digits.
        first: whether it is the one-record series of the run's first step.
        map_kind: how maps are meant.
    """

    kind: Kind
    tag: str = ""
    method: str = ""
    layer: str = ""
    digest: str = ""
    first: bool = False
    map_kind: MapKind = "positive"

    @property
    def tensorboard_tag(self) -> str:
        """The TensorBoard tag under which the series is written: for people, never to be parsed."""
        if self.kind in ("image", "cohort"):
            return f"gradcam/{self.kind}/{self.digest}"
        parts = (self.tag, "predictions") if self.kind == "predictions" else (self.tag, self.method, self.layer)
        return "/".join(part for part in (*parts, "first" if self.first else "") if part)

    def to_bytes(self) -> bytes:
        """Serialise it for the summary metadata."""
        message = pb.Series(
            kind=KINDS.index(self.kind) + 1,  # type: ignore[arg-type]
            tag=self.tag,
            method=self.method,
            layer=self.layer,
            digest=self.digest,
            first=self.first,
            map_kind=MAP_KINDS.index(self.map_kind),  # type: ignore[arg-type]
        )
        stamp_version(message.version)
        return message.SerializeToString(deterministic=True)

    @classmethod
    def from_bytes(cls, data: bytes) -> Series:
        """Parse the summary metadata's content; raises `CorruptRecord` or `NewerFormat`."""
        message = pb.Series()
        parse(data, message)
        check_version(message.version)
        if not 1 <= message.kind <= len(KINDS):
            raise CorruptRecord(f"expected a series of kind 1 to {len(KINDS)}, got {message.kind}")
        if message.map_kind >= len(MAP_KINDS) or message.map_kind < 0:
            raise CorruptRecord(f"expected maps of kind 0 to {len(MAP_KINDS) - 1}, got {message.map_kind}")
        return cls(
            kind=KINDS[message.kind - 1],
            tag=message.tag,
            method=message.method,
            layer=message.layer,
            digest=message.digest,
            first=message.first,
            map_kind=MAP_KINDS[message.map_kind],
        )
