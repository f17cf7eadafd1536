"""Reading pickles without running anything of them.

A pickle names classes and functions, and asks its reader to call them: whoever wrote it decides what runs. Here every
name that torch does not know itself is read as an `Inert` object, which keeps what it was given and does nothing. The
weights are tensors, which torch rebuilds under `weights_only`, so nothing that a replay needs is lost.

There is no second way in: what cannot be read like this is refused.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np

TRUST = (
    "pass trust=True (--trust) to unpickle it as Python does, which runs any code that the checkpoint names: "
    "do that only with files whose origin you trust"
)


class RefusedCheckpoint(ValueError):
    """A checkpoint that cannot be read without running its code."""


class Inert:
    """What stands in a pickle's place of an object: its class's name, arguments and state, and no behavior.

    Attributes:
        arguments: that its class or function would have been called with.
        attributes: that the object would have had.
        items: that would have been set in it, as in a mapping.
        elements: that would have been appended to it, as to a list.
    """

    of = ""  # qualified name of what it stands for

    def __new__(cls, *arguments: Any, **_: Any) -> Inert:
        """Keep the arguments."""
        inert = super().__new__(cls)
        inert.arguments = arguments
        inert.attributes = {}
        inert.items = {}
        inert.elements = []
        return inert

    arguments: tuple[Any, ...]
    attributes: dict[Any, Any]
    items: dict[Any, Any]
    elements: list[Any]

    def __init__(self, *_: Any, **__: Any) -> None:
        """Do nothing: `__new__` has the arguments."""

    def __setstate__(self, state: Any) -> None:
        """Keep the state: a mapping, or a pair of mappings where a class has slots."""
        parts = state if isinstance(state, tuple) else (state,)
        for part in parts:
            if isinstance(part, Mapping):
                self.attributes |= part
        if not all(part is None or isinstance(part, Mapping) for part in parts):
            self.attributes[""] = state

    def __setitem__(self, key: Any, value: Any) -> None:
        """Keep an item."""
        self.items[key] = value

    def append(self, value: Any) -> None:
        """Keep an element."""
        self.elements.append(value)

    def extend(self, values: Sequence[Any]) -> None:
        """Keep elements."""
        self.elements.extend(values)

    def __repr__(self) -> str:
        """Say what it stands for."""
        return f"<inert {self.of}>"

    @property
    def is_module(self) -> bool:
        """Whether it stands for a `torch.nn.Module`."""
        return {"_parameters", "_buffers", "_modules"} <= set(self.attributes)


def inert_class(name: str) -> type[Inert]:
    """Return the class whose objects stand for those of the class or function of that qualified name."""
    return type("Inert", (Inert,), {"of": name})


def load_inert(file: BinaryIO | str) -> Any:
    """Return what `torch.save` wrote, foreign objects being `Inert`; tensors are on the CPU.

    Raises:
        RefusedCheckpoint: it names what torch blocks outright (os, sys, ...), or is of no format that can be read so.
    """
    import torch

    known: dict[str, type[Inert]] = {}
    try:
        names = _foreign_names(file)
        stubs: list[Any] = [(known.setdefault(name, inert_class(name)), name) for name in names]
        with torch.serialization.safe_globals(stubs):
            return torch.load(file, map_location="cpu", weights_only=True, mmap=_can_map(file))
    except (pickle.UnpicklingError, NotImplementedError) as error:
        raise RefusedCheckpoint(
            f"it can't be read without running its code ({_first_sentence(error)}): {TRUST}"
        ) from error
    except (RuntimeError, EOFError, UnicodeDecodeError, IndexError, KeyError, TypeError, AttributeError) as error:
        if "TorchScript" in str(error):
            raise RefusedCheckpoint(
                "it is a scripted model, which is a program: save the state_dict() of the model that it was made from"
            ) from error
        raise RefusedCheckpoint(f"it is damaged or not a checkpoint ({_first_sentence(error)})") from error


def load_trusted(file: BinaryIO | str) -> Any:
    """Return what `torch.save` wrote, as Python's pickle reads it: runs the code that the file names."""
    import torch

    return torch.load(file, map_location="cpu", weights_only=False)


