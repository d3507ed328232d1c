"""Write ``envoy.desc``: a descriptor set of Envoy's messages, from envoy-data-plane's metadata.

The types that go with it, ``schema.pyi``, are written along, by :mod:`xds.codec.stubs`.

Run as ``python -m xds.codec.generate`` when envoy-data-plane is updated. Its betterproto2 classes
know names, numbers, types, oneofs and maps of every field, which is all a descriptor needs; the
upb classes made from it at run time are some seventy times faster than the originals.
"""

from __future__ import annotations

import importlib
import keyword
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, TypeAlias, cast

import betterproto2
from envoy_data_plane.message_pool import default_message_pool
from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    duration_pb2,
    empty_pb2,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)

from xds.codec import stubs
from xds.codec.roots import ROOTS

OUTPUT = Path(__file__).with_name("envoy.desc")
WELL_KNOWN = (any_pb2, duration_pb2, empty_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)
"""Files of google.protobuf, taken as they are."""

Field: TypeAlias = descriptor_pb2.FieldDescriptorProto
Message: TypeAlias = descriptor_pb2.DescriptorProto
Enum: TypeAlias = descriptor_pb2.EnumDescriptorProto
Metadata: TypeAlias = betterproto2.FieldMetadata
MODULE_PREFIX = "envoy_data_plane."


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Which Python class is which protobuf message, per package."""

    classes: Mapping[str, type]
    names: Mapping[type, str]
    packages: Mapping[str, str]
    """Package of each message; the rest of a name is its path of nested messages."""
    nested: Mapping[str, tuple[str, ...]]
    """Messages nested, at any depth, in an outermost one."""

    def outermost(self, name: str) -> str:
        """Return the top-level message that holds a message."""
        package = self.packages[name]
        return f"{package}.{name.removeprefix(package + '.').split('.')[0]}"

    def container(self, enum: type) -> str:
        """Return the message that an enum is nested in, or nothing.

        betterproto2 keeps only the flattened name, so it is the longest flattened message name
        of the package that the enum's name begins with.
        """
        package = enum.__module__.removeprefix(MODULE_PREFIX)
        found = [
            name
            for name in self.classes
            if self.packages[name] == package
            and enum.__name__.startswith(flat := flat_name(name))
            and enum.__name__[len(flat) :][:1].isupper()
        ]
        return max(found, key=lambda name: (len(flat_name(name)), name), default="")


def read_catalogue(roots: Iterable[str]) -> Catalogue:
    """Import the packages of the roots and read the message pool they fill."""
    for root in roots:
        importlib.import_module("envoy_data_plane." + root.rpartition(".")[0])
    classes = {url.partition("/")[2]: cls for url, cls in default_message_pool.url_to_type.items()}
    packages = {
        name: cls.__module__.removeprefix("envoy_data_plane.") for name, cls in classes.items()
    }
    nested: dict[str, list[str]] = {}
    for name in sorted(classes):
        package = packages[name]
        top = f"{package}.{name.removeprefix(package + '.').split('.')[0]}"
        nested.setdefault(top, []).append(name)
    return Catalogue(
        classes=classes,
        names={cls: name for name, cls in classes.items()},
        packages=packages,
        nested={top: tuple(names) for top, names in nested.items()},
    )


def proto_name(python_name: str) -> str:
    """Return a field's protobuf name: betterproto2 adds ``_`` to Python's keywords."""
    bare = python_name.removesuffix("_")
    return bare if keyword.iskeyword(bare) else python_name


class Builder:
    """Builds the descriptors of all outermost messages and enums that some roots reach."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.references: dict[str, set[str]] = {}
        """Outermost name -> the outermost names its fields use."""
        self.messages: dict[str, Message] = {}
        self.enums: dict[str, Enum] = {}
        self._nested_enums: dict[str, set[type]] = {}

    def build(self, roots: Iterable[str]) -> None:
        """Build every outermost message that the roots reach."""
        waiting = sorted({self.catalogue.outermost(root) for root in roots})
        while waiting:
            top = waiting.pop()
            if top in self.messages or top in self.enums or top.startswith("google.protobuf."):
                continue
            self.references[top] = set()
            self.messages[top] = self._message(top, top)
            waiting += sorted(self.references[top])
        for container, enums in self._nested_enums.items():
            target = self._find(container)
            target.enum_type.extend(
                sorted((enum_descriptor(enum, container) for enum in enums), key=lambda e: e.name)
            )

    def _find(self, name: str) -> Message:
        top = self.catalogue.outermost(name)
        message = self.messages[top]
        for part in name.removeprefix(top).split(".")[1:]:
            message = next(child for child in message.nested_type if child.name == part)
        return message

    def _message(self, name: str, top: str) -> Message:
        message = Message(name=name.rpartition(".")[2])
        depth = name.count(".") + 1
        for child in self.catalogue.nested.get(top, ()):
            if child.startswith(name + ".") and child.count(".") == depth:
                message.nested_type.append(self._message(child, top))
        cls = self.catalogue.classes.get(name)
        if cls is not None:
            self._add_fields(message, cls, name, top)
        return message

    def _add_fields(self, message: Message, cls: type, name: str, top: str) -> None:
        groups: dict[str, int] = {}
        known = cast(Any, cls)._betterproto  # noqa: SLF001  # the only way to its metadata
        for item in sorted(fields(cls), key=lambda f: Metadata.get(f).number):
            meta = Metadata.get(item)
            made = Field(name=proto_name(item.name), number=meta.number)
            made.label = Field.LABEL_OPTIONAL
            if meta.map_meta is not None:
                entry = map_entry(made, name)
                key, value = meta.map_meta
                value_class = known.cls_by_field[item.name + ".value"]
                self._set_type(entry.field[0], key, str, top)
                self._set_type(entry.field[1], value, value_class, top)
                message.nested_type.append(entry)
            else:
                if meta.repeated:
                    made.label = Field.LABEL_REPEATED
                self._set_type(made, meta, known.cls_by_field[item.name], top)
            if meta.group:
                made.oneof_index = groups.setdefault(meta.group, len(groups))
            elif meta.optional and meta.proto_type != betterproto2.TYPE_MESSAGE:
                made.proto3_optional = True
            message.field.append(made)
        for group in groups:
            message.oneof_decl.add(name=group)
        add_synthetic_oneofs(message)

    def _set_type(self, made: Field, meta: Metadata, cls: type, top: str) -> None:
        made.type = Field.Type.Value(f"TYPE_{meta.proto_type.upper()}")
        if meta.proto_type == betterproto2.TYPE_ENUM:
            made.type_name = "." + self._refer_enum(cls, top)
        elif meta.proto_type == betterproto2.TYPE_MESSAGE:
            name = self.catalogue.names[meta.unwrap() if meta.unwrap else cls]
            made.type_name = "." + name
            self.references[top].add(self.catalogue.outermost(name))

    def _refer_enum(self, enum: type, top: str) -> str:
        container = self.catalogue.container(enum)
        if container:
            self._nested_enums.setdefault(container, set()).add(enum)
            self.references[top].add(self.catalogue.outermost(container))
            return f"{container}.{enum_descriptor(enum, container).name}"
        package = enum.__module__.removeprefix(MODULE_PREFIX)
        name = f"{package}.{enum.__name__}"
        if not name.startswith("google.protobuf."):
            self.enums[name] = enum_descriptor(enum, "")
            self.references.setdefault(name, set())
        self.references[top].add(name)
        return name


