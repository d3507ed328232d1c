"""Write ``schema.pyi``: the types of the dictionaries that messages are built from.

Every message of the descriptor set becomes a ``TypedDict`` and every enum a ``Literal`` of its
values' names. :mod:`xds.codec.generate` writes both; run as ``python -m xds.codec.stubs`` to write
the types alone, of the descriptor set as it is.
"""

from __future__ import annotations

import keyword
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from google.protobuf import descriptor_pb2

OUTPUT = Path(__file__).with_name("schema.pyi")
SCHEMA = Path(__file__).with_name("envoy.desc")

Files: TypeAlias = descriptor_pb2.FileDescriptorSet
Field: TypeAlias = descriptor_pb2.FieldDescriptorProto
Message: TypeAlias = descriptor_pb2.DescriptorProto
Enum: TypeAlias = descriptor_pb2.EnumDescriptorProto

_HEAD = '''\
"""Types of the dictionaries that Envoy's messages are built from; written by xds.codec.stubs."""

import collections.abc
import typing

import google.protobuf.message

# Not every sequence of strings: a single string is one too.
_Strings: typing.TypeAlias = list[str] | tuple[str, ...]
'''
# Modules are imported whole, for messages may be named as what is in them: Any, Mapping.
_SEQUENCE = "collections.abc.Sequence[{}]"
_MAPPING = "collections.abc.Mapping[{}, {}]"
_BUILT = "google.protobuf.message.Message"
_BUILT_ONLY: Final = frozenset(
    {"google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue"}
)
"""What is given as a built message, for as a dictionary of its fields nobody would write it."""
_SCALARS: Final = {
    Field.TYPE_BOOL: "bool",
    Field.TYPE_BYTES: "bytes",
    Field.TYPE_DOUBLE: "float",
    Field.TYPE_FLOAT: "float",
    Field.TYPE_STRING: "str",
}
"""The types that are no integers, enums or messages."""
_NO_CLASS: Final = frozenset({*keyword.kwlist, *_SCALARS.values(), "int", "collections", "google"})
"""Fields that a class cannot have, or that would hide a type from the fields after them."""
_ENVOY = "envoy."
"""Its messages refer to some of xDS and of CEL too, which are hardly used."""
_VERSION = re.compile(r"v\d+(?:alpha\d*|beta\d*)?")
_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything the descriptor set declares, by full name."""

    messages: Mapping[str, Message]
    enums: Mapping[str, Enum]
    entries: Mapping[str, Message]
    """Entries of maps, which have no type of their own."""
    outermost: frozenset[str]
    """What is declared in a package, not in a message."""


def read_catalogue(files: Files) -> Catalogue:
    """Return what the files declare, at any depth."""
    found = [
        (f"{file.package}.{name}", item)
        for file in files.file
        for name, item in _declared("", file.message_type, file.enum_type)
    ]
    messages = {name: item for name, item in found if isinstance(item, Message)}
    return Catalogue(
        {name: item for name, item in messages.items() if not item.options.map_entry},
        {name: item for name, item in found if isinstance(item, Enum)},
        {name: item for name, item in messages.items() if item.options.map_entry},
        frozenset(
            f"{file.package}.{name}"
            for file in files.file
            for name in (*(m.name for m in file.message_type), *(e.name for e in file.enum_type))
        ),
    )


def _declared(
    path: str, messages: Iterable[Message], enums: Iterable[Enum]
) -> Iterator[tuple[str, Message | Enum]]:
    for enum in enums:
        yield path + enum.name, enum
    for message in messages:
        yield path + message.name, message
        yield from _declared(f"{path}{message.name}.", message.nested_type, message.enum_type)


def class_names(names: Iterable[str], outermost: frozenset[str]) -> dict[str, str]:
    """Return a class name for each full name, with no more of its path than it needs.

    Of several that would be named the same, the one with less path in its name keeps it, then the
    outermost, then Envoy's own; if that leaves more than one, none of them does.

    Raises: ValueError: two cannot be told apart by their paths.
    """
    parts = {name: _parts(name) for name in sorted(names)}
    taken = dict.fromkeys(parts, 1)
    while True:
        groups: dict[str, list[str]] = defaultdict(list)
        for name, count in taken.items():
            groups["".join(parts[name][-count:])].append(name)
        if len(groups) == len(parts):
            return {members[0]: short for short, members in groups.items()}
        for members in groups.values():
            for name in _losers(members, taken, outermost):
                if taken[name] == len(parts[name]):
                    msg = f"no class name of its own for {name}"
                    raise ValueError(msg)
                taken[name] += 1


def _parts(name: str) -> list[str]:
    words = [word for word in name.split(".") if not _VERSION.fullmatch(word)]
    return ["".join(part[:1].upper() + part[1:] for part in word.split("_")) for word in words]


def _losers(
    members: list[str], taken: Mapping[str, int], outermost: frozenset[str]
) -> Iterable[str]:
    if len(members) == 1:
        return ()
    ranks = {
        name: (taken[name], name not in outermost, not name.startswith(_ENVOY)) for name in members
    }
    best = [name for name in members if ranks[name] == min(ranks.values())]
    return [name for name in members if len(best) > 1 or name not in best]


class Writer:
    """Writes the types of a catalogue's messages and enums."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        declared = (*catalogue.messages.keys() - _BUILT_ONLY, *catalogue.enums)
        self.names = class_names(declared, catalogue.outermost)

    def text(self) -> str:
        """Return the whole stub, ordered by class names."""
        ordered = sorted(self.names, key=lambda name: self.names[name])
        return "\n".join((_HEAD, *(self._declaration(name) for name in ordered)))

    def _declaration(self, name: str) -> str:
        if name in self.catalogue.enums:
            return self._enum(name, self.catalogue.enums[name])
        fields = {field.name: self._type(field) for field in self.catalogue.messages[name].field}
        if fields.keys() & _NO_CLASS:
            return self._call(name, fields)
        lines = [f"    {field}: {kind}\n" for field, kind in fields.items()]
        head = f'class {self.names[name]}(typing.TypedDict, total=False):\n    """``{name}``"""\n'
        return head + "".join(["\n", *lines] if lines else lines)

    def _call(self, name: str, fields: Mapping[str, str]) -> str:
        lines = "".join(f'        "{field}": {kind},\n' for field, kind in fields.items())
        short = self.names[name]
        return (
            f"# {name}\n{short} = typing.TypedDict(\n"
            f'    "{short}",\n    {{\n{lines}    }},\n    total=False,\n)\n'
        )

    def _enum(self, name: str, enum: Enum) -> str:
        values = [f'"{value.name}"' for value in enum.value]
        head = f"{self.names[name]}: typing.TypeAlias = typing.Literal"
        line = f"{head}[{', '.join(values)}]"
        if len(line) > _WIDTH:
            line = f"{head}[\n" + "".join(f"    {value},\n" for value in values) + "]"
        return f"# {name}\n{line}\n"

    def _type(self, field: Field) -> str:
        entry = self.catalogue.entries.get(field.type_name.removeprefix("."))
        if entry is not None:
            key, value = (self._single(part) for part in entry.field)
            return _MAPPING.format(key, value)
        if field.label != Field.LABEL_REPEATED:
            return self._single(field)
        if field.type == Field.TYPE_STRING:
            return "_Strings"
        return _SEQUENCE.format(self._single(field))

    def _single(self, field: Field) -> str:
        name = field.type_name.removeprefix(".")
        if name in _BUILT_ONLY:
            return _BUILT
        return self.names[name] if name else _SCALARS.get(field.type, "int")


def stub(files: Files) -> str:
    """Return the content of ``schema.pyi``.

    Raises: ValueError: two messages or enums cannot be told apart by their paths.
    """
    return Writer(read_catalogue(files)).text()


def main() -> None:
    """Write the types of the descriptor set next to this module."""
    OUTPUT.write_text(stub(Files.FromString(SCHEMA.read_bytes())))


if __name__ == "__main__":
    main()
