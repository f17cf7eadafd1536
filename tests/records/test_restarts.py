"""Which records count: against a plain loop over the rule as docs/format.md has it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as some

from tensorboard_plugin_gradcam.records import surviving

NUMBERS = some.integers(0, 5)
Record = tuple[int, int, int, int]


def by_the_rule(records: list[Record]) -> list[int]:
    """Let each record in the order of writing replace what its relation says."""
    kept: list[int] = []
    for one in sorted(range(len(records)), key=lambda i: (*records[i][1:3], i)):
        step, session, _, relation = records[one]
        if relation == 0:
            kept = [i for i in kept if records[i][0] < step]
        elif relation == 1:
            kept = [i for i in kept if records[i][0] != step]
        else:
            own = {i for i in kept if records[i][1] == session and records[i][3] == 2 and records[i][0] > step}
            kept = [i for i in kept if records[i][0] != step and i not in own]
        kept.append(one)
    return sorted(kept, key=lambda i: records[i][0])


@given(some.lists(some.tuples(NUMBERS, NUMBERS, NUMBERS, some.integers(0, 2)), min_size=1, max_size=30))
def test_a_record_replaces_what_its_relation_says(records: list[Record]) -> None:
    columns = (np.array(column) for column in zip(*records, strict=True))
    assert surviving(*columns).tolist() == by_the_rule(records)


def test_what_is_added_replaces_only_its_own_step() -> None:
    step, session, ordinal = np.array([0, 10, 20, 10, 5]), np.array([1, 1, 1, 2, 2]), np.array([0, 1, 2, 0, 1])
    relation = np.array([0, 0, 0, 1, 1])
    assert step[surviving(step, session, ordinal, relation)].tolist() == [0, 5, 10, 20]
    assert surviving(step, session, ordinal, relation).tolist() == [0, 4, 3, 2]
