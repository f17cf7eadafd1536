"""Train each kind of `leaving.KINDS` with and without maps: `python -m tests.trust.no_trace` tells what was changed."""

from __future__ import annotations

import random
import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import parametrize

from tensorboard_plugin_gradcam import CAM, GradCAMLogger
from tests.trust.leaving import KINDS, facts, network, process_facts

MOMENTS = ("before forward", "between forward and backward", "between backward and step", "after step")
WAYS = ("call", "probe", "capture")
STEPS = 3
IMAGES = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(7))


# Those of a captured pass, and all of them: those that run the model, and a copy of it with random weights.
OF_A_PASS = ("gain_head", "class_sensitivity", "concentration", "randomisation")
ALL = (*OF_A_PASS, "gain", "mosaic", "average_drop")


class Looking:
    """Look at a model at one moment of each step; what is looked at must be the same afterwards."""

    def __init__(self, way: str, moment: str, model: nn.Module) -> None:
        self.way, self.moment, self._model = way, moment, model
        captures = way == "capture"
        self._cam = CAM(model, "3", measures=OF_A_PASS if captures else ALL, randomised=not captures)
        self.changed: set[str] = set()
        self._taken: Any = None
        if way == "probe":
            cam = CAM(model, "3", measures=(*ALL, "steadiness"))
            logger = GradCAMLogger(tempfile.mkdtemp(), cam, mean=[0] * 3, std=[1] * 3, on_error="raise")
            self._probe = logger.probe("val", IMAGES)

    def capture(self) -> AbstractContextManager[Any]:
        self._taken = self._cam.capture() if self.way == "capture" else None
        return self._taken or nullcontext()

    def at(self, moment: str, step: int) -> None:
        if moment != self.moment or (self.way == "capture" and self._taken is None):
            return
        before = {**facts(self._model), **process_facts()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._look(step)
        after = {**facts(self._model), **process_facts()}
        self.changed |= {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}

    def _look(self, step: int) -> None:
        if self.way == "call":
            self._cam(IMAGES, 1)
        elif self.way == "probe":
            self._probe.log(step)
        else:
            try:
                self._taken.result(1)
            except ValueError as error:
                if self.moment in MOMENTS[:2] or "before backward" not in str(error):
                    raise


def trained(name: str, look: Callable[[nn.Module], Looking | None]) -> tuple[dict[str, Any], set[str]]:
    """Train and return all that can be reached at the end, and what the looks changed at once."""
    for seed in (torch.manual_seed, np.random.seed, random.seed):
        seed(0)
    model = network(name)
    looking = look(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    data = torch.Generator().manual_seed(3)
    for step in range(STEPS):
        inputs, labels = torch.rand(4, 3, 8, 8, generator=data), torch.randint(4, (4,), generator=data)
        with parametrize.cached():
            _step(model, optimizer, looking, inputs, labels, step)
    return {**facts(model), **process_facts()}, looking.changed if looking else set()


def _step(
    model: nn.Sequential, optimizer: Any, looking: Looking | None, inputs: Tensor, labels: Tensor, step: int
) -> None:
    def at(moment: str) -> None:
        if looking is not None:
            looking.at(moment, step)

    is_early = looking is not None and looking.way == "capture" and looking.moment == MOMENTS[0]
    at(MOMENTS[0])
    with looking.capture() if looking is not None else nullcontext():
        scores = model(inputs)
    if is_early:
        looking._taken.result(1)  # type: ignore[union-attr]
        looking._taken = None  # type: ignore[union-attr]
    at(MOMENTS[1])
    loss = cross_entropy(scores, labels) + 0.1 * getattr(model[2], "aux", 0)
    if "aux" in vars(model[2]):
        model[2].aux = 0
    optimizer.zero_grad()
    loss.backward()
    at(MOMENTS[2])
    optimizer.step()
    at(MOMENTS[3])


def differences(name: str, way: str, moment: str) -> list[str]:
    """Return what a training with maps leaves that one without does not, and what each look changed."""
    plain, _ = trained(name, lambda model: None)
    looked, changed = trained(name, lambda model: Looking(way, moment, model))
    ends = {key for key in plain.keys() | looked.keys() if plain.get(key) != looked.get(key)}
    return sorted(ends | changed)


def main() -> int:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    faults = 0
    for name in KINDS:
        for way in WAYS:
            for moment in MOMENTS:
                try:
                    found = differences(name, way, moment)
                except Exception as error:
                    found = [repr(error)[:200]]
                if found:
                    faults += 1
                    sys.stdout.write(f"{name}, {way} {moment}: {', '.join(found[:4])}\n")
    total = len(KINDS) * len(WAYS) * len(MOMENTS)
    sys.stdout.write(f"{len(KINDS)} kinds of modules, {total} trainings with maps: {faults} changed\n")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
