"""Real interrupts at random moments of a map, and at every line of it: `python -m tests.trust.interrupts`."""

from __future__ import annotations

import gc
import linecache
import random
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

import tensorboard_plugin_gradcam
from tensorboard_plugin_gradcam import CAM, GradCAMLogger
from tests.trust.leaving import facts, process_facts

PACKAGE = str(Path(tensorboard_plugin_gradcam.__file__).parent)
IMAGES = torch.rand(2, 3, 12, 12, generator=torch.Generator().manual_seed(0))


class Restless(nn.Module):
    """Keeps something of each kind on itself, and draws."""

    def __init__(self) -> None:
        super().__init__()
        self.calls, self.cache = 0, {}
        self.register_buffer("mean", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.cache[self.calls] = x.detach()
        self.mean = self.mean + 0.1
        return x * (1 + 0.1 * torch.rand(1)) + self.mean


def network() -> nn.Sequential:
    """A small classifier in training, with a frozen BatchNorm."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), Restless(), nn.Conv2d(8, 8, 3), nn.Dropout(0.2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
    )  # fmt: skip
    model[1].eval()
    return model


def state(model: nn.Module) -> dict[str, Any]:
    """Return all that a map could leave on a model or in the process."""
    hooks = {key: len(value) for key, value in vars(torch_module).items() if "hooks" in key and isinstance(value, dict)}
    return {**facts(model), **process_facts(), "hooks of all modules": hooks}


def ways(model: nn.Module) -> dict[str, Callable[[int], Any]]:
    """Return ways to explain a model, given a step."""
    cam, several = CAM(model, "4"), CAM(model, "4", ["ablation_cam", "full_grad"])
    logger = GradCAMLogger(tempfile.mkdtemp(), CAM(model, "4"), mean=[0] * 3, std=[1] * 3)
    probe = logger.probe("val", IMAGES)

    def capture(step: int) -> None:
        with torch.no_grad(), cam.capture() as captured:
            model(IMAGES)
        captured.result(1)

    return {
        "call": lambda step: cam(IMAGES, 1),
        "found": lambda step: CAM(model)(IMAGES),
        "passes": lambda step: several(IMAGES, 1),
        "probe": probe.log,
        "capture": capture,
    }


def interrupted(count: int, seed: int = 0) -> tuple[int, Counter[str]]:
    """Interrupt maps by real signals; return how many hit, and what was found damaged."""
    draw = random.Random(seed)
    model, hits, damaged, is_armed = network(), 0, Counter[str](), False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal is_armed
        if is_armed:
            is_armed = False
            raise KeyboardInterrupt

    own = signal.signal(signal.SIGALRM, interrupt)
    try:
        chosen = ways(model)
        del chosen["capture"]  # the caller's own pass in it leaves what it leaves
        step, lasts = 0, {}
        for name, explain in chosen.items():
            explain(step := step + 1)
            began = time.perf_counter()
            explain(step := step + 1)
            lasts[name] = time.perf_counter() - began
        for turn in range(count):
            name = list(chosen)[turn % len(chosen)]
            before = state(model)
            try:
                is_armed = True
                signal.setitimer(signal.ITIMER_REAL, 1e-6 + draw.random() * lasts[name])
                chosen[name](step := step + 1)
            except KeyboardInterrupt:
                hits += 1
            is_armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            after = state(model)
            changed = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
            if changed:
                damaged[f"{name}: {changed[0]}"] += 1
                model = network()
                chosen = {way: explain for way, explain in ways(model).items() if way in chosen}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, own)
    return hits, damaged


def is_guarded() -> bool:
    """Say whether signals are held back now: nothing raises there."""
    handler = signal.getsignal(signal.SIGINT)
    held = getattr(handler, "__self__", None)
    return type(held).__name__ == "Held" and not held.is_open


Place = tuple[str, int]


@contextmanager
def raising_at(place: Place | None) -> Iterator[set[Place]]:
    """Raise KeyboardInterrupt where a line of the package is run first, outside of its guarded sections."""
    places: set[Place] = set()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        file = frame.f_code.co_filename
        if not file.startswith(f"{PACKAGE}/cam/") or (event == "call" and is_guarded()):
            return None
        if event == "line" and not is_guarded() and "with Held()" not in linecache.getline(file, frame.f_lineno):
            here = file[len(PACKAGE) + 1 :], frame.f_lineno
            is_first = here not in places
            places.add(here)
            if here == place and is_first:
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        yield places
    finally:
        sys.settrace(None)


def injected(names: Sequence[str] = ("call", "capture", "passes", "found"), every: int = 1) -> tuple[int, list[str]]:
    """Raise at each line that a map runs; return how many there were, and after which something was not as before."""
    total, found = 0, []
    for name in names:
        model, explain = _warm(name)
        with raising_at(None) as places:
            explain(1)
        chosen = sorted(places)[::every]
        total += len(chosen)
        for step, place in enumerate(chosen):
            before = _comparable(name, model)
            with suppress(KeyboardInterrupt), raising_at(place):
                explain(step + 2)
            after = _comparable(name, model)
            changed = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
            if changed:
                found.append(f"{name} at {place}: {changed[0]}")
                model, explain = _warm(name)
    return total, found


def _warm(name: str) -> tuple[nn.Module, Callable[[int], Any]]:
    model = network()
    explain = ways(model)[name]
    explain(0)
    return model, explain


def _comparable(name: str, model: nn.Module) -> dict[str, Any]:
    """Return what must be the same; around the caller's own pass that is all but what this leaves itself."""
    gc.collect(0)
    found = state(model)
    if name == "capture":
        found = {key: value for key, value in found.items() if key != "random of torch" and "['3']" not in key}
        found = {key: value for key, value in found.items() if "num_batches" not in key and "running" not in key}
    return found


def main() -> int:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    began = time.perf_counter()
    hits, damaged = interrupted(2800)
    sys.stdout.write(f"{hits} real interrupts: {sum(damaged.values())} left something changed {dict(damaged)}\n")
    lines, found = injected()
    sys.stdout.write(f"{time.perf_counter() - began:.0f} seconds\n")
    sys.stdout.write(f"{lines} lines of cam/ outside of guarded sections: {len(found)} left something changed\n")
    sys.stdout.write("".join(f"  {text}\n" for text in found[:20]))
    return int(bool(damaged or found))


if __name__ == "__main__":
    sys.exit(main())
