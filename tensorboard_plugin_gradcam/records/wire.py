"""Serialised messages to plain objects, without a copy of what they hold and without trust in how much that is.

Protobuf's own parser makes an object of every two bytes that claim to be an empty message: 5 MB of them take 2 GB. Here
everything that will be made is counted before it is made, and bytes fields are views into the record. What comes out
has the attributes of the generated class, for reading. Small messages are protobuf's own, which is fifty times as fast.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.internal import api_implementation
from google.protobuf.message import DecodeError, Message

from tensorboard_plugin_gradcam.records.errors import CorruptRecord

M = TypeVar("M", bound=Message)

TEXT_BYTES = 2**24  # of one text; in memory it may take four times as much
ALLOWANCE = 2**22  # bytes that the objects of a message may take beyond the message's own length
FIELD, OBJECT, TEXT = 16, 256, 64  # bytes that each is counted as, so that time is bounded with memory
SMALL = 2**16  # bytes of a message of which protobuf's compiled parser makes a few megabytes at most
PIECE = 2**12  # bytes of one of many messages, of which it makes a few hundred kilobytes before they are counted
_DEPTH = 8
_COMPILED = api_implementation.Type() != "python"

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SCALARS = {
    FieldDescriptor.TYPE_BOOL: _VARINT,
    FieldDescriptor.TYPE_INT32: _VARINT,
    FieldDescriptor.TYPE_INT64: _VARINT,
    FieldDescriptor.TYPE_UINT32: _VARINT,
    FieldDescriptor.TYPE_UINT64: _VARINT,
    FieldDescriptor.TYPE_SINT32: _VARINT,
    FieldDescriptor.TYPE_SINT64: _VARINT,
    FieldDescriptor.TYPE_ENUM: _VARINT,
    FieldDescriptor.TYPE_FIXED32: _FIXED32,
    FieldDescriptor.TYPE_SFIXED32: _FIXED32,
    FieldDescriptor.TYPE_FLOAT: _FIXED32,
    FieldDescriptor.TYPE_FIXED64: _FIXED64,
    FieldDescriptor.TYPE_SFIXED64: _FIXED64,
    FieldDescriptor.TYPE_DOUBLE: _FIXED64,
}
_FORMATS = {
    FieldDescriptor.TYPE_FIXED32: "<I",
    FieldDescriptor.TYPE_SFIXED32: "<i",
    FieldDescriptor.TYPE_FLOAT: "<f",
    FieldDescriptor.TYPE_FIXED64: "<Q",
    FieldDescriptor.TYPE_SFIXED64: "<q",
    FieldDescriptor.TYPE_DOUBLE: "<d",
}


class Field(NamedTuple):
    """One encoded field of a message: its number, wire type, and where its value is (or a varint's value)."""

    number: int
    wire_type: int
    start: int
    end: int
    value: int


class _Plan(NamedTuple):
    fields: dict[int, _FieldPlan]
    view: type[_View]


class _FieldPlan(NamedTuple):
    name: str
    type: int
    repeated: bool
    message: Descriptor | None
    compiled: Callable[[bytes], Message] | None


class _View:
    """A message that was read; attributes as in the generated class, those of absent fields on the type."""

    def HasField(self, name: str) -> bool:
        return name in self.__dict__


class Budget:
    """What may be made while reading, in bytes; `fields` counts what was met so far."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.fields = 0

    def spend(self, size: int) -> None:
        """Take from it; raises `CorruptRecord` when it is used up."""
        self.left -= size
        if self.left < 0:
            raise CorruptRecord("expected a record of few large parts, got far too many small ones")


def read(data: bytes | memoryview, message: type[M], budget: Budget | None = None) -> M:
    """Parse `data` as a message of the given class; whatever is wrong with it is a `CorruptRecord`.

    The objects that are made take at most the `budget`: if none is given, the length of `data` and `ALLOWANCE` bytes
    more. Bytes fields are views into `data`. Unknown fields are skipped. The result has the attributes of the class,
    but can't be changed or serialized.
    """
    budget = Budget(len(data) + ALLOWANCE) if budget is None else budget
    descriptor: Any = message.DESCRIPTOR
    return _read(descriptor, data, 0, len(data), budget, None, _DEPTH)  # type: ignore[return-value]


def parsed(data: bytes | memoryview, message: type[M], budget: Budget | None = None) -> M:
    """As `read`, by protobuf's own parser where the message is small; its bytes fields are copies then.

    Nothing is spent of the `budget` by that, nor are fields counted.
    """
    if len(data) > SMALL or not _COMPILED:
        return read(data, message, budget)
    try:
        return message.FromString(bytes(data))
    except DecodeError as error:
        raise CorruptRecord("expected a message of protobuf, got bytes of something else") from error


def fields(data: bytes | memoryview, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """Yield the encoded fields of a message in their order; raises `CorruptRecord`."""
    at, end = start, len(data) if end is None else end
    while at < end:
        key = data[at]
        key, at = (key, at + 1) if key < 0x80 else _varint(data, at, end)  # a call for each byte would take most of it
        number, wire_type = key >> 3, key & 7
        value, begin = 0, at
        if not 0 < number < 2**29:
            raise CorruptRecord(f"expected field numbers from 1 to 2^29 - 1, got {number}")
        if wire_type == _BYTES:
            length = data[at] if at < end else 0x80
            length, begin = (length, at + 1) if length < 0x80 else _varint(data, at, end)
            at = stop = begin + length
        elif wire_type == _VARINT:
            value, at = _varint(data, at, end)
            stop = at
        elif wire_type in (_FIXED32, _FIXED64):
            at = stop = begin + (4 if wire_type == _FIXED32 else 8)
        else:  # groups have not been written for twenty years
            raise CorruptRecord(f"expected wire type 0, 1, 2 or 5, got {wire_type}")
        if at > end:
            raise CorruptRecord("expected a whole message, got one that is cut short")
        yield Field(number, wire_type, begin, stop, value)


def _read(
    descriptor: Descriptor,
    data: bytes | memoryview,
    start: int,
    end: int,
    budget: Budget,
    into: Any,
    depth: int,
) -> _View:
    if not depth:
        raise CorruptRecord(f"expected messages at most {_DEPTH} deep")
    plan = _plan(descriptor)
    view = plan.view() if into is None else into
    values: dict[str, Any] = view.__dict__
    for number, wire_type, begin, stop, value in fields(data, start, end):
        budget.spend(FIELD)
        budget.fields += 1
        found = plan.fields.get(number)
        if found is None:
            continue
        name, kind, repeated, message, compiled = found
        if compiled is not None and wire_type == _BYTES and stop - begin <= PIECE:
            item: Any = _piece(compiled, data, begin, stop, budget)
        elif message is not None and wire_type == _BYTES:
            known = None if repeated else values.get(name)
            budget.spend(0 if known else OBJECT)
            item = _read(message, data, begin, stop, budget, known, depth - 1)
        elif wire_type == _BYTES and repeated and kind in _SCALARS:
            _extend(values, name, _packed(kind, data, begin, stop, budget))
            continue
        elif wire_type == _BYTES and kind == FieldDescriptor.TYPE_BYTES:
            item = memoryview(data)[begin:stop]
        elif wire_type == _BYTES and kind == FieldDescriptor.TYPE_STRING:
            budget.spend(TEXT)
            item = text(data, begin, stop)
        elif _SCALARS.get(kind) == wire_type:
            item = _scalar(kind, data, begin, value)
        else:  # as an unknown field, as protobuf does
            continue
        if repeated:
            _extend(values, name, (item,))
        else:
            values[name] = item
    return view


def _piece(
    compiled: Callable[[bytes], Message], data: bytes | memoryview, start: int, end: int, budget: Budget
) -> Message:
    """Parse one of many small messages by protobuf's own parser, and count afterwards what that made."""
    try:
        found = compiled(bytes(data[start:end]))
    except DecodeError as error:
        raise CorruptRecord("expected a message of protobuf, got bytes of something else") from error
    count, spent = _counted(found)
    budget.spend(OBJECT + end - start + spent)
    budget.fields += count
    return found


def _counted(message: Message) -> tuple[int, int]:
    """Return how many fields a message has, and what they take, as `_read` counts them."""
    count = spent = 0
    for field, value in message.ListFields():
        cost, is_repeated, is_message = _field_cost(field)
        items = len(value) if is_repeated else 1
        count += items
        spent += cost * items
        if is_message:
            for item in value if is_repeated else (value,):
                more, cost = _counted(item)
                count += more
                spent += cost
    return count, spent


@lru_cache(maxsize=256)
def _field_cost(field: FieldDescriptor) -> tuple[int, bool, bool]:
    """Return what each value of a field takes, and whether there may be several, and whether they are messages."""
    if field.message_type is not None:
        return FIELD + OBJECT, _is_repeated(field), True
    return FIELD + (TEXT if field.type == FieldDescriptor.TYPE_STRING else FIELD), _is_repeated(field), False


def _extend(values: dict[str, Any], name: str, items: Any) -> None:
    values.setdefault(name, []).extend(items)


def _packed(kind: int, data: bytes | memoryview, start: int, end: int, budget: Budget) -> list[Any]:
    items: list[Any] = []
    if kind in _FORMATS:
        form = _FORMATS[kind]
        width = struct.calcsize(form)
        if (end - start) % width:
            raise CorruptRecord(f"expected packed numbers of {width} bytes, got {end - start} bytes")
        budget.spend((end - start) // width * FIELD * 2)
        budget.fields += (end - start) // (8 * width)
        return [number for (number,) in struct.iter_unpack(form, memoryview(data)[start:end])]
    while start < end:
        budget.spend(FIELD * 2)
        budget.fields += 1
        value, start = _varint(data, start, end)
        items.append(_scalar(kind, data, start, value))
    return items


def _scalar(kind: int, data: bytes | memoryview, start: int, value: int) -> Any:
    if kind in _FORMATS:
        return struct.unpack_from(_FORMATS[kind], data, start)[0]
    if kind in (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_ENUM):
        value &= 2**32 - 1
        return value - 2**32 if value >= 2**31 else value
    if kind == FieldDescriptor.TYPE_INT64:
        return value - 2**64 if value >= 2**63 else value
    if kind in (FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SINT64):
        return (value >> 1) ^ -(value & 1)
    if kind == FieldDescriptor.TYPE_BOOL:
        return value != 0
    return value & (2**32 - 1) if kind == FieldDescriptor.TYPE_UINT32 else value


def text(data: bytes | memoryview, start: int, end: int) -> str:
    """Return the text of a field; raises `CorruptRecord`."""
    if end - start > TEXT_BYTES:
        raise CorruptRecord(f"expected texts of at most {TEXT_BYTES} bytes, got {end - start}")
    try:
        return str(data[start:end], "utf-8")
    except UnicodeDecodeError as error:
        raise CorruptRecord(f"expected UTF-8, got other bytes ({error.reason})") from error


def checked_text(name: str, value: str) -> str:
    """Return a text that every reader takes; raises `ValueError` for one that is too long or can't be encoded."""
    try:
        size = len(value) if value.isascii() else len(value.encode())
    except UnicodeEncodeError as error:
        raise ValueError(f"expected {name} that UTF-8 can encode, got {value[:200]!r}") from error
    if size > TEXT_BYTES:
        raise ValueError(f"expected {name} of at most {TEXT_BYTES:,} bytes, got {size:,}")
    return value


def _varint(data: bytes | memoryview, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end:
        byte = data[at]
        at += 1
        if byte < 0x80:
            value |= byte << shift
            if value >= 2**64:
                break
            return value, at
        value |= (byte & 0x7F) << shift
        shift += 7
        if shift > 63:
            break
    raise CorruptRecord("expected a number of at most ten bytes, got one that does not end")


@lru_cache(maxsize=64)
def _plan(descriptor: Descriptor) -> _Plan:
    plans = {
        field.number: _FieldPlan(field.name, field.type, _is_repeated(field), field.message_type, _compiled(field))
        for field in descriptor.fields
    }
    absent = {field.name: _default(field) for field in descriptor.fields}
    return _Plan(plans, type(descriptor.name, (_View,), absent))


def _is_repeated(field: Any) -> bool:
    # `label` is gone from the newest protobuf, `is_repeated` is not in the oldest.
    repeated = getattr(field, "is_repeated", None)
    return bool(field.label == 3 if repeated is None else repeated)


def _compiled(field: FieldDescriptor) -> Callable[[bytes], Message] | None:
    """Return the compiled parser of a field of many messages, if there is one."""
    is_list = field.message_type is not None and _is_repeated(field)
    found = getattr(field.message_type, "_concrete_class", None) if is_list and _COMPILED else None
    return None if found is None else found.FromString


def _default(field: FieldDescriptor) -> Any:
    if _is_repeated(field):
        return ()
    if field.message_type is not None:
        return _plan(field.message_type).view()
    return field.default_value
