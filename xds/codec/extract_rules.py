"""Write ``rules.json``: the limits that Envoy sets to the fields of its messages.

Run as ``python -m xds.codec.extract_rules`` when Envoy is updated. Envoy's binary holds the
descriptor of every protobuf file it was built from, and these keep the options of
protoc-gen-validate, from which Envoy's own checks were generated. envoy-data-plane, where our
schema comes from, has lost them.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    message_factory,
    timestamp_pb2,
)
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from lockgate.errors import EnvoyError
from lockgate.settings import Settings
from xds.envoy import find_envoy

OUTPUT = Path(__file__).with_name("rules.json")
SCHEMA = Path(__file__).with_name("envoy.desc")

File: TypeAlias = descriptor_pb2.FileDescriptorProto
MessageType: TypeAlias = descriptor_pb2.DescriptorProto
_START = re.compile(rb"\n([\x01-\x7f])([\w./-]+?\.proto)(?=[\x12-\x72])")
"""The first field of a file's descriptor, its name, and the tag of another field."""
_VALIDATE = "validate/validate.proto"
_LENGTH_DELIMITED = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 9, 12})
_VARINT = frozenset({10, 11, 14})


def read_files(binary: bytes) -> dict[str, File]:
    """Return the file descriptors that a binary embeds, by name.

    Some are there twice, once with fewer options: the longer one counts.
    """
    found: dict[str, bytes] = {}
    for start in _START.finditer(binary):
        if start[1][0] != len(start[2]):
            continue
        body = binary[start.start() : _end(binary, start.start())]
        name = start[2].decode()
        if len(body) > len(found.get(name, b"")) and _is_file(body):
            found[name] = body
    return {name: File.FromString(found[name]) for name in sorted(found)}


def _is_file(body: bytes) -> bool:
    try:
        return bool(File.FromString(body).package)
    except DecodeError:
        return False


def _end(binary: bytes, position: int) -> int:
    """Return where a file's descriptor ends: its length is not written before it.

    Fields are in the order of their numbers, so what breaks the order or is no field of a
    descriptor is no longer part of it. ``syntax`` is the last, which files of proto2 lack.
    """
    last = 0
    while last < 12:
        tag, after = _varint(binary, position)
        number, wire_type = tag >> 3, tag & 7
        if number < last or number not in (_LENGTH_DELIMITED if wire_type == 2 else _VARINT):
            break
        if wire_type not in {0, 2}:
            break
        value, after = _varint(binary, after)
        position = after + value if wire_type == 2 else after
        last = number
    return position


def _varint(binary: bytes, position: int) -> tuple[int, int]:
    """Return the number at a position and the position after it."""
    value = 0
    for index, byte in enumerate(binary[position : position + 10]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, position + index + 1
    return value, position + 10


class Options:
    """Reads the options of protoc-gen-validate, by the descriptor that the binary has of them."""

    def __init__(self, files: Mapping[str, File]) -> None:
        if _VALIDATE not in files:
            msg = f"the binary has no descriptor of {_VALIDATE}"
            raise EnvoyError(msg)
        self._pool = descriptor_pool.DescriptorPool()
        for module in (descriptor_pb2, duration_pb2, timestamp_pb2):
            self._pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
        self._pool.AddSerializedFile(files[_VALIDATE].SerializeToString())

    def _get(self, options: Message, extension: str) -> Any:
        # Known to this pool only: elsewhere the extensions are unknown fields, which are kept.
        known: Any = self._pool.FindExtensionByName(f"validate.{extension}")
        again = message_factory.GetMessageClass(known.containing_type).FromString(
            options.SerializeToString()
        )
        return again.Extensions[known] if again.HasExtension(known) else None

    def message(self, found: MessageType) -> dict[str, Any]:
        """Return what is to be checked in a message; empty when nothing is.

        ``fields`` holds the rules of each field and ``oneofs`` the groups of which one must be set.
        """
        if self._get(found.options, "disabled") or self._get(found.options, "ignored"):
            return {"disabled": True}
        rules = {field.name: self._get(field.options, "rules") for field in found.field}
        fields = {name: plain(rules[name]) for name in sorted(rules) if rules[name] is not None}
        oneofs = [oneof.name for oneof in found.oneof_decl if self._get(oneof.options, "required")]
        made: dict[str, Any] = {"fields": {name: rule for name, rule in fields.items() if rule}}
        made["oneofs"] = sorted(oneofs)
        return {key: value for key, value in made.items() if value}


def plain(rules: Message) -> dict[str, Any]:
    """Return rules as JSON has them, but for integers of 64 bits, which remain numbers."""
    return {
        field.name: [_value(field, item) for item in value]
        if field.is_repeated
        else _value(field, value)
        for field, value in sorted(rules.ListFields(), key=lambda pair: pair[0].name)
    }


def _value(field: FieldDescriptor, value: Any) -> Any:
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    if field.message_type is None:
        return value.hex() if isinstance(value, bytes) else value
    if field.message_type.full_name.startswith("google.protobuf."):
        return value.ToJsonString()
    return plain(value)


def messages(files: Iterable[File]) -> Iterator[tuple[str, MessageType]]:
    """Yield the messages of files at any depth, with their full names, but entries of maps."""
    for file in files:
        for message in file.message_type:
            yield from _nested(f"{file.package}.{message.name}", message)


def _nested(name: str, message: MessageType) -> Iterator[tuple[str, MessageType]]:
    if message.options.map_entry:
        return
    yield name, message
    for child in message.nested_type:
        yield from _nested(f"{name}.{child.name}", child)


def read_rules(binary: bytes) -> dict[str, Any]:
    """Return the rules of every message of our schema that has some, by its name.

    Raises: EnvoyError: the binary embeds no descriptors, or not those of our schema.
    """
    files = read_files(binary)
    options = Options(files)
    theirs = dict(messages(files.values()))
    schema = descriptor_pb2.FileDescriptorSet.FromString(SCHEMA.read_bytes())
    names = {name for name, _ in messages(schema.file) if not name.startswith("google.protobuf.")}
    if missing := sorted(names - theirs.keys()):
        msg = f"the binary has no descriptor of {', '.join(missing)}"
        raise EnvoyError(msg)
    found = {name: options.message(theirs[name]) for name in sorted(names)}
    return {name: rules for name, rules in found.items() if rules}


def to_text(version: str, rules: Mapping[str, Any]) -> str:
    """Return the content of ``rules.json``: a message a line, for changes to be read."""
    lines = [
        f"{json.dumps(name)}: {json.dumps(rules[name], ensure_ascii=True)}"
        for name in sorted(rules)
    ]
    body = ",\n".join(lines)
    return f'{{"envoy": {json.dumps(version)}, "messages": {{\n{body}\n}}}}\n'


def extract(envoy: Path) -> str:
    """Return the content of ``rules.json`` for an Envoy.

    Raises: EnvoyError: its binary lacks what is looked for.
    """
    told = subprocess.run([envoy, "--version"], capture_output=True, text=True, check=True)
    # It says "... version: COMMIT/1.40.0/Clean/RELEASE/BoringSSL".
    version = told.stdout.rpartition("version: ")[2].split("/")[1]
    return to_text(version, read_rules(envoy.read_bytes()))


def main() -> None:
    """Write the rules next to this module."""
    OUTPUT.write_text(extract(find_envoy(Settings())))


if __name__ == "__main__":
    main()
