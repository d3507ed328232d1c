"""Addresses of DNS names as answers said, for as long as policies may rely on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

MAX_ADDRESSES = 1000
"""Of one name; the ones that expire first go."""


class LearntNames:
    """Names with their addresses, each until its time has passed.

    Times are seconds since the epoch, for they outlive the agent. An address is kept for its TTL
    but at least for ``min_ttl_s``: a connection made within the TTL may last longer.
    """

    def __init__(self, min_ttl_s: float, restored: Mapping[str, Any] | None = None) -> None:
        self._min_ttl_s = min_ttl_s
        self._until: dict[str, dict[str, float]] = {
            name: dict(addresses) for name, addresses in (restored or {}).items()
        }

    def learn(self, name: str, answers: Iterable[tuple[str, float]], now: float) -> bool:
        """Take in (address, TTL in seconds) pairs; return whether a new address is among them."""
        known = self._until.setdefault(name, {})
        before = set(known)
        for address, ttl_s in answers:
            until = now + max(ttl_s, self._min_ttl_s)
            known[address] = max(until, known.get(address, 0.0))
        for address in sorted(known, key=lambda one: known[one])[: len(known) - MAX_ADDRESSES]:
            del known[address]
        if not known:
            del self._until[name]
        return set(known) != before

    def expire(self, now: float) -> set[str]:
        """Forget addresses whose time has passed; return the names that lost any."""
        lost: set[str] = set()
        for name, known in list(self._until.items()):
            gone = [address for address, until in known.items() if until <= now]
            if gone:
                lost.add(name)
            for address in gone:
                del known[address]
            if not known:
                del self._until[name]
        return lost

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return the addresses of a name, sorted."""
        return tuple(sorted(self._until.get(name, ())))

    def names(self) -> list[str]:
        """Return every name that has an address."""
        return list(self._until)

    def state(self) -> dict[str, Any]:
        """Return what the next agent must be given to know the same."""
        return self._until
