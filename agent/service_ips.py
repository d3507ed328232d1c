"""Addresses of Services that declare none, from the service prefixes, stable over restarts."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence

from lockgate.errors import ConfigError
from lockgate.model.meta import Problem
from lockgate.model.service import Family, Service, family_of

Key = tuple[str, str]
"""(namespace, name)."""
Addresses = tuple[str, ...]
_SETTINGS: dict[Family, str] = {
    "IPv4": "LOCKGATE_SERVICE_CIDR",
    "IPv6": "LOCKGATE_SERVICE_CIDR6",
}


class ServiceIps:
    """Assigns ClusterIPs; the first address of a prefix is never given out.

    Args:
        prefixes: one of an IP family at most.
        state: what an earlier one's :meth:`state` was.
    """

    def __init__(
        self, prefixes: Iterable[str], state: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        pools = map(_Pool, prefixes)
        self._pools: dict[Family, _Pool] = {pool.family: pool for pool in pools}
        self._assigned = {_key(path): tuple(held) for path, held in (state or {}).items()}
        self.problems: tuple[Problem, ...] = ()
        """Services that lack an address since the last :meth:`assign`, with the fix."""

    def assign(self, services: Iterable[Service]) -> dict[Key, Addresses]:
        """Return the addresses of each Service that is to have more than it declares.

        Those that it declares are among them, in the order of its families. A declared ClusterIP
        wins: an assigned one that collides with it is replaced. Headless and ExternalName
        Services have no address.

        Source: Kubernetes documentation, "IPv4/IPv6 dual-stack".
        """
        rows = sorted(services, key=lambda service: (service.namespace, service.name))
        used = {address for service in rows for address in service.cluster_ips}
        wanting = [(row, families) for row in rows if (families := self._missing(row))]
        kept = {(row.namespace, row.name): self._kept(row, wants, used) for row, wants in wanting}
        problems = []
        for row, families in wanting:
            held = kept[row.namespace, row.name]
            for family in families:
                if family not in held:
                    address = self._free(family, used)
                    if address:
                        held[family] = address
                    else:
                        problems.append(self._lacking(row, family))
        self._assigned = {key: tuple(held.values()) for key, held in kept.items() if held}
        self.problems = tuple(problems)
        return {
            (row.namespace, row.name): found
            for row, _ in wanting
            if (found := _in_order(row, kept[row.namespace, row.name]))
        }

    def state(self) -> dict[str, list[str]]:
        """Return addresses by ``namespace/name``, to be given to the next agent."""
        return {"/".join(key): list(held) for key, held in sorted(self._assigned.items())}

    def _missing(self, service: Service) -> list[Family]:
        """Return the families in which a Service needs an address that it does not declare."""
        if service.cluster_ip is None or service.type == "ExternalName":
            return []
        declared = {family_of(address) for address in service.cluster_ips}
        prefers = service.ip_family_policy == "PreferDualStack"
        return [
            family
            for position, family in enumerate(_families(service))
            # The second one is only preferred, so that where there is none nothing is amiss.
            if family not in declared and not (prefers and position and family not in self._pools)
        ]

    def _kept(
        self, service: Service, families: Iterable[Family], used: set[str]
    ) -> dict[Family, str]:
        """Return what a Service keeps of what it was assigned, and note it as used."""
        kept: dict[Family, str] = {}
        for address in self._assigned.get((service.namespace, service.name), ()):
            for family in families:
                pool = self._pools.get(family)
                if pool is not None and address not in used and pool.holds(address):
                    kept[family] = address
                    used.add(address)
        return kept

    def _free(self, family: Family, used: set[str]) -> str:
        pool = self._pools.get(family)
        address = pool.free(used) if pool else ""
        if address:
            used.add(address)
        return address

    def _lacking(self, service: Service, family: Family) -> Problem:
        pool = self._pools.get(family)
        if pool is None:
            return Problem(
                service.ref, "spec.ipFamilies", "NoSuchFamily", f"there are no {family} addresses",
                f"ask for another family, or give the agent a prefix ({_SETTINGS[family]})",
            )  # fmt: skip
        return Problem(
            service.ref, "spec.clusterIP", "NoFreeAddress", f"all {pool.text} are in use",
            f"give the agent a larger service prefix ({_SETTINGS[family]})",
        )  # fmt: skip


class _Pool:
    """The addresses of a prefix, taken in turn."""

    def __init__(self, prefix: str) -> None:
        try:
            self._network = ipaddress.ip_network(prefix)
        except ValueError as error:
            raise ConfigError(f"{prefix!r} is no prefix for Services: {error}") from error
        self.family = family_of(str(self._network.network_address))
        self._first = self._network.network_address + 2
        self._size = max(self._network.num_addresses - 3, 0)
        self._next = 0
        self.text = f"{self._size} addresses of {self._network}"

    def free(self, used: set[str]) -> str:
        for step in range(self._size):
            offset = (self._next + step) % self._size
            address = str(self._first + offset)
            if address not in used:
                self._next = offset + 1
                return address
        return ""

    def holds(self, address: str) -> bool:
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            return False
        return (
            known.version == self._network.version
            and 0 <= int(known) - int(self._first) < self._size
        )


def _families(service: Service) -> list[Family]:
    """Return the families a Service is to have, the preferred one first."""
    asked = list(service.families)
    if service.ip_family_policy == "SingleStack":
        return asked[:1]
    both: tuple[Family, ...] = ("IPv4", "IPv6")
    return [*asked, *(family for family in both if family not in asked)]


def _in_order(service: Service, assigned: Mapping[Family, str]) -> Addresses:
    held = {**{family_of(one): one for one in service.cluster_ips}, **assigned}
    return tuple(held[family] for family in _families(service) if family in held)


def _key(path: str) -> Key:
    namespace, _, name = path.partition("/")
    return namespace, name
