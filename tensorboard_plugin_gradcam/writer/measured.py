"""Numbers of maps on their way into the log: they go with their maps until they are written beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.arrays import numbers as numbers_of
from tensorboard_plugin_gradcam.records import Block, Numbers, Stamp

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class MeasuredBlock(Block):
    """Maps with their numbers.

    Attributes:
        measures: by their name, ``(M,)``, NaN for none; records of their own.
    """

    measures: Mapping[str, Floats] = field(default_factory=dict)


def measures_of(explanation: Any, key: tuple[str, str], count: int) -> dict[str, Floats]:
    """Return what an explanation says of the maps of one method and layer, by name.

    Raises:
        ValueError: these are not as many numbers as maps.
    """
    found = {}
    for name, by_key in getattr(explanation, "measures", {}).items():
        if key in by_key:
            values = numbers_of(by_key[key], f"measures[{name!r}]", (count,))
            found[name] = np.full(count, np.nan, np.float32) if values is None else values
    return found


def columns(blocks: Iterable[Block]) -> dict[str, Floats]:
    """Return the numbers of all maps of blocks, in the maps' order, by name."""
    blocks = list(blocks)
    names = dict.fromkeys(name for block in blocks for name in getattr(block, "measures", {}))
    return {name: np.concatenate([_column(block, name) for block in blocks]) for name in names}


def with_columns(blocks: Sequence[Block], values: Mapping[str, Floats]) -> list[Block]:
    """Return blocks with further numbers of all their maps, in the maps' order."""
    ends = np.cumsum([block.size for block in blocks])[:-1]
    parts = {name: np.split(np.asarray(column, np.float32), ends) for name, column in values.items()}
    return [measured(block, {name: part[at] for name, part in parts.items()}) for at, block in enumerate(blocks)]


def measured(block: Block, values: Mapping[str, Floats]) -> MeasuredBlock:
    """Return a block with further numbers."""
    own = {name: value for name, value in vars(block).items() if name != "measures"}
    return MeasuredBlock(**own, measures={**getattr(block, "measures", {}), **values})


def taken_measures(block: Block, indices: Any) -> dict[str, Any]:
    """Return the field of some of a block's maps, by a mask or by indices; nothing where it has none."""
    if not isinstance(block, MeasuredBlock):
        return {}
    return {"measures": {name: values[indices] for name, values in block.measures.items()}}


def joined_measures(blocks: Sequence[Block], joined: Block) -> Block:
    """Return a block that was joined of others with the numbers of all of them."""
    values = columns(blocks)
    return measured(joined, values) if values else joined


def records_of(blocks: Sequence[Block], stamp: Stamp) -> dict[str, Numbers]:
    """Return the records of one method's and layer's numbers, by name, in the order of the maps."""
    samples = np.concatenate([block.sample_indices for block in blocks])
    targets = np.concatenate(
        [np.full(block.size, -1, np.int32) if block.targets is None else block.targets for block in blocks]
    )
    return {
        name: Numbers(
            stamp,
            values,
            None if np.array_equal(samples, np.arange(len(samples))) else samples,
            targets if (targets >= 0).any() else None,
        )
        for name, values in columns(blocks).items()
    }


def _column(block: Block, name: str) -> Floats:
    known: Mapping[str, Floats] = getattr(block, "measures", {})
    return known[name] if name in known else np.full(block.size, np.nan, np.float32)
