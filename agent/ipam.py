"""Addresses of pods: one prefix of this node, handed out by owner and kept until released."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from lockgate.errors import ConfigError, WorkloadError


class Ipam:
    """Hands out the host addresses of a prefix; the first one is kept for the node itself.

    An owner that asks again gets the address it has. Addresses are taken in turn, so that one
    just released is the last to be given out again: connections to its old owner die in peace.
    """

    def __init__(self, prefix: str, state: Mapping[str, str] | None = None) -> None:
        try:
            self._network = ipaddress.IPv4Network(prefix)
        except ValueError as error:
            raise ConfigError(f"{prefix!r} is no IPv4 prefix for pods: {error}") from error
        self._first = int(self._network.network_address) + 2
        self._size = max(self._network.num_addresses - 3, 0)
        self._leases: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        self._next = 0
        for owner, address in sorted((state or {}).items()):
            self._restore(owner, address)

    def _restore(self, owner: str, address: str) -> None:
        """Take over a saved lease, unless the prefix has changed since."""
        try:
            offset = int(ipaddress.IPv4Address(address)) - self._first
        except ValueError:
            return
        if 0 <= offset < self._size and address not in self._owners:
            self._lease(owner, address)
            self._next = max(self._next, offset + 1)

    def allocate(self, owner: str) -> str:
        """Return the owner's address, a new one if it has none.

        Raises: WorkloadError: the prefix is used up.
        """
        held = self._leases.get(owner)
        if held is not None:
            return held
        for step in range(self._size):
            offset = (self._next + step) % self._size
            address = str(ipaddress.IPv4Address(self._first + offset))
            if address not in self._owners:
                self._next = offset + 1
                self._lease(owner, address)
                return address
        raise WorkloadError(
            f"all {self._size} addresses of {self._network} are in use;"
            " remove pods or give the node a larger pod prefix (LOCKGATE_POD_CIDR)"
        )

    def release(self, owner: str) -> str | None:
        """Take an owner's address back and return it, None if it had none."""
        address = self._leases.pop(owner, None)
        if address is not None:
            del self._owners[address]
        return address

    def address(self, owner: str) -> str | None:
        """Return the address an owner holds, or None."""
        return self._leases.get(owner)

    def owners(self) -> list[str]:
        """Return everyone who holds an address, sorted."""
        return sorted(self._leases)

    def state(self) -> dict[str, str]:
        """Return the leases, address by owner, to be given to the next agent."""
        return dict(sorted(self._leases.items()))

    def _lease(self, owner: str, address: str) -> None:
        self._leases[owner] = address
        self._owners[address] = owner
