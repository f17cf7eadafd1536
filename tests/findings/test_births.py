"""Since when one part of a class is looked at in another way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tensorboard_plugin_gradcam.findings import Observations, Source, Summary, birth, find

NAMES = tuple(f"sample {index}" for index in range(60))
LABELS = (np.arange(60) % 2).astype(np.int32)
PART = np.flatnonzero(LABELS == 1)[:9]


def observed(step, born):
    random = np.random.default_rng(step)
    maps = 0.05 * random.random((60, 7, 7))
    maps[:, 4:6, 4:6] += random.random((60, 2, 2))
    if step >= born:
        maps[PART] = 0.05 * random.random((9, 7, 7))
        maps[PART, :2, :2] += random.random((9, 2, 2))
    predictions = LABELS.copy()
    predictions[PART] = 0
    return Observations(step, maps, LABELS, predictions, identities=NAMES)


def born(born, steps, known=lambda step: True):
    asked = []

    def maps_at(step):
        asked.append(step)
        return observed(step, born) if known(step) else None

    rest = [index for index in np.flatnonzero(LABELS == 1) if index not in PART]
    names = ([NAMES[index] for index in part] for part in (PART, rest))
    return birth(steps, maps_at, (7, 7), *names), len(asked)


@pytest.mark.parametrize("step", [1, 7, 10, 398, 399])
def test_a_birth_is_found_at_its_step_though_few_steps_are_looked_at(step):
    found, asked = born(step, range(400))
    assert found == step
    assert asked <= 16 + 6


def test_what_was_apart_from_the_first_step_on_has_no_birth():
    assert born(0, range(40))[0] is None


def test_a_birth_among_few_steps():
    assert [born(step, range(3))[0] for step in (0, 1, 2)] == [None, 1, 2]
    assert born(0, [0])[0] is None


def test_of_steps_whose_maps_are_not_kept_nothing_is_said():
    found, _ = born(5, range(40), known=lambda step: step >= 30)
    assert 30 <= found <= 33  # the first one that was looked at


def test_a_strategy_is_told_with_its_birth():
    steps = {step: observed(step, 6) for step in range(12)}
    summary = Summary()
    for one in steps.values():
        summary.add(one)
    source = Source("run", "val", "grad_cam", "layer4", summary, maps_at=steps.get)
    (finding,) = [one for one in find([source]) if one.kind == "strategy"]
    assert finding.since == 6
    assert "differently from the rest since step 6: accuracy 0.00 against 1.00" in finding.sentence()
    (unknown,) = [one for one in find([replace(source, maps_at=lambda step: None)]) if one.kind == "strategy"]
    assert unknown.since is None
