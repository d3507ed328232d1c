"""Where a reconciler is in a table: what it has still to apply."""

from __future__ import annotations

from typing import Generic, TypeVar

from lockgate.state import Table

K = TypeVar("K")
V = TypeVar("V")


class Cursor(Generic[K, V]):
    """The keys of a table that changed and were not yet applied; one that failed stays."""

    def __init__(self, table: Table[K, V]) -> None:
        self.table = table
        self._seen = 0
        self._pending: set[K] = set()

    def pending(self) -> dict[K, V | None]:
        """Return what is to be applied: the row as it is now, None for a deleted one."""
        self._pending |= self.table.changes(self._seen)
        self._seen = self.table.revision
        return {key: self.table.get(key) for key in self._pending}

    def again(self, key: K) -> None:
        """Have a key applied again, although its row is as it was."""
        self._pending.add(key)

    def done(self, key: K) -> None:
        """Take note that a key's present row is applied."""
        self._pending.discard(key)

    def take(self) -> dict[K, V | None]:
        """Return what is to be applied and count it as done."""
        taken = self.pending()
        self._pending.clear()
        return taken
