"""Addresses of pods: of one prefix for each IP family, kept by their owner until released."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

from lockgate.errors import ConfigError, WorkloadError

_RESERVED = 2
"""Addresses at the start of a prefix that no pod gets: its own and the node's."""
Leases = Mapping[str, Sequence[str]]


class Ipam:
    """Hands out an address of each prefix to an owner, in the order of the prefixes.

    Args:
        prefixes: one of an IP family at most, the primary family first.
        state: what an earlier one's :meth:`state` was.
    """

    def __init__(self, prefixes: Sequence[str], state: Leases | None = None) -> None:
        self._pools = [_Pool(prefix, state or {}) for prefix in prefixes]

    def allocate(self, owner: str) -> tuple[str, ...]:
        """Return the owner's addresses, new ones where it has none.

        Raises: WorkloadError: a prefix is used up; the owner has then what it had before.
        """
        fresh = [pool for pool in self._pools if pool.address(owner) is None]
        try:
            return tuple(pool.allocate(owner) for pool in self._pools)
        except WorkloadError:
            for pool in fresh:
                pool.release(owner)
            raise

    def release(self, owner: str) -> tuple[str, ...]:
        """Take an owner's addresses back and return them, none if it had none."""
        released = (pool.release(owner) for pool in self._pools)
        return tuple(address for address in released if address is not None)

    def addresses(self, owner: str) -> tuple[str, ...]:
        """Return the addresses an owner holds."""
        held = (pool.address(owner) for pool in self._pools)
        return tuple(address for address in held if address is not None)

    def owners(self) -> list[str]:
        """Return everyone who holds an address, sorted."""
        return sorted({owner for pool in self._pools for owner in pool.owners()})

    def state(self) -> dict[str, list[str]]:
        """Return the leases, addresses by owner, to be given to the next agent."""
        return {owner: list(self.addresses(owner)) for owner in self.owners()}


class _Pool:
    """The host addresses of a prefix; the first one is kept for the node itself.

    An owner that asks again gets the address it has. Addresses are taken in turn, so that one
    just released is the last to be given out again: connections to its old owner die in peace.
    """

    def __init__(self, prefix: str, state: Leases) -> None:
        try:
            self._network = ipaddress.ip_network(prefix)
        except ValueError as error:
            raise ConfigError(f"{prefix!r} is no prefix for pods: {error}") from error
        self._first = int(self._network.network_address) + _RESERVED
        self._setting = "LOCKGATE_POD_CIDR" + ("6" if self._network.version == 6 else "")
        self._size = max(self._network.num_addresses - 3, 0)
        self._leases: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        self._next = 0
        for owner, addresses in sorted(state.items()):
            for address in addresses:
                self._restore(owner, address)

    def _restore(self, owner: str, address: str) -> None:
        """Take over a saved lease, unless it is of another prefix."""
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            return
        if known.version != self._network.version or owner in self._leases:
            return
        offset = int(known) - self._first
        if 0 <= offset < self._size and address not in self._owners:
            self._lease(owner, address)
            self._next = max(self._next, offset + 1)

    def allocate(self, owner: str) -> str:
        held = self._leases.get(owner)
        if held is not None:
            return held
        for step in range(self._size):
            offset = (self._next + step) % self._size
            address = str(self._network.network_address + (offset + _RESERVED))
            if address not in self._owners:
                self._next = offset + 1
                self._lease(owner, address)
                return address
        raise WorkloadError(
            f"all {self._size} addresses of {self._network} are in use;"
            f" remove pods or give the node a larger pod prefix ({self._setting})"
        )

    def release(self, owner: str) -> str | None:
        address = self._leases.pop(owner, None)
        if address is not None:
            del self._owners[address]
        return address

    def address(self, owner: str) -> str | None:
        return self._leases.get(owner)

    def owners(self) -> list[str]:
        return list(self._leases)

    def _lease(self, owner: str, address: str) -> None:
        self._leases[owner] = address
        self._owners[address] = owner
