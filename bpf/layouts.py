"""What entries of maps are made of, by name, and how those of one schema become those of another.

The structs are read from ``programs/datapath.h``, so that a field is named once. A field keeps its
name as long as it means the same: entries are carried over by these names.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from bpf.compile import SOURCES
from bpf.maps import HASH, LPM_TRIE, LRU_HASH, MapSpec

_NUMBERS: Final = {"u8": 1, "u16": 2, "u32": 4, "u64": 8}
_LETTERS: Final = {1: "B", 2: "H", 4: "I", 8: "Q"}
_PADDING: Final = "pad"
_STRUCT: Final = re.compile(r"^struct (\w+) \{([^}]*)\}", re.MULTILINE)
_MEMBER: Final = re.compile(r"(?:struct )?(\w+) (\w+)(?:\[(\d+)\])?;")
_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a struct; ``offset`` and ``size`` in bytes."""

    name: str
    offset: int
    size: int
    number: bool
    """One integer, whose width may change from schema to schema."""


@dataclass(frozen=True, slots=True)
class Record:
    """A key or a value."""

    size: int
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """All that one schema says of a map."""

    kind: int
    entries: int
    key: Record
    value: Record


def layouts_of(specs: Iterable[MapSpec]) -> dict[str, Layout]:
    """Return the layouts of maps of this schema, by name."""
    known = records_of((SOURCES / "datapath.h").read_text())
    return {
        spec.name: Layout(
            spec.kind,
            spec.entries,
            known[spec.key_type] if spec.key_type else _plain(spec.key),
            known[spec.value_type] if spec.value_type else _plain(spec.value),
        )
        for spec in specs
        if spec.carried
    }


def _plain(form: str) -> Record:
    size = struct.calcsize(form)
    return Record(size, (Field("number", 0, size, True),))


def records_of(text: str) -> dict[str, Record]:
    """Return the structs of a C text, laid out as compilers do."""
    sizes = {name: (size, size) for name, size in _NUMBERS.items()}
    found = {}
    for name, body in _STRUCT.findall(_COMMENT.sub("", text)):
        at, widest, fields = 0, 1, []
        for kind, member, times in _MEMBER.findall(body):
            size, alignment = sizes[kind]
            at = _aligned(at, alignment)
            widest = max(widest, alignment)
            whole = size * int(times or 1)
            if member != _PADDING:
                fields.append(Field(member, at, whole, kind in _NUMBERS and not times))
            at += whole
        sizes[name] = (_aligned(at, widest), widest)
        found[name] = Record(_aligned(at, widest), tuple(fields))
    return found


def _aligned(at: int, alignment: int) -> int:
    return -(-at // alignment) * alignment


def mismatch(old: Layout, new: Layout) -> str:
    """Return why entries of one layout cannot become those of another, empty if they can."""
    if old.kind != new.kind and {old.kind, new.kind} != {HASH, LRU_HASH}:
        return f"it is a map of kind {new.kind}, not {old.kind}"
    if new.kind == LPM_TRIE and old.key != new.key:
        return "its prefixes are of another key"
    for before, after in ((old.key, new.key), (old.value, new.value)):
        sizes = {field.name: field for field in before.fields}
        for field in after.fields:
            known = sizes.get(field.name, field)
            if known.size != field.size and not (known.number and field.number):
                return f"{field.name} has {field.size} bytes, not {known.size}"
    return ""


class Converter:
    """Turns records of one layout into another's: a field that is new is zero, others are dropped.

    A number may get another width; a record whose number does not fit then is left out.
    """

    def __init__(self, old: Record, new: Record) -> None:
        self.is_identity = old == new
        before = {field.name: field for field in old.fields}
        after = {field.name: field for field in new.fields}
        shared = before.keys() & after.keys()
        wider = {name for name in shared if before[name].size != after[name].size}
        read = [field for field in old.fields if field.name in shared]
        write = [field for field in new.fields if field.name in shared]
        self._read = struct.Struct(_form(old.size, read, wider))
        self._write = struct.Struct(_form(new.size, write, wider))
        names = [field.name for field in read]
        self._order = [names.index(field.name) for field in write]

    def convert(self, raw: bytes) -> Iterator[bytes | None]:
        """Yield each of the records that stand one after the other; None: it does not fit."""
        for fields in self._read.iter_unpack(raw):
            try:
                yield self._write.pack(*[fields[place] for place in self._order])
            except struct.error:
                yield None


def _form(size: int, fields: Iterable[Field], numbers: set[str]) -> str:
    form, at = "=", 0
    for field in fields:
        form += f"{field.offset - at}x"
        form += _LETTERS[field.size] if field.name in numbers else f"{field.size}s"
        at = field.offset + field.size
    return f"{form}{size - at}x"


def write_manifest(path: Path, layouts: dict[str, Layout]) -> None:
    """Note for agents to come what the maps of this schema are made of."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({name: asdict(one) for name, one in layouts.items()}))
    partial.rename(path)


def read_manifest(path: Path) -> dict[str, Layout]:
    """Return what an agent noted; nothing if it did not, or not in a way that can be read."""
    try:
        document = json.loads(path.read_text())
        return {name: _layout(row) for name, row in document.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _layout(row: dict[str, Any]) -> Layout:
    return Layout(int(row["kind"]), int(row["entries"]), _record(row["key"]), _record(row["value"]))


def _record(row: dict[str, Any]) -> Record:
    fields = (
        Field(str(one["name"]), int(one["offset"]), int(one["size"]), bool(one["number"]))
        for one in row["fields"]
    )
    return Record(int(row["size"]), tuple(fields))
