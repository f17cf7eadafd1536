"""What a map leaves: of parameters that are written to, caches, other threads, hooks of the user's own."""

from __future__ import annotations

import random
import threading
import warnings
from collections import OrderedDict, defaultdict, deque
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import borrowing as room

IMAGES = torch.rand(2, 3, 12, 12, generator=torch.Generator().manual_seed(0))


def network(extra: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), extra, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


class Averaging(nn.Module):
    """Keeps an average in a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.average = nn.Parameter(torch.zeros(4), requires_grad=False)
        self.is_on = True

    def forward(self, x: Tensor) -> Tensor:
        if self.is_on:
            self.average.data.mul_(0.9).add_(x.detach().mean((0, 2, 3)))
        return x + self.average.clone()[:, None, None]


def test_a_parameter_that_the_pass_writes_to_is_put_back_and_said_once() -> None:
    model = network(Averaging())
    version = model[1].average._version
    with pytest.warns(UserWarning, match=r"writes to its parameters '1.average'.* restored after it"):
        CAM(model, "0")(IMAGES, 1)
    assert not model[1].average.any()
    assert model[1].average._version == version
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CAM(model, "0")(IMAGES, 1)
    assert not model[1].average.any()


class Counting(nn.Module):
    """Writes to buffers of all sizes in its forward passes."""

    def __init__(self) -> None:
        super().__init__()
        for name, size in (("flag", 1), ("odd", 5), ("sums", 4), ("queue", 100_000)):
            self.register_buffer(name, torch.zeros(size, dtype=torch.uint8 if size % 2 else torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        for buffer in self.buffers():
            buffer.data.add_(1)
        return x


@pytest.mark.parametrize("change", ["nothing", "other", "smaller", "larger", "moved", "shared"])
def test_buffers_that_a_pass_writes_to_are_put_back_whatever_became_of_them_between_maps(change: str) -> None:
    model = network(Counting())
    cam = CAM(model, "0")
    memory = {name: np.zeros(32, np.uint8) for name, _ in model[1].named_buffers()}
    for seed in range(3):
        buffers = dict(model[1].named_buffers())
        for name, buffer in buffers.items():
            if change == "other":
                model[1].register_buffer(name, torch.zeros_like(buffer))
            elif change in ("smaller", "larger") and seed:
                buffer.resize_(len(buffer) * 2 if change == "larger" else max(1, len(buffer) // 2))
                buffer.untyped_storage().resize_(buffer.nbytes)
            elif change == "moved":
                buffer.data = torch.empty(len(buffer) + seed, dtype=buffer.dtype)
            elif change == "shared":
                buffer.data = torch.from_numpy(memory[name][: 8 + 8 * seed]).view(buffer.dtype)
            model[1].get_buffer(name).random_(0, 9, generator=torch.Generator().manual_seed(seed))
        before = {name: buffer.clone() for name, buffer in model[1].named_buffers()}
        cam(IMAGES, 1)
        for name, buffer in model[1].named_buffers():
            assert torch.equal(buffer, before[name]), (name, seed)


def guarded(base: Any) -> Any:
    """Return a kind of container whose own methods do other things than to hand out what is in it."""

    def refuse(*given: Any) -> Any:
        raise AssertionError("a method of the user's container was called")

    names = {*dir(base)} & {
        "__getitem__", "__setitem__", "__delitem__", "__iter__", "__len__", "__contains__", "__eq__", "items", "keys",
        "values", "get", "clear", "update", "extend", "issuperset", "copy", "pop",
    }  # fmt: skip
    return type("Guarded", (base,), {**dict.fromkeys(names, refuse), "__hash__": object.__hash__})


@pytest.mark.parametrize("is_script", [False, True], ids=["on the model", "in the script"])
@pytest.mark.parametrize(
    ("base", "filled", "write"),
    [
        (dict, {"a": 1}, lambda it: (dict.__setitem__(it, "a", 2), dict.__setitem__(it, "b", 3))),
        (OrderedDict, {"a": 1, "b": 2}, lambda it: OrderedDict.move_to_end(it, "a")),
        (defaultdict, (), lambda it: defaultdict.__setitem__(it, "a", 2)),
        (list, [1, 2], lambda it: list.append(it, 3)),
        (deque, [1, 2], lambda it: deque.append(it, 3)),
        (set, {1, 2}, lambda it: set.add(it, 3)),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_containers_with_methods_of_their_own_are_put_back_without_them(
    base: Any, filled: Any, write: Any, is_script: bool
) -> None:
    held = guarded(base)()
    if isinstance(filled, dict):
        for key, value in filled.items():
            base.__setitem__(held, key, value)
    else:
        (base.update if base is set else getattr(base, "extend", lambda *_: None))(held, filled)
    before = list(base.items(held)) if issubclass(base, dict) else list(base.__iter__(held))

    class Keeping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.held = None if is_script else held

        def forward(self, x: Tensor) -> Tensor:
            write(held)
            return x

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CAM(network(Keeping()), "0")(IMAGES, 1)
    assert (list(base.items(held)) if issubclass(base, dict) else list(base.__iter__(held))) == before


def test_a_parameter_that_only_a_later_pass_writes_to_is_said() -> None:
    class Later(Averaging):
        def forward(self, x: Tensor) -> Tensor:
            if self.is_on:
                self.average.add_(1)
            return x

    model = network(Later())
    model[1].is_on = False
    cam = CAM(model, "0")
    cam(IMAGES, 1)
    model[1].is_on = True
    with pytest.warns(UserWarning, match=r"wrote to its parameters '1.average', which are not copied"):
        cam(IMAGES, 1)


class Cached(nn.Module):
    """As LeViT: in evaluation mode what the weight becomes is kept until `train()`."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.cache = nn.Parameter(torch.ones(4)), {}

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return x * self.weight[:, None, None]
        if "weight" not in self.cache:
            self.cache["weight"] = self.weight.detach().clone()
        return x * self.cache["weight"][:, None, None]


