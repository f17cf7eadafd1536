"""A checkpoint that tries to run code runs none: five kinds of pickles, each of which would leave a file behind."""

from __future__ import annotations

import builtins
import functools
import os
import pickle
import subprocess
import types
from pathlib import Path
from typing import Any

import pytest
import torch

from tensorboard_plugin_gradcam.replaying import RefusedCheckpoint
from tensorboard_plugin_gradcam.replaying.inert import Inert, load_inert, load_trusted, module_state, plain, unpickled
from tests.replaying.saved import equal, network, trained


class Reduces:
    """Calls a function when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


class SetsState:
    """Leaves a file when its state is set."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __setstate__(self, state: dict[str, Any]) -> None:
        Path(state["path"]).touch()


class Leaf(torch.nn.Module):
    """A user's own layer, whose class must not be made."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.weight, self.path = torch.nn.Parameter(torch.ones(2)), path

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        Path(state["path"]).touch()


def attacks(mark: str) -> dict[str, Any]:
    """Return objects that leave a file at `mark` when Python unpickles them."""
    return {
        "a shell": Reduces(os.system, f"touch {mark}"),
        "a process": Reduces(subprocess.check_call, ["touch", mark]),
        "an expression": Reduces(builtins.eval, f"open({mark!r}, 'w')"),
        "an object's own state": SetsState(mark),
        "a whole module": Leaf(mark),
        "a partial function": Reduces(functools.partial, os.mkdir, mark),
        "a pickle within": Reduces(pickle.loads, pickle.dumps(Reduces(os.mkdir, mark))),
    }


KINDS = sorted(attacks(""))
# torch blocks the module `os` outright, and reads no module of the format before 1.6.
REFUSED = {
    ("a shell", False), ("a shell", True), ("a partial function", False), ("a partial function", True),
    ("a whole module", True),
}  # fmt: skip


@pytest.mark.parametrize("is_old", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_pickle_that_tries_to_run_code_runs_none(tmp_path, kind, is_old):
    mark, path = tmp_path / "mark", tmp_path / "model.pt"
    content = {"state_dict": trained(0).state_dict(), "other": attacks(str(mark))[kind]}
    torch.save(content, path, _use_new_zipfile_serialization=not is_old)

    if (kind, is_old) in REFUSED:
        with pytest.raises(RefusedCheckpoint, match="--trust"):
            load_inert(str(path))
    else:
        found = load_inert(str(path))
        assert isinstance(found["other"], Inert)
        assert torch.equal(found["state_dict"]["0.weight"], trained(0).state_dict()["0.weight"])
    assert not mark.exists()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "a partial function"])
def test_the_same_pickles_run_where_code_is_trusted(tmp_path, kind):
    mark, path = tmp_path / "mark", tmp_path / "model.pt"
    torch.save({"other": attacks(str(mark))[kind]}, path)
    load_trusted(str(path))
    assert mark.exists()


def test_a_plain_pickle_reaches_no_class(tmp_path):
    mark = tmp_path / "mark"
    for attack in attacks(str(mark)).values():
        with_code = pickle.dumps({"other": attack}) if not isinstance(attack, torch.nn.Module) else pickle.dumps({})
        unpickled(with_code)
    assert not mark.exists()
    assert isinstance(unpickled(pickle.dumps(types.SimpleNamespace(a=1))), Inert)


def test_a_whole_module_gives_its_weights_without_its_class(tmp_path):
    torch.save({"ema": trained(1)}, tmp_path / "whole.pt")
    found = load_inert(str(tmp_path / "whole.pt"))["ema"]
    model = network()
    model.load_state_dict(module_state(found))
    assert equal(model, trained(1))


def test_buffers_that_are_not_saved_are_left_out(tmp_path):
    model = torch.nn.BatchNorm2d(2)
    model.register_buffer("passing", torch.ones(1), persistent=False)
    torch.save(model, tmp_path / "whole.pt")
    assert list(module_state(load_inert(str(tmp_path / "whole.pt")))) == list(model.state_dict())


def test_numbers_of_numpy_are_read_without_numpy_being_called(tmp_path):
    import numpy as np

    torch.save({"epoch": np.int64(7), "metric": np.float64(0.25), "size": torch.tensor(3)}, tmp_path / "c.pt")
    found = load_inert(str(tmp_path / "c.pt"))
    assert [plain(found[key]) for key in ("epoch", "metric", "size")] == [7, 0.25, 3]


@pytest.mark.parametrize("data", [b"", b"no checkpoint", b"PK\x03\x04 and no more", bytes(64)])
def test_what_is_no_checkpoint_is_refused_in_words(tmp_path, data):
    (tmp_path / "c.pt").write_bytes(data)
    with pytest.raises(RefusedCheckpoint):
        load_inert(str(tmp_path / "c.pt"))
