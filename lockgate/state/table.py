"""Tables: keyed rows whose changes are numbered, and secondary indexes over them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
G = TypeVar("G")


class Table(Generic[K, V]):
    """Rows by key. Writing an equal row changes nothing; every real change takes a new revision.

    Rows must be immutable values that compare by content.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.revision = 0
        self._rows: dict[K, V] = {}
        self._changed_at: OrderedDict[K, int] = OrderedDict()
        self._indexes: list[Index[K, V, object]] = []

    def put(self, key: K, row: V) -> bool:
        """Write a row; return whether anything changed."""
        old = self._rows.get(key)
        if old is not None and old == row:
            return False
        self._rows[key] = row
        self._note(key, old, row)
        return True

    def delete(self, key: K) -> bool:
        """Remove a row; return whether there was one."""
        old = self._rows.pop(key, None)
        if old is None:
            return False
        self._note(key, old, None)
        return True

    def replace(self, rows: dict[K, V]) -> None:
        """Make the table hold exactly ``rows``; equal rows stay untouched."""
        for key in [key for key in self._rows if key not in rows]:
            self.delete(key)
        for key, row in rows.items():
            self.put(key, row)

    def get(self, key: K) -> V | None:
        """Return the row, or None."""
        return self._rows.get(key)

    def changes(self, since: int) -> set[K]:
        """Return the keys written or deleted after revision ``since``, each once.

        The cost is the number of keys returned.
        """
        keys: set[K] = set()
        for key in reversed(self._changed_at):
            if self._changed_at[key] <= since:
                break
            keys.add(key)
        return keys

    def forget_deleted(self, until: int) -> None:
        """Drop the memory of changes up to revision ``until`` that every reader has seen."""
        while self._changed_at:
            key, revision = next(iter(self._changed_at.items()))
            if revision > until:
                return
            del self._changed_at[key]

    def items(self) -> Iterable[tuple[K, V]]:
        """Return all rows; their order is that of first insertion."""
        return self._rows.items()

    def keys(self) -> Iterable[K]:
        """Return all keys."""
        return self._rows.keys()

    def values(self) -> Iterable[V]:
        """Return all rows without their keys."""
        return self._rows.values()

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[K]:
        return iter(self._rows)

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def attach(self, index: Index[K, V, object]) -> None:
        """Keep ``index`` up to date from now on; called by the index itself."""
        self._indexes.append(index)
        for key, row in self._rows.items():
            index.note(key, None, row)

    def _note(self, key: K, old: V | None, new: V | None) -> None:
        self.revision += 1
        self._changed_at[key] = self.revision
        self._changed_at.move_to_end(key)
        for index in self._indexes:
            index.note(key, old, new)


class Index(Generic[K, V, G]):
    """The keys of a table grouped by what a function says of each row.

    A group is itself a row of :attr:`groups`: a frozenset of table keys, so a change in a
    table touches only the groups its row was in and is in. A group also changes when a row in
    it changes, even if its members stay, since whoever reads the group reads its rows.
    """

    def __init__(self, table: Table[K, V], groups_of: Callable[[K, V], Iterable[G]]) -> None:
        self.table = table
        self.groups: Table[G, Group[K]] = Table(f"{table.name} by group")
        self._groups_of = groups_of
        table.attach(self)  # type: ignore[arg-type]  # the table does not care how we group

    def note(self, key: K, old: V | None, new: V | None) -> None:
        """Take note of one changed row; called by the table."""
        before = set() if old is None else set(self._groups_of(key, old))
        after = set() if new is None else set(self._groups_of(key, new))
        for group in before | after:
            self._touch(group, key, group in after)

    def _touch(self, group: G, key: K, member: bool) -> None:
        held = self.groups.get(group)
        if held is None:
            held = Group(0, {})
        # Members live in a dict shared between versions, so that a change costs one key.
        if member:
            held.members[key] = None
        else:
            held.members.pop(key, None)
        if held.members:
            self.groups.put(group, Group(held.version + 1, held.members))
        else:
            self.groups.delete(group)


class Group(Generic[K]):
    """The members of one group, in order of entry; two groups are equal if of one version."""

    __slots__ = ("members", "version")

    def __init__(self, version: int, members: dict[K, None]) -> None:
        self.version = version
        self.members = members

    def __iter__(self) -> Iterator[K]:
        return iter(self.members)

    def __len__(self) -> int:
        return len(self.members)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Group)
            and self.members is other.members
            and self.version == other.version
        )

    __hash__ = None  # type: ignore[assignment]  # a group is a live view, not a key
