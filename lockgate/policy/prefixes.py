"""Address prefixes that can be asked which of them hold an address block, and which lie in it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import ip_network

_BITS = {4: 32, 6: 128}
EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
"""The prefix of all addresses of an IP version."""
Prefix = tuple[int, int, int]
"""(IP version, first address, prefix length); of one version they sort by address."""


def host_prefix(address: str) -> str:
    """Return the prefix of full length that holds one address."""
    return f"{address}/{_BITS[6 if ':' in address else 4]}"


@lru_cache(maxsize=65536)
def prefix_of(cidr: str) -> Prefix:
    """Return a prefix or an address, in text, as numbers."""
    network = ip_network(cidr)
    return network.version, int(network.network_address), network.prefixlen


def lies_in(cidr: str, outer: str) -> bool:
    """Say whether all addresses of a prefix are of another."""
    (version, first, bits), (outer_version, outer_first, outer_bits) = map(prefix_of, (cidr, outer))
    shift = _BITS[version] - outer_bits
    return (
        version == outer_version and bits >= outer_bits and first >> shift == outer_first >> shift
    )


class PrefixSet:
    """Prefixes, each once; asking costs the number of lengths in use or of answers."""

    def __init__(self) -> None:
        self._sorted: list[Prefix] = []
        self._text: dict[Prefix, str] = {}
        self._lengths: dict[tuple[int, int], int] = {}

    def add(self, cidr: str) -> None:
        """Add a prefix that is not there yet."""
        prefix = prefix_of(cidr)
        if prefix not in self._text:
            insort(self._sorted, prefix)
            self._text[prefix] = cidr
            length = prefix[0], prefix[2]
            self._lengths[length] = self._lengths.get(length, 0) + 1

    def remove(self, cidr: str) -> None:
        """Remove a prefix if it is there."""
        prefix = prefix_of(cidr)
        if self._text.pop(prefix, None) is None:
            return
        del self._sorted[bisect_left(self._sorted, prefix)]
        length = prefix[0], prefix[2]
        self._lengths[length] -= 1
        if not self._lengths[length]:
            del self._lengths[length]

    def containing(self, cidr: str) -> Iterator[str]:
        """Yield the prefixes that hold all of ``cidr``, itself too if it is there."""
        version, address, bits = prefix_of(cidr)
        for known, length in self._lengths:
            if known == version and length <= bits:
                shift = _BITS[version] - length
                found = self._text.get((version, address >> shift << shift, length))
                if found is not None:
                    yield found

    def within(self, cidr: str) -> Iterator[str]:
        """Yield the prefixes that lie in ``cidr``, itself too if it is there."""
        version, first, bits = prefix_of(cidr)
        last = first + (1 << (_BITS[version] - bits)) - 1
        for index in range(bisect_left(self._sorted, (version, first, 0)), len(self._sorted)):
            prefix = self._sorted[index]
            if prefix[0] != version or prefix[1] > last:
                return
            if prefix[2] >= bits:
                yield self._text[prefix]
