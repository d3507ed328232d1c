"""A watched folder of ordinary Kubernetes YAML."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from watchfiles import awatch

from lockgate.model.meta import ObjectRef, Problem
from lockgate.sources.parse import IGNORED, Declaration, object_ref, parse

SUFFIXES = (".yaml", ".yml", ".json")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DEBOUNCE_MS = 50
"""Editors write a file in several steps; what they do within this time is one change."""


@dataclass(frozen=True, slots=True)
class Found:
    """One object of a file; ``rows`` is empty if it was refused."""

    ref: ObjectRef
    rows: tuple[Declaration, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Delta:
    """What changed: rows to write, objects to remove, and per file all that is wrong in it."""

    put: tuple[Declaration, ...] = ()
    delete: tuple[ObjectRef, ...] = ()
    problems: dict[str, tuple[Problem, ...]] = field(default_factory=dict)


def read_file(path: Path, shown: str) -> list[Found]:
    """Read a file; one that cannot be parsed at all yields a single problem and no object."""
    try:
        text = path.read_text()
        nodes = [node for node in yaml.compose_all(text, _LOADER) if node is not None]
        documents = [
            row for row in yaml.load_all(text, _LOADER) if row is not None
        ]  # a safe loader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{shown} line {mark.line + 1}" if mark else shown
        ref = ObjectRef("File", "", shown)
        text = str(getattr(error, "problem", None) or error)
        fix = "correct the file; until then its last good version stays in force"
        return [Found(ref, (), (Problem(ref, "", "Unreadable", text, fix, where),))]
    found: list[Found] = []
    for number, (document, node) in enumerate(zip(documents, nodes, strict=True), start=1):
        for item, item_node in _items(document, node):
            found.append(_found(item, item_node, f"{shown} document {number}"))
    return found


def validate_files(paths: Iterable[Path]) -> list[Problem]:
    """Return what is wrong in files and in the files of folders."""
    problems: list[Problem] = []
    for path in paths:
        for file in _files(path) if path.is_dir() else [path]:
            problems += [problem for row in read_file(file, str(file)) for problem in row.problems]
    return [problem for problem in problems if problem.reason != IGNORED]


class ManifestSource:
    """The objects in force in a folder, and how they change.

    An object that is refused leaves its last good version in force, and so does a file that
    cannot be read. Work is proportional to the files that changed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._owners: dict[ObjectRef, str] = {}
        self._files: dict[str, dict[ObjectRef, tuple[Declaration, ...]]] = {}

    def read(self) -> Delta:
        """Read the whole folder; the first change."""
        return self._take(_files(self._folder))

    async def watch(self) -> AsyncIterator[Delta]:
        """Yield a change whenever files changed; call :meth:`read` before."""
        async for events in awatch(self._folder, debounce=DEBOUNCE_MS, step=DEBOUNCE_MS):
            paths = {Path(path) for _, path in events if path.endswith(SUFFIXES)}
            gone = {
                self._folder / name for name in self._files if not (self._folder / name).exists()
            }
            if paths | gone:
                yield self._take(sorted(paths | gone))

    def _take(self, paths: Iterable[Path]) -> Delta:
        put: list[Declaration] = []
        delete: list[ObjectRef] = []
        problems: dict[str, tuple[Problem, ...]] = {}
        for path in paths:
            name = str(path.relative_to(self._folder))
            found = read_file(path, name) if path.exists() else []
            problems[name] = tuple(self._apply(name, found, put, delete))
        written = {object_ref(row) for row in put}
        return Delta(tuple(put), tuple(ref for ref in delete if ref not in written), problems)

    def _apply(
        self, name: str, found: list[Found], put: list[Declaration], delete: list[ObjectRef]
    ) -> Iterator[Problem]:
        before = self._files.get(name, {})
        if any(row.ref.kind == "File" for row in found):
            yield from found[0].problems
            return
        after: dict[ObjectRef, tuple[Declaration, ...]] = {}
        for row in found:
            yield from row.problems
            owner = self._owners.get(row.ref, name)
            if owner != name or row.ref in after:
                yield _duplicate(row.ref, owner, name)
                continue
            rows = row.rows or before.get(row.ref, ())
            if rows:
                after[row.ref] = rows
                self._owners[row.ref] = name
            if row.rows and row.rows != before.get(row.ref):
                put += row.rows
        for ref in before.keys() - after.keys():
            delete.append(ref)
            self._owners.pop(ref, None)
        self._files[name] = after
        if not after:
            del self._files[name]


def _duplicate(ref: ObjectRef, owner: str, name: str) -> Problem:
    fix = "remove one of the two"
    return Problem(ref, "", "Duplicate", f"it is already declared in {owner}", fix, name)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file())


def _items(document: Any, node: yaml.Node) -> Iterator[tuple[Any, yaml.Node]]:
    """Yield a document, or each item of a List, with its node."""
    if not (isinstance(document, dict) and str(document.get("kind", "")).endswith("List")):
        yield document, node
        return
    listed = _child(node, "items")
    for number, item in enumerate(document.get("items") or ()):
        yield item, (_child(listed, number) if listed else None) or node


def _found(document: Any, node: yaml.Node, origin: str) -> Found:
    ref, rows, problems = parse(document)
    placed = [replace(row, origin=f"{origin} line {_line(node, row.field)}") for row in problems]
    return Found(ref, tuple(rows), tuple(placed))


def _line(node: yaml.Node, path: str) -> int:
    """Return the line of a field, or of the nearest thing around it that is there."""
    parts = path.replace("[", ".[").split(".") if path else []
    for part in parts:
        key: str | int = int(part[1:-1]) if part.startswith("[") else part
        child = _child(node, key)
        if child is None:
            break
        node = child
    return int(node.start_mark.line) + 1


def _child(node: yaml.Node | None, key: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key:
                # Where the key stands is where a reader looks.
                value.start_mark = name.start_mark
                found: yaml.Node = value
                return found
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        item: yaml.Node = node.value[key]
        return item
    return None
