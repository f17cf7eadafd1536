"""`Snapshot`: what a forward pass could change on a model, and how that is put back.

No list of layers that need it: whatever can be reached from the model's modules is looked at. Their attributes and
classes, the containers and objects they hold, functions and hooks with what these close over or name. Containers and
attributes are copied shallowly, and put back where they hold something else afterwards; tensors and arrays keep their
identity and get their values back.
"""

from __future__ import annotations

import array
import contextlib
import dis
import functools
import random
import types
import warnings
import weakref
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy, deepcopy
from itertools import chain, compress, count, cycle, filterfalse
from operator import is_
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedTensorMixin  # type: ignore[attr-defined]

from .tensors import TensorStates, Views

_PACKAGE = __name__.partition(".")[0]

# What can't change: nothing is behind it, or nothing that a forward pass writes.
_FIXED: frozenset[type] = frozenset(
    {
        type(None), bool, int, float, complex, str, bytes, range, slice, type(Ellipsis), type(NotImplemented),
        torch.Size, torch.dtype, torch.device, torch.layout, torch.memory_format, types.ModuleType,
        types.BuiltinFunctionType, types.CodeType, types.FrameType, types.GeneratorType, types.CoroutineType,
        weakref.ReferenceType, weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet,
    }
)  # fmt: skip
# What belongs to the training: it leads to all of the data, or to all of the weights again.
_TRAINING = (
    torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler, torch.utils.data.Dataset, torch.utils.data.DataLoader,
)  # fmt: skip
_PLAIN = (type(None), bool, int, str, bytes, type, torch.dtype, torch.device)
_ITERATORS: tuple[type, ...] = (count, cycle, type(iter([])), type(iter(())), type(iter(range(0))))
_EMPTY = frozenset({dict, OrderedDict, list, set, deque})
_TENSORS = frozenset({Tensor, nn.Parameter})
_COUNTERS = frozenset(_ITERATORS)
_KNOWN = _FIXED | _EMPTY | _TENSORS
MAX_ITEMS = 10_000  # of a container, to be looked into: a vocabulary is copied, not its words
MAX_OBJECTS = 20_000  # that are no modules; those next to the modules come first

Restore = Callable[[], None]


class _Masks(NamedTuple):
    """Which of many values have to be looked at, by their types: a one for each of them, else a zero."""

    kinds: list[type]
    containers: bytes  # which are empty or not
    tensors: bytes
    others: bytes
    has_counters: bool

    @classmethod
    def of(cls, kinds: list[type]) -> _Masks:
        """Sort values of these types."""
        found = set(kinds)
        others = found - _KNOWN
        return cls(
            kinds,
            bytes(map(_EMPTY.__contains__, kinds)),
            bytes(map(_TENSORS.__contains__, kinds)) if found & _TENSORS else b"",
            bytes(map(others.__contains__, kinds)) if others else b"",
            not _COUNTERS.isdisjoint(found),
        )


class Earlier:
    """What snapshots of a model find again each time: its memory as numbers, and the types of what it holds."""

    def __init__(self) -> None:
        self.views = Views()
        self._masks: list[_Masks] = []

    def masks(self, kinds: list[type]) -> _Masks:
        """Sort values by their types."""
        for masks in self._masks:
            if masks.kinds == kinds:
                return masks
        masks = _Masks.of(kinds)
        self._masks = [masks, *self._masks[:3]]
        return masks


