"""`TensorStates`: the values of a model's tensors before a forward pass, and how they are put back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter, eq
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedTensorMixin  # type: ignore[attr-defined]
from torch.utils._python_dispatch import TorchDispatchMode

MAX_BYTES = 2**28  # of a tensor's storage, to be copied
MAX_JOINED = 2**15 - 1  # elements that are copied and compared together: torch does as many in one thread
_version_of, _type_of = attrgetter("_version"), attrgetter("dtype")


class Views:
    """Small pieces of memory as numbers, kept from map to map: making such a view takes longer than copying it.

    A view keeps its memory from being freed and given to another tensor, so that the same address is the same memory.
    """

    def __init__(self) -> None:
        self._views: list[Tensor] = []
        self._sizes: list[int] = []
        self._joined: list[list[Tensor]] = []

    def of(self, tensors: Mapping[int, Tensor]) -> list[list[Tensor]]:
        """Return the memory of tensors, by address, as numbers: in one list what is to be copied together."""
        pointers, sizes = list(tensors), [tensor.untyped_storage().nbytes() for tensor in tensors.values()]
        # A storage can be resized in place, and then its views have other memory; two can share memory from outside.
        if sizes != self._sizes or list(map(Tensor.data_ptr, self._views)) != pointers:
            self._sizes, self._views = sizes, list(map(_bits, tensors.values()))
            self._joined = list(_joined(self._views))
        return self._joined


class TensorStates:
    """Which memory tensors use, its contents, and their version counters.

    Buffers and other tensors are copied, by storage: tensors that share memory are one thing, and keep it in common.
    Parameters are not, unless they are known to be written to; of the others a forward pass is watched for that.

    Args:
        tensors: of all kinds.
        model: knows the parameters' names.
        written: parameters that are copied too.
        views: from earlier maps of the model.
    """

    def __init__(
        self, tensors: Iterable[Tensor], model: nn.Module, written: Iterable[Tensor] = (), views: Views | None = None
    ) -> None:
        self._model = model
        self._tensors = [tensor for tensor in tensors if _can_be_kept(tensor)]
        self._versions = list(map(_version_of, self._tensors))
        self._needs_gradients = [tensor.requires_grad for tensor in self._tensors]
        self._gradients = [tensor.grad if tensor.is_leaf else None for tensor in self._tensors]
        # With `data`, a forward pass can give a tensor other memory.
        self._memory = [tensor.data for tensor in self._tensors]
        known = set(map(id, written))
        pointers = list(map(_pointer, self._tensors))
        self.uncopied = {
            pointer: tensor
            for pointer, tensor in zip(pointers, self._tensors, strict=True)
            if pointer and _is_parameter(tensor) and id(tensor) not in known
        } | _by_memory(gradient for gradient in self._gradients if gradient is not None and _can_be_kept(gradient))
        self._copies = self._copied(pointers, views or Views())
        self._first_writes: dict[int, tuple[Tensor, Tensor]] = {}

    def _copied(self, pointers: list[int], views: Views) -> list[tuple[list[Tensor], Tensor]]:
        """Return views of memory with copies of what is in them: of small pieces together."""
        small: dict[int, Tensor] = {}
        large: dict[int, Tensor] = {}
        for pointer, tensor in zip(pointers, self._tensors, strict=True):
            if pointer and pointer not in self.uncopied:
                (small if tensor.untyped_storage().nbytes() <= MAX_JOINED else large)[pointer] = tensor
        alone = ([_bits(tensor)] for tensor in large.values() if tensor.untyped_storage().nbytes() <= MAX_BYTES)
        return [(together, torch.cat(together)) for together in (*views.of(small), *alone)]

    def keep(self, tensor: Tensor) -> None:
        """Copy what a parameter's memory holds, which is about to be written to."""
        pointer = _pointer(tensor)
        if pointer in self.uncopied and pointer not in self._first_writes:
            view = _bits(self.uncopied[pointer])
            self._first_writes[pointer] = view, view.clone()

    @property
    def written(self) -> list[Tensor]:
        """The parameters that were kept because they were written to."""
        return [tensor for pointer in self._first_writes if isinstance(tensor := self.uncopied[pointer], nn.Parameter)]

    def overwritten(self) -> list[Tensor]:
        """Return the parameters that were written to and not kept."""
        if list(map(_version_of, self._tensors)) == self._versions:
            return []
        return [
            tensor
            for tensor, version in zip(self._tensors, self._versions, strict=True)
            if tensor._version != version
            and _pointer(tensor) in self.uncopied
            and _pointer(tensor) not in self._first_writes
        ]

    def names(self, tensors: Iterable[Tensor]) -> list[str]:
        """Return the names of parameters."""
        wanted = set(map(id, tensors))
        if not wanted:
            return []
        return [name for name, tensor in self._model.named_parameters() if id(tensor) in wanted]

    @torch.no_grad()
    def restore(self) -> None:
        """Give the tensors their memory, its contents, their version and gradient back."""
        if not _share(self._tensors, self._memory):
            for tensor, data in zip(self._tensors, self._memory, strict=True):
                if not _share([tensor], [data]):
                    tensor.data = data
        for views, copies in self._copies:
            if not torch.equal(torch.cat(views) if len(views) > 1 else views[0], copies):
                for view, copy in zip(views, copies.split([len(view) for view in views]), strict=True):
                    _put_back(view, copy)
        for view, copy in self._first_writes.values():
            _put_back(view, copy)
        if list(map(_version_of, self._tensors)) != self._versions:
            torch._C._autograd._unsafe_set_version_counter(tuple(self._tensors), tuple(self._versions))
        for tensor, needs, gradient in zip(self._tensors, self._needs_gradients, self._gradients, strict=True):
            if tensor.is_leaf:
                if tensor.requires_grad != needs:
                    tensor.requires_grad_(needs)
                if tensor.grad is not gradient:
                    tensor.grad = gradient


