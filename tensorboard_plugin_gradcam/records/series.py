"""What a TensorBoard tag holds, as its metadata says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeVar, get_args

from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.records.errors import CorruptRecord
from tensorboard_plugin_gradcam.records.tags import tagged
from tensorboard_plugin_gradcam.records.versions import LATER_PLUGIN_NAME, PLUGIN_NAME, check_version, stamp_version
from tensorboard_plugin_gradcam.records.wire import Budget, parsed

Kind = Literal["image", "cohort", "predictions", "maps", "numbers", "lease", "sums"]
MapKind = Literal["positive", "signed", "rgb"]

SMALL_PARTS = 2**16  # bytes that the parts of long metadata are counted as, at most: all of a log are read at once
KINDS: tuple[Kind, ...] = get_args(Kind)  # KINDS[i] has number i + 1 on the wire
MAP_KINDS: tuple[MapKind, ...] = get_args(MapKind)
_PARTS: dict[Kind, tuple[str, ...]] = {
    "image": ("digest",),
    "cohort": ("digest",),
    "predictions": ("tag",),
    "maps": ("tag", "method", "layer"),
    "numbers": ("tag", "name", "method", "layer"),
    "lease": ("session",),
    "sums": ("tag", "method", "layer"),
}


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
        name: of numbers ("uncertainty"); they have a method and layer where they are of maps.
        session: of a lease, whose; of step records, the session whose addition to the run they are, 0 for none.
        part: of an addition: another one where steps go down, since TensorBoard drops what follows a lower step.
        as_tensor: of an image or cohort: a copy of the blob in a tensor.
        turn: of maps: one of a few tags that take turns, from 1, of each of which the last record counts; 0 for none.
    """

    kind: Kind
    tag: str = ""
    method: str = ""
    layer: str = ""
    digest: str = ""
    first: bool = False
    map_kind: MapKind = "positive"
    name: str = ""
    session: int = 0
    part: int = 0
    as_tensor: bool = False
    turn: int = 0

    @property
    def is_blob(self) -> bool:
        """Whether it is a blob sequence of one, rather than a tensor a step."""
        return self.kind in ("image", "cohort") and not self.as_tensor

    @property
    def plugin_name(self) -> str:
        """The plugin under whose name it is written."""
        is_later = self.kind in ("numbers", "lease", "sums") or self.session or self.as_tensor or self.turn
        return LATER_PLUGIN_NAME if is_later else PLUGIN_NAME

    @property
    def tensorboard_tag(self) -> str:
        """The TensorBoard tag under which the series is written: for people, never to be parsed."""
        what = self.kind if self.map_kind == "positive" else f"{self.map_kind}_{self.kind}"
        ends: list[object] = [self.session, self.part] if self.session else ["first"] if self.first else []
        ends += ["tensor"] if self.as_tensor else []
        ends += [f"turn{self.turn}"] if self.turn else []
        return tagged(what, *(getattr(self, part) for part in _PARTS[self.kind]), *map(str, ends))

    @property
    def tensorboard_tag_of_1_0(self) -> str:
        """The tag under which format 1.0 wrote a picture or cohort, the only tags that readers look up."""
        return f"gradcam/{self.kind}/{self.digest}"

    @property
    def identity(self) -> Series:
        """Identifies the series: the same for its first record and for later additions, under whatever tag they are."""
        return replace(self, first=False, session=0, part=0, turn=0)

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
            name=self.name,
            session=self.session,
            part=self.part,
            as_tensor=self.as_tensor,
            turn=self.turn,
        )
        stamp_version(message.version)
        return message.SerializeToString(deterministic=True)

    @classmethod
    def from_bytes(cls, data: bytes) -> Series:
        """Parse the summary metadata's content; raises `CorruptRecord` or `NewerFormat`."""
        message = metadata_of(data)
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
            name=message.name,
            session=message.session,
            part=message.part,
            as_tensor=message.as_tensor,
            turn=message.turn,
        )


Owner = TypeVar("Owner")


def told_apart(series: Iterable[tuple[Owner, Series]]) -> dict[tuple[Owner, Series], str]:
    """Return by which method each series of a run is called: one that was logged in several kinds has several names.

    The first kind has the method's own name, the others say theirs: "integrated_gradients (rgb)".
    """
    kinds: dict[tuple[Owner, Series], set[int]] = defaultdict(set)
    known = list(series)
    for run, one in known:
        kinds[run, replace(one, map_kind="positive")].add(MAP_KINDS.index(one.map_kind))
    return {
        (run, one): one.method
        if MAP_KINDS.index(one.map_kind) == min(kinds[run, replace(one, map_kind="positive")])
        else f"{one.method} ({one.map_kind})"
        for run, one in known
    }


def metadata_of(data: bytes) -> pb.Series:
    """Parse the summary metadata's content; raises `CorruptRecord`."""
    return parsed(data, pb.Series, Budget(SMALL_PARTS))
