"""Who waits for what, in the order in which they came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from controllers.load_balanced import Key
from lockgate.model.service import Family

Want = tuple[str, ...]
"""What is waited for; the first part tells the kind apart."""


def any_of(pool: str, family: Family) -> Want:
    """Return the want for any address of a pool."""
    return "pool", pool, family


def one_address(address: str) -> Want:
    """Return the want for an address in particular."""
    return "address", address


def partner(namespace: str, sharing_key: str) -> Want:
    """Return the want for a Service to share with."""
    return "partner", namespace, sharing_key


class Waiting:
    """Services that lack an address, and what would give them one.

    Who goes on waiting keeps its place.
    """

    def __init__(self) -> None:
        self._wants: dict[Key, frozenset[Want]] = {}
        self._queues: dict[Want, dict[Key, None]] = {}

    def __len__(self) -> int:
        return len(self._wants)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._wants)

    def set(self, key: Key, wants: Iterable[Want] | None) -> list[Key]:
        """Have a Service wait for this and nothing else; None: it waits no longer.

        Returns who is next where it waited and does no more: what came free may be for them.
        """
        before = self._wants.get(key, frozenset())
        after = frozenset(wants or ())
        if wants is None:
            self._wants.pop(key, None)
        else:
            self._wants[key] = after
        for want in sorted(after - before):
            self._queues.setdefault(want, {})[key] = None
        return [found for want in sorted(before - after) for found in self._leave(key, want)]

    def _leave(self, key: Key, want: Want) -> list[Key]:
        queue = self._queues[want]
        del queue[key]
        if not queue:
            del self._queues[want]
        return self.first(want)

    def first(self, want: Want) -> list[Key]:
        """Return who waits longest for something, or nobody."""
        return list(islice(self._queues.get(want, ()), 1))

    def all(self, want: Want) -> list[Key]:
        """Return everybody who waits for something."""
        return list(self._queues.get(want, ()))
