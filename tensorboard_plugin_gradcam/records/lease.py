"""A process's claim to the series of a run that it writes, so that a second writer and the viewer can warn."""

from __future__ import annotations

from dataclasses import dataclass

from tensorboard_plugin_gradcam.records import records_pb2 as pb
from tensorboard_plugin_gradcam.records.envelope import seal, unseal


@dataclass(frozen=True)
class Lease:
    """One writer's session.

    Attributes:
        session: its number, as in the stamps of its records.
        host: name of its machine.
        process: its number there.
        begun: seconds since 1970.
        beat: when it was last seen to write, seconds since 1970.
        closed: whether it said that it is done.
        series: TensorBoard tags of the series that it writes, without those that it adds to.
    """

    session: int
    host: str
    process: int
    begun: float
    beat: float
    closed: bool = False
    series: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """Serialise it in its envelope."""
        return seal(pb.Lease(**vars(self)))

    @classmethod
    def from_bytes(cls, data: bytes) -> Lease:
        """Verify and parse it; raises `CorruptRecord` or `NewerFormat`."""
        message = unseal(data, pb.Lease)
        return cls(
            message.session,
            message.host,
            message.process,
            message.begun,
            message.beat,
            message.closed,
            tuple(message.series),
        )

    def overlaps(self, other: Lease) -> bool:
        """Tell whether both wrote a series at the same time, as far as their beats show."""
        earlier, later = sorted((self, other), key=lambda lease: lease.session)
        return earlier.beat > later.begun and bool(set(self.series) & set(other.series))
