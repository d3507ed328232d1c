"""Every message we build or read: upb and envoy-data-plane's own codec agree, both ways."""

from __future__ import annotations

import random
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from xds import codec
from xds.codec.generate import read_catalogue
from xds.codec.roots import ROOTS

CATALOGUE = read_catalogue(ROOTS)
CASES = 12
"""Random messages of each root."""
DEPTH = 4
_PLAIN: dict[int, Any] = {
    FieldDescriptor.TYPE_STRING: lambda rng: rng.choice(["a", "x-y", "ü", "10.0.0.1"]),
    FieldDescriptor.TYPE_BYTES: lambda rng: rng.randbytes(rng.randint(1, 5)),
    FieldDescriptor.TYPE_BOOL: lambda _rng: True,
    FieldDescriptor.TYPE_DOUBLE: lambda rng: rng.choice([0.5, -2.25, 1e9]),
    FieldDescriptor.TYPE_FLOAT: lambda rng: rng.choice([0.5, -2.25]),
}
_SIGNED = {FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SINT32}


def random_message(name: str, rng: random.Random) -> Message:
    """Return a message with about a third of its fields set."""
    made = codec.message(name)()
    _fill(made, rng, DEPTH)
    return made


def _fill(message: Any, rng: random.Random, depth: int) -> None:
    if message.DESCRIPTOR.full_name.startswith("google.protobuf."):
        _fill_well_known(message, rng)
        return
    for field in message.DESCRIPTOR.fields:
        if rng.random() < 0.35:
            _set(message, field, rng, depth)


def _set(message: Any, field: Any, rng: random.Random, depth: int) -> None:
    if field.message_type is None:
        value = _scalar(field, rng)
        if field.is_repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)
    elif field.message_type.GetOptions().map_entry:
        _set_entry(getattr(message, field.name), field.message_type, rng, depth)
    elif depth > 0 and field.is_repeated:
        _fill(getattr(message, field.name).add(), rng, depth - 1)
    elif depth > 0:
        inner = getattr(message, field.name)
        inner.SetInParent()
        _fill(inner, rng, depth - 1)


def _set_entry(entries: Any, entry: Descriptor, rng: random.Random, depth: int) -> None:
    key = _scalar(entry.fields_by_name["key"], rng)
    value = entry.fields_by_name["value"]
    if value.message_type is None:
        entries[key] = _scalar(value, rng)
    elif depth > 0:
        _fill(entries[key], rng, depth - 1)


def _scalar(field: Any, rng: random.Random) -> Any:
    if field.enum_type is not None:
        return rng.choice(field.enum_type.values).number
    if field.type in _PLAIN:
        return _PLAIN[field.type](rng)
    return rng.choice([1, 7, 65535]) * (rng.choice([1, -1]) if field.type in _SIGNED else 1)


def _fill_well_known(message: Any, rng: random.Random) -> None:
    match message.DESCRIPTOR.name:
        case "Duration":
            message.seconds = rng.randint(1, 1000)
        case "Timestamp":
            message.seconds = rng.randint(1, 2**31)
        case "Any":
            message.type_url = codec.TYPE_PREFIX + "google.protobuf.Empty"
        case "Struct":
            message.update({"k": "v"})
        case _ if "value" in message.DESCRIPTOR.fields_by_name:
            field = message.DESCRIPTOR.fields_by_name["value"]
            if field.message_type is None:
                message.value = _scalar(field, rng)


@pytest.mark.parametrize("name", ROOTS)
def test_both_codecs_read_and_write_the_same(name: str) -> None:
    peer: Any = CATALOGUE.classes[name]
    rng = random.Random(name)
    for _ in range(CASES):
        ours = random_message(name, rng)
        theirs = peer.parse(ours.SerializeToString(deterministic=True))
        assert codec.decode(name, bytes(theirs)) == ours