def map_entry(made: Field, name: str) -> Message:
    """Make ``made`` a map and return the descriptor of its entries, types still to be set."""
    camel = "".join(part[:1].upper() + part[1:] for part in made.name.split("_"))
    made.label, made.type = Field.LABEL_REPEATED, Field.TYPE_MESSAGE
    made.type_name = f".{name}.{camel}Entry"
    entry = Message(name=f"{camel}Entry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=Field.LABEL_OPTIONAL)
    entry.field.add(name="value", number=2, label=Field.LABEL_OPTIONAL)
    return entry


def add_synthetic_oneofs(message: Message) -> None:
    """Give each proto3 ``optional`` the oneof of its own that its presence needs."""
    for made in message.field:
        if made.proto3_optional:
            made.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{made.name}")


def enum_descriptor(enum: type, container: str) -> Enum:
    """Describe an enum by its protobuf value names; zero first, as proto3 wants it."""
    python = cast("type[betterproto2.Enum]", enum)
    original = python.betterproto_value_to_renamed_proto_names()
    flat = flat_name(container) if container else ""
    made = Enum(name=enum.__name__.removeprefix(flat))
    members: list[Any] = list(cast(Any, enum))
    for member in sorted(members, key=lambda item: (item.value != 0, item.value)):
        made.value.add(name=original.get(member.value, member.name), number=member.value)
    return made


def flat_name(name: str) -> str:
    """Return a message's name the way betterproto2 flattens it: ``A.B`` as ``AB``."""
    return "".join(part for part in name.split(".") if part[:1].isupper())


def groups_in_order(references: Mapping[str, set[str]]) -> list[tuple[str, ...]]:
    """Return strongly connected groups of names, each after those it refers to.

    Files of descriptors may not import each other in circles, but messages do refer in circles.
    """
    groups = {name: (name,) for name in references}
    while True:
        graph = {
            groups[name]: {groups[other] for other in used if other in groups} - {groups[name]}
            for name, used in ((n, group_uses(groups[n], references)) for n in sorted(groups))
        }
        try:
            return list(
                TopologicalSorter({k: sorted(graph[k]) for k in sorted(graph)}).static_order()
            )
        except CycleError as error:
            circle = tuple(sorted({name for group in error.args[1] for name in group}))
            groups.update(dict.fromkeys(circle, circle))


def group_uses(group: tuple[str, ...], references: Mapping[str, set[str]]) -> set[str]:
    """Return all names that the members of a group refer to."""
    return {used for name in group for used in references[name]}


def build_files(roots: Iterable[str] = ROOTS) -> descriptor_pb2.FileDescriptorSet:
    """Return the descriptor set of all that the roots reach, dependencies first."""
    roots = tuple(roots)
    catalogue = read_catalogue(roots)
    builder = Builder(catalogue)
    builder.build(roots)
    files = descriptor_pb2.FileDescriptorSet()
    for module in WELL_KNOWN:
        module.DESCRIPTOR.CopyToProto(files.file.add())
    for group in groups_in_order(builder.references):
        add_files(files, group, builder)
    return files


def add_files(
    files: descriptor_pb2.FileDescriptorSet, group: tuple[str, ...], builder: Builder
) -> None:
    """Append the file of one group, which all must be of one package."""
    packages = {name.rpartition(".")[0] for name in group}
    if len(packages) != 1:
        msg = f"messages of several packages refer to each other in a circle: {group}"
        raise ValueError(msg)
    made = files.file.add(name=f"{group[0]}.proto", package=packages.pop(), syntax="proto3")
    home = {
        **{f"{file.package}.{m.name}": file.name for file in files.file for m in file.message_type},
        **{f"{file.package}.{e.name}": file.name for file in files.file for e in file.enum_type},
    }
    used = group_uses(group, builder.references) - set(group)
    made.dependency.extend(sorted({home[name] for name in used}))
    for name in group:
        if name in builder.messages:
            made.message_type.append(builder.messages[name])
        else:
            made.enum_type.append(builder.enums[name])


def main() -> None:
    """Write the descriptor set and its types next to this module."""
    files = build_files()
    OUTPUT.write_bytes(files.SerializeToString(deterministic=True))
    stubs.OUTPUT.write_text(stubs.stub(files))


if __name__ == "__main__":
    main()