class Snapshot:
    """The state of a model and of what it holds, from when this is made.

    Args:
        model: is looked at, with all that can be reached from it.
        written: parameters that forward passes of this model are known to write to; others are not copied.
        earlier: what earlier snapshots of the model found, which makes this one quicker.

    Attributes:
        modules: the model and the modules in it.
        has_lazy_tensors: whether something has no shape yet.
    """

    def __init__(self, model: nn.Module, written: Iterable[Tensor] = (), earlier: Earlier | None = None) -> None:
        earlier = earlier or Earlier()
        self.modules: list[nn.Module] = []
        self.has_lazy_tensors = False
        self._dicts: list[tuple[dict[Any, Any], dict[Any, Any]]] = []
        self._empty: list[Any] = []
        self._restores: list[Restore] = []
        self._classes: list[tuple[Any, type]] = []
        tensors: dict[int, Tensor] = {}
        _Walk(self, tensors, earlier).of(model)
        self._tensors = TensorStates(tensors.values(), model, written, earlier.views)

    def restore(self) -> None:
        """Put everything back; what did not change is not touched. May be called again."""
        problems: list[Exception] = []
        for item in filter(None, self._empty):
            item.clear()
        for live, saved in self._dicts:
            # Compared here, in place: this runs for each module after each map.
            if (
                type(live) is not dict
                or len(live) != len(saved)
                or not all(map(is_, live.values(), saved.values()))
                or list(live) != list(saved)
            ):
                _restore_dict(live, saved)
        for restore in self._restores:
            try:
                restore()
            except Exception as error:  # an object that can't be written to keeps nothing else from being put back
                problems.append(error)
        for item, own in self._classes:
            if type(item) is not own:
                item.__class__ = own
        self._tensors.restore()
        if problems:
            warnings.warn(
                f"not everything that the forward pass changed could be restored: {problems[0]!r}", stacklevel=2
            )

    @property
    def tensors(self) -> TensorStates:
        """The tensors among it."""
        return self._tensors


# Containers are read and written by the methods of these, never by those of the user's own classes, whose
# `__getitem__` may make something; an `OrderedDict` keeps a list beside that must go along.
_BASES: tuple[type[Any], ...] = (OrderedDict, dict, list, deque, set)


def _base_of(items: Any) -> Any:
    return dict if type(items) is dict else next(base for base in _BASES if isinstance(items, base))


def _copy_of(items: Any) -> dict[Any, Any]:
    return dict(_base_of(items).items(items))


def _restore_dict(live: dict[Any, Any], saved: dict[Any, Any]) -> None:
    base = _base_of(live)
    if (
        base.__len__(live) != len(saved)
        or not all(map(is_, base.values(live), saved.values()))
        or list(base.__iter__(live)) != list(saved)
    ):
        _refill(live, _copy_of(live), saved)


def _refill(live: dict[Any, Any], now: dict[Any, Any], saved: dict[Any, Any]) -> None:
    base = _base_of(live)
    for key in [key for key in now if key not in saved]:
        base.__delitem__(live, key)
        del now[key]
    if list(now) != list(saved):  # in their order, which a model's state has too; never empty on the way
        for key, value in saved.items():
            if key in now:
                base.__delitem__(live, key)
            base.__setitem__(live, key, value)
        return
    for key, value in saved.items():
        if now[key] is not value:
            base.__setitem__(live, key, value)


