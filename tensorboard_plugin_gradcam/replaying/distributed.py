"""Checkpoints of `torch.distributed.checkpoint` (DCP), read without its planner and without unpickling its metadata.

A folder holds ``.metadata``, a pickle that says where each piece of each tensor lies, and files of pieces, each piece
being what `torch.save` wrote (https://docs.pytorch.org/docs/stable/distributed.checkpoint.html).
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from tensorboard_plugin_gradcam.replaying import places
from tensorboard_plugin_gradcam.replaying.inert import Inert, RefusedCheckpoint, load_inert, unpickled

if TYPE_CHECKING:
    from torch import Tensor

METADATA = ".metadata"


def load_distributed(folder: str) -> dict[str, Any]:
    """Return the values of a DCP folder by their flattened names; tensors whole, on the CPU.

    Raises:
        RefusedCheckpoint: its metadata are of another form than torch writes, or pieces are compressed.
    """
    try:
        metadata = unpickled(places.read(places.join(folder, METADATA)))
        described = metadata.attributes["state_dict_metadata"]
        stored = metadata.attributes["storage_data"]
        values = dict.fromkeys(described)
        for index, info in stored.items():
            _put(values, _said(index), _said(info), described, folder)
    except RefusedCheckpoint:
        raise
    except Exception as error:  # whatever a pickle of another shape leads to
        raise RefusedCheckpoint(
            f"its {METADATA} is not one that torch writes ({type(error).__name__}: {error})"
        ) from error
    return values


def _put(
    values: dict[str, Any], index: dict[str, Any], info: dict[str, Any], described: dict[str, Inert], folder: str
) -> None:
    """Read one piece and put it where it belongs."""
    if info.get("transform_descriptors"):
        raise RefusedCheckpoint("its tensors are compressed, which only torch.distributed.checkpoint reads")
    name = index["fqn"]
    with places.opened(places.join(folder, str(info["relative_path"]))) as file:
        file.seek(info["offset"])
        data = file.read(info["length"])
    piece = load_inert(io.BytesIO(data))
    about = _said(described[name])
    if "chunks" not in about:
        values[name] = piece
        return
    if values[name] is None:
        values[name] = _empty(about, piece)
    offset = tuple(index["offset"] or (0,) * piece.ndim)
    values[name][tuple(slice(at, at + size) for at, size in zip(offset, piece.shape, strict=True))] = piece


def _empty(about: dict[str, Any], piece: Tensor) -> Tensor:
    size = about["size"]
    return piece.new_empty(tuple(size.arguments[0] if isinstance(size, Inert) else size))


def _said(inert: Any) -> dict[str, Any]:
    """Return what a dataclass held; one of a tuple's kind holds the size in its argument."""
    return {key: _plain(value) for key, value in inert.attributes.items()}


def _plain(value: Any) -> Any:
    """Return a `torch.Size` as a tuple."""
    if isinstance(value, Inert) and value.of == "torch.Size":
        return tuple(value.arguments[0]) if value.arguments else ()
    return value
