"""Builds and encodes Envoy's messages from plain dictionaries, by upb.

The schema is ``envoy.desc``, written by :mod:`xds.codec.generate` from envoy-data-plane, which is
not needed at run time. Field and value names are those of Envoy's protobuf files. ``Any`` is
built by :func:`any_of`, durations by :func:`duration`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.message import Message

from lockgate.errors import XdsError
from xds.codec import schema

TYPE_PREFIX = "type.googleapis.com/"


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    # A pool of our own: the default pool belongs to whatever other generated code is imported.
    files = descriptor_pb2.FileDescriptorSet.FromString(
        resources.files(__name__).joinpath("envoy.desc").read_bytes()
    )
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


@cache
def message(name: str) -> type[Message]:
    """Return the class of a message by its full name, such as ``envoy.config.core.v3.Address``.

    Raises: XdsError: the schema does not hold it.
    """
    try:
        descriptor = _pool().FindMessageTypeByName(name)
    except KeyError as error:
        msg = f"the schema has no message {name}"
        raise XdsError(msg) from error
    return message_factory.GetMessageClass(descriptor)


def build(name: str, fields: Mapping[str, Any]) -> Message:
    """Return a message with these fields.

    Raises: XdsError: a field or a value that the message does not take.
    """
    cls = message(name)
    try:
        return cls(**fields)
    except (ValueError, TypeError) as error:
        msg = f"cannot build {name}: {error}"
        raise XdsError(msg) from error


def encode(name: str, fields: Mapping[str, Any]) -> bytes:
    """Return the encoded message; the same fields always give the same bytes."""
    return build(name, fields).SerializeToString(deterministic=True)


def any_of(name: str, fields: Mapping[str, Any]) -> schema.Any:
    """Return the fields of a ``google.protobuf.Any`` that holds a message."""
    return {"type_url": TYPE_PREFIX + name, "value": encode(name, fields)}


def decode(name: str, body: bytes) -> Message:
    """Return the message that some bytes encode.

    Raises: XdsError: they do not.
    """
    try:
        return message(name).FromString(body)
    except Exception as error:  # upb's DecodeError has no common base with ValueError
        msg = f"cannot decode {name}: {error}"
        raise XdsError(msg) from error


def to_json(value: Message) -> str:
    """Return a message as JSON with Envoy's own field names."""
    return json_format.MessageToJson(
        value, preserving_proto_field_name=True, descriptor_pool=_pool()
    )


def as_fields(value: Message) -> dict[str, Any]:
    """Return a message as plain values, in the JSON mapping of protobuf, with Envoy's names."""
    found: dict[str, Any] = json_format.MessageToDict(
        value, preserving_proto_field_name=True, descriptor_pool=_pool()
    )
    return found


def from_json(name: str, fields: Mapping[str, Any]) -> Message:
    """Return the message that plain values in protobuf's JSON mapping stand for.

    Fields that the schema lacks are left out, as a newer Envoy may show some.

    Raises: XdsError: a value that the message does not take.
    """
    try:
        return json_format.ParseDict(
            dict(fields), message(name)(), ignore_unknown_fields=True, descriptor_pool=_pool()
        )
    except json_format.ParseError as error:
        msg = f"cannot read {name}: {error}"
        raise XdsError(msg) from error


def duration(seconds: float) -> schema.Duration:
    """Return the fields of a ``google.protobuf.Duration``."""
    whole = int(seconds)
    return {"seconds": whole, "nanos": round((seconds - whole) * 1e9)}


def struct(values: Mapping[str, str]) -> Any:  # a google.protobuf.Struct
    """Return the fields of a ``google.protobuf.Struct`` of strings, as the value of a map.

    Elsewhere upb takes a plain dictionary for a Struct.
    """
    return {"fields": {key: {"string_value": value} for key, value in values.items()}}