def test_a_map_does_not_use_what_an_earlier_one_left() -> None:
    model = network(Cached()).train()
    cam = CAM(model, "0")
    first = cam(IMAGES, 1).scores
    with torch.no_grad():
        model[1].weight.mul_(3)
    assert not model[1].cache
    assert not torch.allclose(cam(IMAGES, 1).scores, first)


def test_hooks_of_the_users_own_fire_and_keep_no_values() -> None:
    """A hook may be part of the model: the older weight norm computes the weight in one."""
    model, means, count = network(nn.Identity()), [], []

    def hook(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        means.append(output.mean())
        count.append(len(output))
        return 2 * output

    plain = CAM(model, "0")(IMAGES, 1).scores
    model[0].register_forward_hook(hook)
    assert not torch.allclose(CAM(model, "0")(IMAGES, 1).scores, plain)
    assert means == []
    assert set(count) == {2}, "what is no number of the pass stays: how often, how many"


def test_lazy_layers_that_have_not_run_are_refused_in_words() -> None:
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    with pytest.raises(ValueError, match="lazy layers have run"):
        CAM(model)(IMAGES)
    model(IMAGES)
    assert CAM(model)(IMAGES).layers


def test_scripted_parts_get_no_hook_and_the_map_is_found() -> None:
    part = torch.jit.script(nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU()))
    model = nn.Sequential(nn.Conv2d(3, 4, 3), part, nn.Conv2d(4, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    result = CAM(model)(IMAGES, 1)
    assert float(result.maps["grad_cam", result.layers[0]].abs().max()) > 0
    with torch.no_grad(), CAM(model).capture() as capture:
        model(IMAGES)
    assert capture.result(1).layers == result.layers
    assert not any(module._forward_hooks for module in model if not isinstance(module, torch.jit.ScriptModule))


def test_what_goes_wrong_in_a_capture_is_said_by_its_result() -> None:
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 144, 3))
    with CAM(flat).capture() as capture:
        scores = flat(IMAGES)
    scores.sum().backward()
    with pytest.raises(ValueError, match=r"more than one cell|layer"):
        capture.result()


@pytest.mark.parametrize(
    ("source", "draw"),
    [("torch", lambda: float(torch.rand(1))), ("numpy", np.random.rand), ("python", random.random)],
)
def test_another_threads_random_numbers_stay_as_they_are(source: str, draw: Any) -> None:
    model, is_done = network(nn.Identity()), threading.Event()
    for seed in (torch.manual_seed, np.random.seed, random.seed):
        seed(0)
    alone = [draw() for _ in range(3000)]
    for seed in (torch.manual_seed, np.random.seed, random.seed):
        seed(0)
    drawn: list[float] = []

    def keep_drawing() -> None:
        for _ in range(3000):
            drawn.append(draw())
            is_done.wait(0 if len(drawn) % 20 else 1e-4)

    thread = threading.Thread(target=keep_drawing)
    thread.start()
    while thread.is_alive():
        CAM(model, "0")(IMAGES, 1)
    thread.join()
    assert drawn == alone


def test_a_model_that_draws_has_the_states_put_back() -> None:
    class Noisy(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * torch.rand(1) * np.random.rand() * random.random()

    model = network(Noisy())
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    CAM(model, "0")(IMAGES, 1)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert np.array_equal(np.random.get_state()[1], states[2])
    assert room.MODELS.known(model).draws == {"torch", "numpy", "python"}


def test_two_threads_that_explain_one_model_take_turns() -> None:
    model = network(nn.BatchNorm2d(4)).train()
    expected = CAM(model, "0")(IMAGES, 1).maps["grad_cam", "0"]
    found: list[Tensor] = []

    def explain() -> None:
        cam = CAM(model, "0")
        found.extend(cam(IMAGES, 1).maps["grad_cam", "0"] for _ in range(10))

    threads = [threading.Thread(target=explain) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 30
    assert all(torch.equal(maps, expected) for maps in found)
    assert all(module.training for module in model.modules())


def test_a_model_that_another_thread_does_not_give_back_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "WAIT_SECONDS", 0.05)
    model, is_in, may_end = network(nn.Identity()), threading.Event(), threading.Event()

    def hold() -> None:
        with CAM(model, "0").capture():
            is_in.set()
            may_end.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    is_in.wait()
    try:
        with pytest.raises(RuntimeError, match="another thread has been explaining it"):
            CAM(model, "0")(IMAGES, 1)
    finally:
        may_end.set()
        thread.join()
    assert CAM(model, "0")(IMAGES, 1).layers == ("0",)
