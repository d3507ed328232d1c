"""Derivations: tables computed from tables, one row per touched key, and the tick that runs them.

A derivation has one output row for each row of its primary table. Its function may read other
tables and indexes through :class:`Fetch`, which remembers what was read; when one of those rows
changes, exactly the output rows that read it are computed again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from lockgate.state.table import Index, Table

K = TypeVar("K")
V = TypeVar("V")
G = TypeVar("G")
P = TypeVar("P")
R = TypeVar("R")

Read = tuple[int, Any]


class Fetch:
    """What a derivation's function may read; every read is remembered as a dependency."""

    def __init__(self, allowed: dict[int, Table[Any, Any]]) -> None:
        self._allowed = allowed
        self.reads: set[Read] = set()

    def get(self, table: Table[K, R], key: K) -> R | None:
        """Return the row of ``table`` at ``key``; the output depends on it, present or not."""
        self._remember(table, key)
        return table.get(key)

    def group(self, index: Index[K, R, G], group: G) -> list[tuple[K, R]]:
        """Return the rows of a group; the output depends on each of them and on who is in it."""
        self._remember(index.groups, group)
        members = index.groups.get(group)
        if members is None:
            return []
        rows = ((key, index.table.get(key)) for key in members)
        return [(key, row) for key, row in rows if row is not None]

    def _remember(self, table: Table[Any, Any], key: object) -> None:
        if id(table) not in self._allowed:
            msg = f"table {table.name!r} is read but not declared as an input"
            raise LookupError(msg)
        self.reads.add((id(table), key))


class Derivation(Generic[K, P, V]):
    """A table computed from ``primary``, row by row, by a pure function.

    Args:
        name: of the output table.
        primary: the table whose keys the output has.
        compute: from key, primary row and :class:`Fetch` to the output row, or None for no row.
        reads: every other table or index that ``compute`` may read.
    """

    def __init__(
        self,
        name: str,
        primary: Table[K, P],
        compute: Callable[[K, P, Fetch], V | None],
        reads: tuple[Table[Any, Any] | Index[Any, Any, Any], ...] = (),
    ) -> None:
        self.output: Table[K, V] = Table(name)
        self.recomputed = 0
        """How many rows were computed so far; the measure of work that tests count."""
        self._primary = primary
        self._compute = compute
        tables = [entry.groups if isinstance(entry, Index) else entry for entry in reads]
        self._inputs = {id(table): table for table in tables}
        self._seen = dict.fromkeys([id(primary), *self._inputs], 0)
        self._readers: dict[Read, set[K]] = {}
        self._reads: dict[K, set[Read]] = {}

    @property
    def sources(self) -> list[Table[Any, Any]]:
        """The tables this derivation reads, the primary one first."""
        return [self._primary, *self._inputs.values()]

    def refresh(self) -> None:
        """Bring the output up to date with its inputs."""
        for key in self._dirty():
            self._refresh(key)

    def seen(self, table: Table[Any, Any]) -> int:
        """Return the revision of ``table`` that the output reflects."""
        return self._seen[id(table)]

    def _dirty(self) -> set[K]:
        dirty: set[K] = set(self._primary.changes(self._seen[id(self._primary)]))
        for table_id, table in self._inputs.items():
            for key in table.changes(self._seen[table_id]):
                dirty |= self._readers.get((table_id, key), set())
        for table in self.sources:
            self._seen[id(table)] = table.revision
        return dirty

    def _refresh(self, key: K) -> None:
        row = self._primary.get(key)
        if row is None:
            self._depend(key, set())
            self.output.delete(key)
            return
        fetch = Fetch(self._inputs)
        self.recomputed += 1
        value = self._compute(key, row, fetch)
        self._depend(key, fetch.reads)
        if value is None:
            self.output.delete(key)
        else:
            self.output.put(key, value)

    def _depend(self, key: K, reads: set[Read]) -> None:
        before = self._reads.pop(key, set())
        for read in before - reads:
            readers = self._readers[read]
            readers.discard(key)
            if not readers:
                del self._readers[read]
        for read in reads - before:
            self._readers.setdefault(read, set()).add(key)
        if reads:
            self._reads[key] = reads


class Union(Generic[K, V]):
    """A table of the rows of two tables; where both have a key, the first one's row."""

    def __init__(self, name: str, first: Table[K, V], second: Table[Any, Any]) -> None:
        self.output: Table[K, V] = Table(name)
        self.recomputed = 0
        """How many rows were taken over so far."""
        self._tables = (first, second)
        self._seen = [0, 0]

    def refresh(self) -> None:
        """Bring the output up to date with its inputs."""
        changed: set[K] = set()
        for number, table in enumerate(self._tables):
            changed |= table.changes(self._seen[number])
            self._seen[number] = table.revision
        for key in changed:
            self.recomputed += 1
            rows = (table.get(key) for table in self._tables)
            row = next((found for found in rows if found is not None), None)
            if row is None:
                self.output.delete(key)
            else:
                self.output.put(key, row)


class Graph:
    """Derivations in dependency order; :meth:`tick` refreshes each once, however much changed."""

    def __init__(self) -> None:
        self._derivations: list[Derivation[Any, Any, Any] | Union[Any, Any]] = []

    def derive(
        self,
        name: str,
        primary: Table[K, P],
        compute: Callable[[K, P, Fetch], V | None],
        reads: tuple[Table[Any, Any] | Index[Any, Any, Any], ...] = (),
    ) -> Derivation[K, P, V]:
        """Add a derivation; its inputs must have been added before it."""
        derivation: Derivation[K, P, V] = Derivation(name, primary, compute, reads)
        self._derivations.append(derivation)
        return derivation

    def unite(self, name: str, first: Table[K, V], second: Table[Any, Any]) -> Table[K, V]:
        """Add a table of the rows of two tables, which must have been added before it."""
        union: Union[K, V] = Union(name, first, second)
        self._derivations.append(union)
        return union.output

    def tick(self) -> None:
        """Refresh every derivation whose inputs changed, in the order they were added."""
        for derivation in self._derivations:
            derivation.refresh()

    def recomputed(self) -> dict[str, int]:
        """Return how many rows each derivation has computed so far, by name."""
        return {derivation.output.name: derivation.recomputed for derivation in self._derivations}
