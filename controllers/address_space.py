"""Which prefixes of an IP family are taken, and which is the next free one.

Only prefixes that hold something taken are remembered, each with the largest free prefix inside.
So taking, releasing and finding cost steps in the bits of an address, however many are taken, and
prefixes of any length share one space.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from lockgate.model.service import Family

BITS: dict[Family, int] = {"IPv4": 32, "IPv6": 128}
_NO_ROOM = 129
"""Longer than any prefix."""


@dataclass(frozen=True, slots=True, order=True)
class Prefix:
    """An address block: the leading ``length`` bits of its addresses are ``value``."""

    family: Family
    length: int
    value: int

    @classmethod
    def of(cls, text: str) -> Prefix:
        """Read a prefix, or an address as a prefix of full length; ValueError: it is neither."""
        network = ip_network(text, strict=False)
        family: Family = "IPv4" if network.version == 4 else "IPv6"
        shift = BITS[family] - network.prefixlen
        return cls(family, network.prefixlen, int(network.network_address) >> shift)

    @property
    def address(self) -> str:
        """Its first address."""
        first = self.value << (BITS[self.family] - self.length)
        return str(IPv4Address(first) if self.family == "IPv4" else IPv6Address(first))

    def __str__(self) -> str:
        return f"{self.address}/{self.length}"

    def holds(self, other: Prefix) -> bool:
        """Say whether another prefix lies in this one, or is this one."""
        inside = self.family == other.family and self.length <= other.length
        return inside and other.value >> (other.length - self.length) == self.value

    def overlaps(self, other: Prefix) -> bool:
        """Say whether they have an address in common."""
        return self.holds(other) or other.holds(self)

    def parts(self, length: int) -> int:
        """Return how many prefixes of a length it holds."""
        return 1 << (length - self.length) if length >= self.length else 0


class AddressSpace:
    """One IP family's addresses; what is taken twice must be released twice."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self._taken: dict[tuple[int, int], int] = {}
        """How often each prefix is taken, by length and value."""
        self._room: dict[tuple[int, int], int] = {}
        """Length of the largest free prefix in a prefix with something taken inside."""

    def take(self, prefix: Prefix) -> None:
        """Take a prefix, free or not."""
        key = prefix.length, prefix.value
        self._taken[key] = self._taken.get(key, 0) + 1
        if self._taken[key] == 1:
            self._update(prefix)

    def release(self, prefix: Prefix) -> None:
        """Release a prefix that was taken."""
        key = prefix.length, prefix.value
        self._taken[key] -= 1
        if not self._taken[key]:
            del self._taken[key]
            self._update(prefix)

    def is_free(self, prefix: Prefix) -> bool:
        """Say whether no address of a prefix is taken."""
        if (prefix.length, prefix.value) in self._room:
            return False
        above = ((n, prefix.value >> (prefix.length - n)) for n in range(prefix.length))
        return not any(key in self._taken for key in above)

    def free(self, within: Prefix, length: int, after: Prefix | None = None) -> Prefix | None:
        """Return a free prefix of a length, the first behind another or else the first of all.

        Args:
            within: where to look.
            length: of the prefix.
            after: of the same length; what it holds is looked at last.
        """
        if length < within.length or not self._is_open(within):
            return None
        start = 0 if after is None else after.value + 1
        found = self._find(within.length, within.value, length, start)
        if found is None and start:
            found = self._find(within.length, within.value, length, 0)
        return None if found is None else Prefix(self.family, length, found)

    def _is_open(self, within: Prefix) -> bool:
        """Say whether no larger prefix around it is taken."""
        above = ((n, within.value >> (within.length - n)) for n in range(within.length))
        return not any(key in self._taken for key in above)

    def _find(self, length: int, value: int, wanted: int, start: int) -> int | None:
        first = value << (wanted - length)
        last = first + (1 << (wanted - length)) - 1
        room = self._room.get((length, value))
        if last < start or (room is not None and room > wanted):
            return None
        if room is None:
            return max(first, start)
        for half in (2 * value, 2 * value + 1):
            found = self._find(length + 1, half, wanted, start)
            if found is not None:
                return found
        return None

    def _update(self, prefix: Prefix) -> None:
        """Find the room of a prefix, and of those around it, anew."""
        length, value = prefix.length, prefix.value
        while True:
            room = self._room_of(length, value)
            if room == length:
                self._room.pop((length, value), None)
            else:
                self._room[length, value] = room
            if not length:
                return
            length, value = length - 1, value >> 1

    def _room_of(self, length: int, value: int) -> int:
        if (length, value) in self._taken:
            return _NO_ROOM
        halves = [(length + 1, 2 * value), (length + 1, 2 * value + 1)]
        if not any(half in self._room for half in halves):
            return length
        return min(self._room.get(half, half[0]) for half in halves)


def range_prefixes(start: str, stop: str) -> tuple[Prefix, ...]:
    """Return the prefixes that make up the addresses from one to another, both included.

    Raises: ValueError: they are no addresses of one family in order.
    """
    first, last = ip_address(start), ip_address(stop)
    if first.version != last.version:
        raise ValueError("one is IPv4 and the other IPv6")
    if int(first) > int(last):
        raise ValueError(f"{stop} is before {start}")
    family: Family = "IPv4" if first.version == 4 else "IPv6"
    bits, at, end = BITS[family], int(first), int(last)
    found = []
    while at <= end:
        aligned = (at & -at).bit_length() - 1 if at else bits
        size = min(aligned, (end - at + 1).bit_length() - 1)
        found.append(Prefix(family, bits - size, at >> size))
        at += 1 << size
    return tuple(found)