class _Walk:
    """Visit what can be reached from a model, each thing once: first modules and what they hold, then the rest."""

    def __init__(self, into: Snapshot, tensors: dict[int, Tensor], earlier: Earlier) -> None:
        self._into, self._tensors, self._earlier = into, tensors, earlier
        self._seen: set[int] = set()
        self._kinds: set[type] = set()  # classes that were looked at, with their bases
        self._alive: list[Any] = []  # so that no id is given again
        self._near: list[Any] = []
        self._far: deque[Any] = deque()
        self._functions: deque[Any] = deque()  # the model's own, and what these lead to
        self._hooked: deque[Any] = deque()  # what hooks lead to
        self._hooks: set[int] = set()  # functions that are hooks
        self._visits: dict[type, Callable[[Any], None] | None] = {}
        self._is_lenient = False

    def of(self, model: nn.Module) -> None:
        self._near.append(model)
        objects = 0
        while objects < MAX_OBJECTS:
            if self._near:
                item = self._near.pop()
            elif self._far:
                item, objects = self._far.popleft(), objects + 1
            elif self._functions:
                item, objects = self._functions.popleft(), objects + 1
            elif self._hooked:
                item, objects, self._is_lenient = self._hooked.popleft(), objects + 1, True
            else:
                break
            if id(item) in self._seen:
                continue
            self._seen.add(id(item))
            self._alive.append(item)
            kind = type(item)
            if kind not in self._visits:
                self._visits[kind] = self._visit_of(item)
            visit = self._visits[kind]
            if visit is not None:
                visit(item)

    def _visit_of(self, item: Any) -> Callable[[Any], None] | None:
        if isinstance(item, UninitializedTensorMixin):
            self._into.has_lazy_tensors = True
        for kinds, visit in (
            (_FIXED, None),
            ((Tensor,), self._tensor),
            ((nn.Module,), self._module),
            ((dict,), self._dict),
            ((list, deque, set), self._container),
            ((bytearray, array.array), self._numbers),
            ((tuple, frozenset), self._items),
            ((np.ndarray,), self._array),
            ((types.FunctionType,), self._function),
            ((types.MethodType,), self._method),
            ((functools.partial,), self._partial),
            ((torch.Generator,), self._generator),
            ((np.random.Generator, np.random.BitGenerator), self._numpy_generator),
            ((np.random.RandomState, random.Random), self._legacy_generator),
            (_ITERATORS, None),
            ((type, *_TRAINING, *_FIXED), None),
        ):
            if type(item) in kinds or isinstance(item, tuple(kinds)):
                return visit
        return self._object if hasattr(item, "__dict__") or _slots(type(item)) else None

    def _attributes(self, values: dict[Any, Any]) -> None:
        self._into._dicts.append((values, dict(values)))
        if self._look_at(values.values()):
            self._counters(values)

    def _look_at(self, values: Iterable[Any]) -> bool:
        """Visit values later, or keep in mind that they are empty; say whether there are counters among them."""
        near, empty, has_counters = self._near, self._into._empty, False
        for value in values:
            kind = type(value)
            if kind in _FIXED:
                continue
            if kind in _EMPTY and not value:
                empty.append(value)
            else:
                near.append(value)
                has_counters |= kind in _ITERATORS
        return has_counters

    def _counters(self, items: dict[Any, Any]) -> None:
        """Put fresh iterators in the place of those that went on, for they can't be set back."""
        for key, value in _copy_of(items).items():
            if type(value) in _ITERATORS:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # they can't be copied from Python 3.14 on
                    with contextlib.suppress(TypeError):
                        fresh = deepcopy(value) if type(value) is cycle else copy(value)
                        self._into._restores.append(functools.partial(_restore_iterator, items, key, fresh))

    def _module(self, module: nn.Module) -> None:
        """Look at a module and the modules in it, all together: nearly all that they hold is fixed or empty."""
        modules = self._unseen(module)
        self._into.modules = self._into.modules or modules
        kinds = list(map(type, modules))
        self._into._classes += zip(modules, kinds, strict=True)
        attributes = list(map(vars, modules))
        filled = self._shallow(attributes)
        registered: list[Any] = []  # mostly those of parameters, buffers and modules
        others: list[Any] = []
        for items in filled:
            is_small = type(items) is dict and len(items) <= MAX_ITEMS and not self._is_lenient
            (registered if is_small and id(items) not in self._seen else others).append(items)
        if others:
            self._near += others
            for name in _HOOKS:
                for hooks in filter(None, (own.get(name) for own in attributes)):
                    self._hooks.update(map(id, hooks.values()))
        self._seen.update(map(id, registered))
        self._near += self._shallow(registered)
        for kind in dict.fromkeys(kinds):
            if not issubclass(kind, torch.jit.ScriptModule):
                self._class(kind)
        for scripted in modules:
            if isinstance(scripted, torch.jit.ScriptModule):
                self._scripted(scripted)

    def _unseen(self, module: nn.Module) -> list[nn.Module]:
        """Return a module and those registered in it which were not looked at yet."""
        modules, waiting = [module], [module]
        while waiting:
            for child in waiting.pop()._modules.values():
                if child is not None and id(child) not in self._seen:
                    self._seen.add(id(child))
                    modules.append(child)
                    waiting.append(child)
        self._alive += modules
        return modules

    def _shallow(self, dicts: list[dict[str, Any]]) -> list[Any]:
        """Keep dictionaries and look at what is in them; return the containers among it that are not empty."""
        self._into._dicts += zip(dicts, map(dict.copy, dicts), strict=True)  # which shares the keys of attributes
        values = list(chain.from_iterable(map(dict.values, dicts)))
        masks = self._earlier.masks(list(map(type, values)))
        containers = list(compress(values, masks.containers))
        self._into._empty += filterfalse(None, containers)
        if masks.tensors:
            self._look_at_tensors(list(compress(values, masks.tensors)))
        self._near += [
            value
            for value in compress(values, masks.others)
            if id(value) not in self._seen and not (type(value) is tuple and _FIXED.issuperset(map(type, value)))
        ]
        if masks.has_counters:
            for items in dicts:
                self._counters(items)
        return list(filter(None, containers))

    def _class(self, kind: type, is_module: bool = True) -> None:
        if kind in self._kinds:
            return
        self._kinds.add(kind)
        for base in kind.__mro__:
            if id(base) in self._seen or base.__module__.partition(".")[0] in ("torch", "builtins", "typing", "abc"):
                continue
            self._seen.add(id(base))
            own = dict(vars(base))
            self._into._restores.append(functools.partial(_restore_class, base, own))
            for name, value in own.items():
                value = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
                if isinstance(value, types.FunctionType):
                    if is_module:
                        self._functions.append(value)
                elif isinstance(value, type):
                    if value.__module__ == base.__module__:
                        self._class(value, is_module=False)
                elif not name.startswith("__"):
                    self._look_at([value])

    def _scripted(self, module: Any) -> None:
        """Keep the attributes of a scripted module, which Python sees only one by one."""
        state = getattr(module, "_c", None)
        if state is None:
            return
        saved: dict[str, Any] = {}
        for name in _scripted_names(module):
            value = state.getattr(name)
            if isinstance(value, Tensor):
                self._near.append(value)
                saved[name] = value
            elif isinstance(value, (bool, int, float, str, list, dict, tuple)):
                saved[name] = value.copy() if isinstance(value, (list, dict)) else value
        self._alive.append(saved)
        self._into._restores.append(functools.partial(_restore_scripted, state, saved))

    def _dict(self, items: dict[Any, Any]) -> None:
        saved = _copy_of(items)
        if self._is_lenient:
            self._into._restores.append(functools.partial(_restore_leniently, items, saved))
        else:
            self._into._dicts.append((items, saved))
        if len(saved) <= MAX_ITEMS and self._look_at(saved.values()):
            self._counters(items)
        if type(items) is not dict and hasattr(items, "__dict__"):
            self._attributes(vars(items))

    def _container(self, items: Any) -> None:
        saved = list(_base_of(items).__iter__(items))
        restore = _restore_leniently if self._is_lenient else _restore_container
        self._into._restores.append(functools.partial(restore, items, saved))
        if len(saved) <= MAX_ITEMS:
            self._look_at(saved)
        if hasattr(items, "__dict__"):
            self._attributes(vars(items))

    def _numbers(self, numbers: Any) -> None:
        saved = numbers[:]

        def restore() -> None:
            if numbers != saved:
                numbers[:] = saved

        self._into._restores.append(restore)

    def _items(self, items: Any) -> None:
        if len(items) <= MAX_ITEMS:
            self._look_at(items)

    def _tensor(self, tensor: Tensor) -> None:
        self._look_at_tensors([tensor])

    def _look_at_tensors(self, tensors: list[Tensor]) -> None:
        self._tensors.update(zip(map(id, tensors), tensors, strict=True))
        attributes = [tensor.__dict__ for tensor in tensors]
        self._into._empty += filterfalse(None, attributes)
        for filled in filter(None, attributes):
            self._attributes(filled)
        self._near += [tensor.grad for tensor in tensors if tensor.is_leaf and tensor.grad is not None]

    def _array(self, array: Any) -> None:
        if array.dtype == object and array.size <= MAX_ITEMS:
            self._look_at(array.ravel().tolist())
        if array.dtype.hasobject or not array.flags.writeable or array.nbytes > 2**28:
            return
        saved = array.copy()

        def restore() -> None:
            if array.tobytes() != saved.tobytes():
                array[...] = saved

        self._into._restores.append(restore)

    def _generator(self, generator: torch.Generator) -> None:
        state = generator.get_state()
        if generator is not torch.default_generator and generator not in torch.cuda.default_generators:
            self._into._restores.append(functools.partial(_set_state, generator, state))

    def _numpy_generator(self, generator: Any) -> None:
        bits = getattr(generator, "bit_generator", generator)
        state = bits.state

        def restore() -> None:
            bits.state = state

        self._into._restores.append(restore)

    def _legacy_generator(self, generator: Any) -> None:
        if generator is getattr(np.random.mtrand, "_rand", None) or generator is getattr(random, "_inst", None):
            return  # the process's own
        if isinstance(generator, random.SystemRandom):
            return
        if isinstance(generator, random.Random):
            state = generator.getstate()
            self._into._restores.append(lambda: generator.setstate(state))
        else:
            self._into._restores.append(functools.partial(generator.set_state, generator.get_state()))

    def _function(self, function: Any) -> None:
        if _is_ours(function):
            return
        code, names = function.__code__, function.__globals__
        is_hook = self._is_lenient or id(function) in self._hooks
        own = frozenset() if is_hook else _stored(code)
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            self._cell(cell, name in own, is_hook)
        found = {name: names[name] for name in code.co_names if name in names}
        kept = {name: value for name, value in found.items() if _is_state(value, names.get("__name__"))}
        if kept:
            self._into._restores.append(functools.partial(_restore_names, names, kept, own))
        held = [*kept.values(), *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        self._later([*held, *vars(function).values()], is_hook)
        if not is_hook:
            for name in code.co_names:
                kind = names.get(name)
                if isinstance(kind, type) and kind.__module__ == names.get("__name__"):
                    self._class(kind, is_module=False)
            attributes = vars(function)
            self._into._dicts.append((attributes, dict(attributes)))

    def _cell(self, cell: Any, is_own: bool, is_hook: bool) -> None:
        try:
            value = cell.cell_contents
        except ValueError:  # empty
            return
        if type(value) not in (types.FunctionType, type):

            def restore() -> None:
                if cell.cell_contents is not value and (is_own or not _is_plain(cell.cell_contents)):
                    cell.cell_contents = value

            self._into._restores.append(restore)
        self._later([value], is_hook)

    def _later(self, values: Iterable[Any], is_hook: bool) -> None:
        queue = self._hooked if is_hook else self._functions
        queue.extend(value for value in values if type(value) not in _FIXED and not isinstance(value, type))

    def _method(self, method: Any) -> None:
        if not _is_ours(method.__func__) and not _is_ours(method.__self__):
            self._far.append(method.__self__)
            self._later([method.__func__], self._is_lenient or id(method) in self._hooks)

    def _partial(self, partial: Any) -> None:
        self._later([partial.func], self._is_lenient or id(partial) in self._hooks)
        self._look_at([*partial.args, *partial.keywords.values()])

    def _object(self, item: Any) -> None:
        if _is_ours(item):
            return
        values = getattr(item, "__dict__", None)
        held = [*(values.values() if isinstance(values, dict) else ()), *_slot_values(item).values()]
        if any(_is_of_threads(value) for value in held):
            return  # others than the model's forward pass write to it, perhaps now
        self._class(type(item), is_module=False)
        if isinstance(values, dict):
            self._into._dicts.append((values, dict(values)))
            self._counters(values)
        slots = _slot_values(item)
        if slots:
            self._into._restores.append(functools.partial(_restore_slots, item, slots))
        for value in held:
            if type(value) in _FIXED:
                continue
            if type(value) in _EMPTY and not value:
                self._into._empty.append(value)
            elif isinstance(value, (nn.Module, Tensor, dict, list, set, deque, tuple, torch.Generator)):
                self._near.append(value)
            else:
                self._far.append(value)


_HOOKS = (
    "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks", "_state_dict_hooks",
    "_state_dict_pre_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks",
)  # fmt: skip


@functools.lru_cache(maxsize=4096)
def _stored(code: types.CodeType) -> frozenset[str]:
    """Return the names outside of a function that it assigns to itself, by `nonlocal` or `global`: its own state."""
    found = dis.get_instructions(code)
    return frozenset(one.argval for one in found if one.opname in ("STORE_DEREF", "STORE_GLOBAL"))


def _is_ours(item: Any) -> bool:
    """Say whether a function or an object is this package's, such as a hook that is being used now."""
    module = getattr(item, "__module__", None) or ""
    return isinstance(module, str) and module.partition(".")[0] == _PACKAGE


_LOCKS = ("_thread.lock", "_thread.RLock", "threading.Thread", "threading.Condition", "_queue.SimpleQueue")


def _is_of_threads(value: Any) -> bool:
    return any(f"{base.__module__}.{base.__qualname__}" in _LOCKS for base in type(value).__mro__)


def _is_state(value: Any, module: Any) -> bool:
    """Say whether what a function names may be its state: values and containers, and objects made from its own file."""
    if isinstance(value, (types.ModuleType, type, types.FunctionType, types.BuiltinFunctionType)):
        return False
    if isinstance(value, (dict, list, set, deque, Tensor, np.ndarray, nn.Module, torch.Generator, random.Random)):
        return True
    return type(value) in _FIXED or type(value).__module__ in (module, "numpy.random._generator")


def _is_plain(value: Any, depth: int = 3) -> bool:
    """Say whether a value is a count, a name, a shape: no number that a forward pass computed."""
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        return depth > 0 and all(_is_plain(item, depth - 1) for item in value)
    if isinstance(value, Mapping):
        return depth > 0 and all(_is_plain(item, depth - 1) for item in value.values())
    return isinstance(value, _PLAIN)


def _set_state(generator: torch.Generator, state: Tensor) -> None:
    generator.set_state(state)


def _restore_leniently(items: Any, saved: Any) -> None:
    """Put a container back that a function outside of the model fills, where computed values were put into it."""
    is_dict = isinstance(items, dict)
    now = list(_copy_of(items).values() if is_dict else _base_of(items).__iter__(items))
    before = list(saved.values()) if isinstance(saved, dict) else saved
    if len(now) == len(before) and all(map(is_, now, before)):
        return
    known = Counter(map(id, before))
    added = []
    for value in now:
        known[id(value)] -= 1
        if known[id(value)] < 0:
            added.append(value)
    if added and all(map(_is_plain, added)):
        return
    if is_dict:
        _restore_dict(items, saved)
    else:
        _restore_container(items, saved)


def _restore_container(items: Any, saved: list[Any]) -> None:
    base = _base_of(items)
    now = list(base.__iter__(items))
    if base is set:
        if len(now) != len(saved) or not set(now).issuperset(saved):
            set.clear(items)
            set.update(items, saved)
    elif len(now) != len(saved) or not all(map(is_, now, saved)):
        if base is deque:
            deque.clear(items)
            deque.extend(items, saved)
        else:
            list.__setitem__(items, slice(None), saved)


def _restore_iterator(items: dict[Any, Any], key: Any, fresh: Any) -> None:
    base = _base_of(items)
    if base.__contains__(items, key):
        base.__setitem__(items, key, copy(fresh) if not isinstance(fresh, cycle) else fresh)


def _restore_names(names: dict[str, Any], kept: dict[str, Any], own: frozenset[str]) -> None:
    for name, value in kept.items():
        if name in names and names[name] is not value and (name in own or not _is_plain(names[name])):
            names[name] = value


def _restore_class(kind: type, own: dict[str, Any]) -> None:
    now = vars(kind)
    if len(now) == len(own) and all(map(is_, now.values(), own.values())):
        return
    for name in [name for name in now if name not in own]:
        delattr(kind, name)
    for name, value in own.items():
        if now.get(name) is not value:
            setattr(kind, name, value)


def _scripted_names(module: Any) -> Iterator[str]:
    """Yield the names of a scripted module's attributes, buffers among them."""
    yield from (name for name, _ in module.named_buffers(recurse=False))
    concrete = getattr(module, "_concrete_type", None)
    if concrete is not None:
        known = concrete.get_attributes()
        yield from (name for name in known if module._c.hasattr(name))
    if module._c.hasattr("training"):
        yield "training"


def _restore_scripted(state: Any, saved: dict[str, Any]) -> None:
    for name, value in saved.items():
        now = state.getattr(name)
        if isinstance(value, Tensor):
            if now.data_ptr() != value.data_ptr() or now.shape != value.shape:
                state.setattr(name, value)
        elif now != value:
            state.setattr(name, value)


def _slots(kind: type) -> tuple[str, ...]:
    """Return the names of a class's slots; none of classes that are written in C."""
    names: list[str] = []
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        names += [slots] if isinstance(slots, str) else list(slots)
    return tuple(name for name in names if not name.startswith("__"))


def _slot_values(item: Any) -> dict[str, Any]:
    names = _slots(type(item))
    return {name: getattr(item, name) for name in names if hasattr(item, name)} if names else {}


def _restore_slots(item: Any, saved: dict[str, Any]) -> None:
    for name in _slots(type(item)):
        if name not in saved:
            if hasattr(item, name):
                object.__delattr__(item, name)
        elif getattr(item, name, _restore_slots) is not saved[name]:
            object.__setattr__(item, name, saved[name])
