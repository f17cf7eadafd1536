"""Reading a checkpoint of any layout: one file, a folder, or a file's shards. Nothing of it is executed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tensorboard_plugin_gradcam.installing import missing
from tensorboard_plugin_gradcam.replaying import places
from tensorboard_plugin_gradcam.replaying.distributed import METADATA, load_distributed
from tensorboard_plugin_gradcam.replaying.inert import RefusedCheckpoint, load_inert, load_trusted
from tensorboard_plugin_gradcam.replaying.moments import Moment, moment_in

PICKLED = (".pt", ".pth", ".ckpt", ".tar", ".bin", ".pkl")
SAFE = ".safetensors"
INDICES = (".safetensors.index.json", ".bin.index.json")
KERAS = (".keras", ".weights.h5", ".weights.json", ".h5")
FILES = (*PICKLED, SAFE, *KERAS)
# What a folder of one checkpoint holds, the best to read first: weights without pickles before pickles.
_IN_FOLDERS = (
    "*.safetensors.index.json", "model.safetensors", "*.safetensors", "*.bin.index.json", "pytorch_model.bin", METADATA,
    "mp_rank_00_model_states.pt",
)  # fmt: skip
TRAINER_STATE = "trainer_state.json"


@dataclass(frozen=True)
class Content:
    """What a checkpoint holds.

    Attributes:
        value: as it was saved; foreign objects are `Inert`.
        moment: what it tells of when it was saved.
    """

    value: Any
    moment: Moment


def weights_in(folder: str) -> str | None:
    """Return which file of a folder holds a model's weights; None where the folder is not one checkpoint."""
    there = places.listed(folder)
    for pattern in _IN_FOLDERS:
        found = places.named_like(there, pattern)
        if found and (pattern != "*.safetensors" or _is_one_model(there)):
            return found[0]
    return None


def _is_one_model(there: list[str]) -> bool:
    """Say whether a folder of safetensors is one model's, rather than checkpoints side by side."""
    return any(places.name_of(path) in ("config.json", TRAINER_STATE) for path in there)


def is_keras(path: str) -> bool:
    """Say whether a file is one that Keras writes."""
    return path.endswith(KERAS)


def content_of(path: str, trust: bool = False) -> Content:
    """Return what a checkpoint of torch holds.

    Args:
        path: of a file, or of a folder that is one checkpoint.
        trust: whether to unpickle as Python does, which runs the code that a checkpoint names.

    Raises:
        RefusedCheckpoint: it can't be read without running its code; it is damaged, or no checkpoint.
        OSError: the file system's.
    """
    if places.is_folder(path):
        inner = weights_in(path)
        if inner is None:
            raise RefusedCheckpoint("the folder holds no weights")
        value = load_distributed(path) if places.name_of(inner) == METADATA else _value_of(inner, trust)
        state = _trainer_state(path)
        return Content(value, moment_in(state).or_else(moment_in(_plain_numbers(value))))
    value = _value_of(path, trust)
    return Content(value, moment_in(value))


def _value_of(path: str, trust: bool) -> Any:
    if path.endswith(INDICES):
        return _shards(path, trust)
    if path.endswith(SAFE):
        return _safetensors(path)
    load: Callable[[Any], Any] = load_trusted if trust else load_inert
    if not places.is_remote(path):
        return load(path)
    with places.opened(path) as file:
        return load(file)


def _safetensors(path: str) -> dict[str, Any]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load, load_file
    except ImportError as error:
        raise missing("a .safetensors file", error.name, "replay") from error
    try:
        found: dict[str, Any] = load(places.read(path)) if places.is_remote(path) else load_file(path)
    except SafetensorError as error:
        raise RefusedCheckpoint(f"it is damaged or not a safetensors file ({error})") from error
    return found


def _shards(path: str, trust: bool) -> dict[str, Any]:
    """Return the weights that an index names, from all the files that it names."""
    weight_map = _json(path).get("weight_map")
    if not isinstance(weight_map, dict):
        raise RefusedCheckpoint("its index has no weight_map")
    folder, tensors = places.folder_of(path), {}
    for name in sorted({str(file) for file in weight_map.values()}):
        if name != places.name_of(name) or name.startswith("."):
            raise RefusedCheckpoint(f"its index names a file outside of its folder: {name!r}")
        shard = places.join(folder, name)
        if not places.exists(shard):
            raise RefusedCheckpoint(f"its part {name} is missing")
        tensors.update(_value_of(shard, trust))
    return tensors


def _trainer_state(folder: str) -> Any:
    """Return what a Hugging Face `Trainer` says of its progress, beside the weights."""
    path = places.join(folder, TRAINER_STATE)
    return _json(path) if places.exists(path) else {}


def _plain_numbers(value: Any) -> Any:
    """Return a checkpoint's values with those that stand in a flattened name's last part at hand."""
    if not isinstance(value, dict):
        return value
    return {
        str(name).rpartition(".")[2]: one for name, one in value.items() if not str(name).startswith("optim")
    } | value


def _json(path: str) -> dict[str, Any]:
    try:
        found = json.loads(places.read(path))
    except ValueError as error:
        raise RefusedCheckpoint(f"{places.name_of(path)} is not JSON ({error})") from error
    return found if isinstance(found, dict) else {}