def unpickled(data: bytes) -> Any:
    """Return what a plain pickle holds, every object of a class being `Inert`."""
    return _Unpickler(io.BytesIO(data)).load()


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Return no class but an inert one: this is all that a pickle can reach."""
        return inert_class(f"{module}.{name}")


def plain(value: Any) -> Any:
    """Return a NumPy scalar, or a tensor of one element, as a number; anything else as it is."""
    if isinstance(value, Inert) and value.of.endswith(".multiarray.scalar") and len(value.arguments) == 2:
        dtype, data = value.arguments
        code = dtype.arguments[0] if isinstance(dtype, Inert) and dtype.arguments else ""
        data = data.encode("latin1") if isinstance(data, str) else data
        is_number = isinstance(code, str) and code[:1] in "iuf" and isinstance(data, bytes)
        return np.frombuffer(data, np.dtype(code))[0].item() if is_number else value
    if hasattr(value, "item") and getattr(value, "numel", lambda: 0)() == 1:
        return value.item()
    return value


def module_state(module: Inert) -> dict[str, Any]:
    """Return the `state_dict` of a pickled module: what its parameters and buffers hold, by their names."""
    return dict(_entries(module, ""))


def _entries(module: Inert, prefix: str) -> Iterator[tuple[str, Any]]:
    attributes = module.attributes
    passing = attributes.get("_non_persistent_buffers_set") or ()
    kept = {name: value for name, value in attributes["_buffers"].items() if name not in passing}
    for name, value in (attributes["_parameters"] | kept).items():
        if value is not None:
            yield f"{prefix}{name}", value
    for name, child in attributes["_modules"].items():
        if isinstance(child, Inert) and child.is_module:
            yield from _entries(child, f"{prefix}{name}.")


def _foreign_names(file: BinaryIO | str) -> list[str]:
    """Return the qualified names in a checkpoint that torch does not load by itself."""
    import torch

    if _is_zip(file):
        start = 0 if isinstance(file, str) else file.tell()
        names = list(torch.serialization.get_unsafe_globals_in_checkpoint(file))
        if not isinstance(file, str):
            file.seek(start)
        return names
    # The rest of torch's own names are torch's to judge.
    return [
        name for name in _names_before_1_6(file) if not name.startswith("torch.") or name.startswith("torch.nn.mod")
    ]


def _names_before_1_6(file: BinaryIO | str) -> list[str]:
    """Return the names in the pickles of which a file of the format before torch 1.6 consists."""
    if isinstance(file, str):
        with open(file, "rb") as opened:
            return _names_before_1_6(opened)
    start, names = file.tell(), []
    try:
        for _ in range(4):  # a magic number, a version, what kind of system, and the object
            for opcode, argument, _ in pickletools.genops(file):
                if opcode.name == "GLOBAL":
                    names += _spellings(*str(argument).split(" ", 1))
    except ValueError:
        pass  # no pickle: torch says so in its own words
    finally:
        file.seek(start)
    return list(dict.fromkeys(names))


def _spellings(module: str, name: str) -> list[str]:
    """Return a qualified name as pickles of protocol 2 give it, and as Python 3 has it: torch reads some as either."""
    now = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
    return [f"{module}.{name}", ".".join(now)]


def _is_zip(file: BinaryIO | str) -> bool:
    if isinstance(file, str):
        with open(file, "rb") as opened:
            return _is_zip(opened)
    start = file.tell()
    head = file.read(4)
    file.seek(start)
    return head == b"PK\x03\x04"


def _can_map(file: BinaryIO | str) -> bool:
    """Say whether a file's tensors can be read where they lie: what is not needed of it is then not read."""
    return isinstance(file, str) and _is_zip(file)


def _first_sentence(error: Exception) -> str:
    text = " ".join(str(error).partition("WeightsUnpickler error:")[2].split()) or " ".join(str(error).split())
    if "GLOBAL " in text:
        return f"it names {text.partition('GLOBAL ')[2].split()[0]}"
    return f"{type(error).__name__}: {text[:120]}" if text else type(error).__name__
