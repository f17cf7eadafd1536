"""`TensorStates`: the values of a model's tensors before a forward pass, and how they are put back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedTensorMixin  # type: ignore[attr-defined]
from torch.utils._python_dispatch import TorchDispatchMode

MAX_BYTES = 2**28  # of a tensor's storage, to be copied


class TensorStates:
    """Which memory tensors use, its contents, and their version counters.

    Buffers and other tensors are copied, by storage: tensors that share memory are one thing, and keep it in common.
    Parameters are not, unless they are known to be written to; of the others a forward pass is watched for that.

    Args:
        tensors: of all kinds.
        model: knows the parameters' names.
        written: parameters that are copied too.
    """

    def __init__(self, tensors: Iterable[Tensor], model: nn.Module, written: Iterable[Tensor] = ()) -> None:
        self._model = model
        self._tensors = [tensor for tensor in tensors if _can_be_kept(tensor)]
        self._versions = [tensor._version for tensor in self._tensors]
        self._needs_gradients = [tensor.requires_grad for tensor in self._tensors]
        self._gradients = [tensor.grad if tensor.is_leaf else None for tensor in self._tensors]
        # With `data`, a forward pass can give a tensor other memory.
        self._memory = [tensor.data for tensor in self._tensors]
        known = set(map(id, written))
        parameters = [
            tensor for tensor in self._tensors if isinstance(tensor, nn.Parameter) and id(tensor) not in known
        ]
        gradients = [gradient for gradient in self._gradients if gradient is not None and _can_be_kept(gradient)]
        self.uncopied = _by_memory((*parameters, *gradients))
        self._copies: list[tuple[Tensor, Tensor]] = []
        for place in {(tensor.device.type, tensor.device.index) for tensor in self._tensors}:
            self._copy([tensor for tensor in self._tensors if (tensor.device.type, tensor.device.index) == place])
        self._first_writes: dict[int, tuple[Tensor, Tensor]] = {}

    def _copy(self, tensors: list[Tensor]) -> None:
        """Copy what the tensors of one device hold into one tensor of bytes, and keep how each part is found."""
        views = [
            _bytes(tensor)
            for pointer, tensor in _by_memory(tensors).items()
            if pointer not in self.uncopied and tensor.untyped_storage().nbytes() <= MAX_BYTES
        ]
        if views:
            copies = torch.cat(views)
            self._copies += zip(views, copies.split([len(view) for view in views]), strict=True)

    def keep(self, tensor: Tensor) -> None:
        """Copy what a parameter's memory holds, which is about to be written to."""
        pointer = _pointer(tensor)
        if pointer in self.uncopied and pointer not in self._first_writes:
            view = _bytes(self.uncopied[pointer])
            self._first_writes[pointer] = view, view.clone()

    @property
    def written(self) -> list[Tensor]:
        """The parameters that were kept because they were written to."""
        return [tensor for pointer in self._first_writes if isinstance(tensor := self.uncopied[pointer], nn.Parameter)]

    def overwritten(self) -> list[Tensor]:
        """Return the parameters that were written to and not kept."""
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
        for tensor, data in zip(self._tensors, self._memory, strict=True):
            if tensor.dtype != data.dtype or not tensor.is_set_to(data):
                tensor.data = data
        for view, copy in (*self._copies, *self._first_writes.values()):
            if not torch.equal(view, copy):
                view.copy_(copy)
        changed = [
            (tensor, version)
            for tensor, version in zip(self._tensors, self._versions, strict=True)
            if tensor._version != version
        ]
        if changed:
            tensors, versions = zip(*changed, strict=True)
            torch._C._autograd._unsafe_set_version_counter(tensors, versions)
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


def _can_be_kept(tensor: Tensor) -> bool:
    """Say whether a tensor has memory of its own that can be looked at."""
    if type(tensor).__torch_dispatch__ is not Tensor.__torch_dispatch__:
        return type(tensor) in (nn.Parameter, nn.Buffer)
    return (
        tensor.layout == torch.strided
        and not tensor.is_nested
        and not tensor.is_quantized
        and not tensor.is_meta
        and not tensor.is_inference()
        and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
        and not isinstance(tensor, UninitializedTensorMixin)
    )


def _pointer(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _by_memory(tensors: Iterable[Tensor]) -> dict[int, Tensor]:
    """Return one of the tensors for each piece of memory; none for those that have none."""
    return {pointer: tensor for tensor in tensors if (pointer := _pointer(tensor))}


def _bytes(tensor: Tensor) -> Tensor:
    return torch.empty(0, dtype=torch.uint8, device=tensor.device).set_(tensor.untyped_storage())
