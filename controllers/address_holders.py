"""Who holds which address of load balancers, and who waits for one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from controllers.address_space import BITS, AddressSpace, Prefix, range_prefixes
from controllers.load_balanced import Key, LoadBalanced
from lockgate.model.address_pool import AddressPool
from lockgate.model.service import Family, family_of


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool and the prefixes it consists of."""

    declared: AddressPool
    prefixes: tuple[Prefix, ...]

    @classmethod
    def of(cls, declared: AddressPool) -> Pool:
        """Read a pool that was found valid."""
        ranges = (range_prefixes(*ends) for ends in declared.ranges)
        prefixes = [*map(Prefix.of, declared.cidrs), *(one for row in ranges for one in row)]
        return cls(declared, tuple(prefixes))

    def is_for(self, service: LoadBalanced) -> bool:
        """Say whether a Service may have an address of it."""
        namespaces = self.declared.namespaces
        if namespaces and service.namespace not in namespaces:
            return False
        return self.declared.selector.matches(dict(service.labels))

    def holds(self, address: str) -> bool:
        """Say whether an address is of it."""
        one = Prefix.of(address)
        return any(prefix.holds(one) for prefix in self.prefixes)

    def of_family(self, family: Family) -> Iterator[Prefix]:
        """Yield its prefixes of a family."""
        return (prefix for prefix in self.prefixes if prefix.family == family)


class AddressHolders:
    """Addresses and the Services that hold them: one, or several that can share."""

    def __init__(self) -> None:
        self._spaces: dict[Family, AddressSpace] = {family: AddressSpace(family) for family in BITS}
        self._holders: dict[str, dict[Key, LoadBalanced]] = {}
        self._shared: dict[Key, dict[str, None]] = {}
        """Addresses by namespace and sharing key."""
        self._last: dict[Prefix, Prefix] = {}

    def can_hold(self, service: LoadBalanced, address: str) -> bool:
        """Say whether an address is free for a Service, or can be shared with who has it."""
        holders = self._holders.get(address, {})
        others = (row for key, row in holders.items() if key != service.key)
        return all(service.can_share(other) for other in others)

    def hold(self, service: LoadBalanced, address: str) -> None:
        """Give an address to a Service, or take note of how the Service that has it changed."""
        holders = self._holders.setdefault(address, {})
        if not holders:
            self._spaces[family_of(address)].take(Prefix.of(address))
        before = holders.get(service.key)
        if before is not None:
            self._unshare(before, address)
        holders[service.key] = service
        if service.sharing_key:
            self._shared.setdefault((service.namespace, service.sharing_key), {})[address] = None

    def release(self, key: Key, address: str) -> None:
        """Take an address from a Service that has it."""
        holders = self._holders[address]
        service = holders.pop(key)
        self._unshare(service, address)
        if not holders:
            del self._holders[address]
            self._spaces[family_of(address)].release(Prefix.of(address))

    def _unshare(self, service: LoadBalanced, address: str) -> None:
        group = service.namespace, service.sharing_key
        others = self._holders.get(address, {}).values()
        if any((row.namespace, row.sharing_key) == group for row in others if row is not service):
            return
        addresses = self._shared.get(group, {})
        addresses.pop(address, None)
        if not addresses:
            self._shared.pop(group, None)

    def shareable(self, service: LoadBalanced, family: Family) -> Iterator[str]:
        """Yield the addresses of a family that a Service can share."""
        if service.sharing_key:
            for address in self._shared.get((service.namespace, service.sharing_key), {}):
                if family_of(address) == family and self.can_hold(service, address):
                    yield address

    def free(self, pools: Iterable[Pool], family: Family) -> str | None:
        """Return a free address of the first pool that has one."""
        space = self._spaces[family]
        for pool in pools:
            for prefix in pool.of_family(family):
                found = space.free(prefix, BITS[family], self._last.get(prefix))
                if found is not None:
                    self._last[prefix] = found
                    return found.address
        return None

    def __len__(self) -> int:
        return len(self._holders)