class FirstPass(TorchDispatchMode):
    """See which parameters a forward pass writes to, just before it does, and whether it draws random numbers.

    Only operations of this thread are seen. Each costs some 10 microseconds, so that later passes do without.
    """

    supports_higher_order_operators = True

    def __init__(self, states: TensorStates) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._states, self.draws = states, False
        self._writes: dict[Any, list[tuple[int, str]]] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation."""
        named = kwargs or {}
        if function not in self._writes:
            self._writes[function] = _writes_of(function)
        for position, name in self._writes[function]:
            value = args[position] if position < len(args) else named.get(name)
            for tensor in value if isinstance(value, (list, tuple)) else [value]:
                if isinstance(tensor, Tensor) and _can_be_kept(tensor):
                    self._states.keep(tensor)
        if torch.Tag.nondeterministic_seeded in getattr(function, "tags", ()) and named.get("generator") is None:
            self.draws = True
        return function(*args, **named)


def _writes_of(function: Any) -> list[tuple[int, str]]:
    schema = getattr(function, "_schema", None)
    if schema is None or not schema.is_mutable:
        return []
    return [
        (position, argument.name)
        for position, argument in enumerate(schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]


def _is_parameter(tensor: Tensor) -> bool:
    kind = type(tensor)  # which says it in a tenth of the time for nearly all of them
    return kind is nn.Parameter or (kind is not Tensor and isinstance(tensor, nn.Parameter))


def _can_be_kept(tensor: Tensor) -> bool:
    """Say whether a tensor has memory of its own that can be looked at."""
    kind = type(tensor)
    if kind is not Tensor and kind is not nn.Parameter:
        if kind.__torch_dispatch__ is not Tensor.__torch_dispatch__:
            return kind is nn.Buffer
        if issubclass(kind, UninitializedTensorMixin):
            return False
    return not (
        tensor.layout != torch.strided
        or tensor.is_nested
        or tensor.is_quantized
        or tensor.is_meta
        or tensor.is_inference()
        or torch._C._functorch.is_functorch_wrapped_tensor(tensor)
    )


def _pointer(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _by_memory(tensors: Iterable[Tensor]) -> dict[int, Tensor]:
    """Return one of the tensors for each piece of memory; none for those that have none."""
    return {pointer: tensor for tensor in tensors if (pointer := _pointer(tensor))}


def _joined(views: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Yield views that are copied together: of one device and type, no more than torch works on in one thread."""
    alike: defaultdict[tuple[torch.device, torch.dtype], list[Tensor]] = defaultdict(list)
    for view in views:
        together = alike[view.device, view.dtype]
        if sum(map(len, together)) + len(view) > MAX_JOINED:
            yield together
            together = alike[view.device, view.dtype] = []
        together.append(view)
    yield from alike.values()


def _share(tensors: list[Tensor], others: list[Tensor]) -> bool:
    """Say whether tensors are views of the same memory, of the same type, as others."""
    return all(map(eq, map(_type_of, tensors), map(_type_of, others))) and all(map(Tensor.is_set_to, tensors, others))


def _put_back(view: Tensor, copy: Tensor) -> None:
    if not torch.equal(view, copy):
        view.copy_(copy)


def _bits(tensor: Tensor) -> Tensor:
    """Return a tensor's memory as whole numbers: as few of them as it can be."""
    storage = tensor.untyped_storage()
    dtype = torch.uint8 if storage.nbytes() % 8 else torch.int64
    return torch.empty(0, dtype=dtype, device=tensor.device).set_(storage)
