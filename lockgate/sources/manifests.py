"""A watched folder of ordinary Kubernetes YAML."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from watchfiles import awatch

from lockgate.model.meta import ObjectRef, Problem
from lockgate.sources.parse import IGNORED, Declaration, parse

SUFFIXES = (".yaml", ".yml", ".json")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
FIRST_LOOK_MS = 200
"""How often the watch returns without events; only its first return is used."""
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
    """What changed: rows to write, objects to remove, and all that is wrong in some files.

    ``problems`` has the files whose problems are others than before, with none if all is well.
    """

    put: tuple[Declaration, ...] = ()
    delete: tuple[ObjectRef, ...] = ()
    problems: dict[str, tuple[Problem, ...]] = field(default_factory=dict)


def read_file(path: Path, shown: str, *, compat_cilium: bool = False) -> list[Found]:
    """Read a file; one that cannot be parsed at all yields a single problem and no object."""
    try:
        text = path.read_text()
        nodes = list(yaml.compose_all(text, _LOADER))
        documents = list(yaml.load_all(text, _LOADER))  # a safe loader
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{shown} line {mark.line + 1}" if mark else shown
        ref = ObjectRef("File", "", shown)
        text = str(getattr(error, "problem", None) or error)
        fix = "correct the file; until then its last good version stays in force"
        return [Found(ref, (), (Problem(ref, "", "Unreadable", text, fix, where),))]
    found: list[Found] = []
    for number, (document, node) in enumerate(zip(documents, nodes, strict=True), start=1):
        if document is None:
            continue  # nothing but comments between two separators
        for item, item_node in _items(document, node):
            found.append(
                _found(item, item_node, f"{shown} document {number}", compat_cilium=compat_cilium)
            )
    return found


def validate_files(paths: Iterable[Path], *, compat_cilium: bool = False) -> list[Problem]:
    """Return what is wrong in files and in the files of folders."""
    problems: list[Problem] = []
    for path in paths:
        for file in _files(path) if path.is_dir() else [path]:
            found = read_file(file, str(file), compat_cilium=compat_cilium)
            problems += [problem for row in found for problem in row.problems]
    return [problem for problem in problems if problem.reason != IGNORED]


class ManifestSource:
    """The objects in force in a folder, and how they change.

    An object that is refused leaves its last good version in force, and so does a file that
    cannot be read. Work is proportional to the files that changed.
    """

    def __init__(self, folder: Path, *, compat_cilium: bool = False) -> None:
        self._compat_cilium = compat_cilium
        # Events name absolute paths, whatever way the folder was given.
        self._folder = folder.resolve()
        self._names: set[str] = set()
        self._files: dict[str, dict[ObjectRef, tuple[Declaration, ...]]] = {}
        self._claims: dict[ObjectRef, set[str]] = {}
        """The files that declare an object; the first by name is in force."""
        self._in_force: dict[ObjectRef, tuple[Declaration, ...]] = {}
        self._refused: dict[str, tuple[Problem, ...]] = {}
        self._told: dict[str, tuple[Problem, ...]] = {}

    def read(self) -> Delta:
        """Read the whole folder; the first change."""
        return self._take(_files(self._folder))

    async def start(self) -> Delta:
        """Read the whole folder without holding up others."""
        return await asyncio.to_thread(self.read)

    async def close(self) -> None:
        """Nothing is held between reads."""

    @property
    def faults(self) -> list[str]:
        """Why objects cannot be followed at the moment: a folder is always there."""
        return []

    def _read_file(self, path: Path, name: str) -> list[Found]:
        return read_file(path, name, compat_cilium=self._compat_cilium)

    async def watch(self) -> AsyncIterator[Delta]:
        """Yield a change whenever files changed; call :meth:`read` before."""
        first = True
        async for events in awatch(
            self._folder,
            debounce=DEBOUNCE_MS,
            step=DEBOUNCE_MS,
            rust_timeout=FIRST_LOOK_MS,
            yield_on_timeout=True,
        ):
            if first:
                # What changed after read() and before the watch stood has no event.
                first = False
                paths = {*_files(self._folder), *map(self._folder.joinpath, self._names)}
            elif events:
                paths = {Path(path) for _, path in events if path.endswith(SUFFIXES)}
                paths |= {path for _, folder in events for path in self._lost(Path(folder))}
            else:
                continue
            delta = self._take(sorted(paths))
            if delta.put or delta.delete or delta.problems:
                yield delta

    def _lost(self, folder: Path) -> list[Path]:
        """Return the files read from a folder that is gone; they have no events of their own."""
        if folder.exists():
            return []
        known = (self._folder / name for name in self._names)
        return [path for path in known if folder in path.parents]

    def _take(self, paths: Iterable[Path]) -> Delta:
        names: dict[str, list[Found]] = {}
        for path in paths:
            name = str(path.relative_to(self._folder))
            found = self._read_file(path, name) if path.exists() else None
            if found is None:
                self._names.discard(name)
            else:
                self._names.add(name)
            names[name] = found or []
        touched: dict[ObjectRef, None] = {}
        for name, found in names.items():
            touched |= self._claim(name, found)
        put, delete, others = self._settle(touched)
        problems = {
            name: (*self._refused.get(name, ()), *self._duplicates(name))
            for name in (*names, *others)
        }
        changed = {name: row for name, row in problems.items() if self._told.get(name, ()) != row}
        self._told.update(changed)
        return Delta(tuple(put), tuple(delete), changed)

    def _claim(self, name: str, found: list[Found]) -> dict[ObjectRef, None]:
        """Take down what a file declares; return the objects it declared or now declares."""
        before = self._files.get(name, {})
        self._refused[name] = tuple(problem for row in found for problem in row.problems)
        after: dict[ObjectRef, tuple[Declaration, ...]] = {}
        for row in found:
            if row.ref in after:
                self._refused[name] += (_duplicate(row.ref, name, name),)
                continue
            rows = row.rows or before.get(row.ref, ())
            if rows:
                after[row.ref] = rows
        # While an object cannot be told by name, it may be any of those that are missing.
        if any(row.ref.kind == "File" or not (row.ref.kind and row.ref.name) for row in found):
            after = {**before, **after}
        self._files[name] = after
        for ref in before.keys() - after.keys():
            self._claims[ref].discard(name)
        for ref in after:
            self._claims.setdefault(ref, set()).add(name)
        if not after:
            del self._files[name]
        return dict.fromkeys([*after, *(ref for ref in before if ref not in after)])

    def _settle(
        self, touched: Iterable[ObjectRef]
    ) -> tuple[list[Declaration], list[ObjectRef], set[str]]:
        """Return rows to write, objects to remove, and the files whose duplicates changed."""
        put: list[Declaration] = []
        delete: list[ObjectRef] = []
        others: set[str] = set()
        for ref in touched:
            names = self._claims[ref]
            others |= names
            if not names:
                del self._claims[ref]
                if self._in_force.pop(ref, None) is not None:
                    delete.append(ref)
                continue
            rows = self._files[min(names)][ref]
            if self._in_force.get(ref) != rows:
                self._in_force[ref] = rows
                put += rows
        return put, delete, others

    def _duplicates(self, name: str) -> Iterator[Problem]:
        for ref in self._files.get(name, ()):
            first = min(self._claims[ref])
            if first != name:
                yield _duplicate(ref, first, name)


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


def _found(document: Any, node: yaml.Node, origin: str, *, compat_cilium: bool) -> Found:
    ref, rows, problems = parse(document, compat_cilium=compat_cilium)
    repeated = next(_repeated(node), None)
    if repeated is not None:
        # Which of the two was meant nobody can tell.
        text, fix = f"the key {repeated.value!r} stands twice", "remove one of the two"
        line = f"{origin} line {repeated.start_mark.line + 1}"
        return Found(ref, (), (Problem(ref, "", "DuplicateKey", text, fix, line),))
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


def _repeated(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Yield keys that stand a second time in one mapping, anywhere below a node."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen and key.value != "<<":
                    yield key
                seen.add(key.value)
            yield from _repeated(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item)


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
