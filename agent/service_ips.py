"""Addresses of Services that declare none, from the service prefix, stable over restarts."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from lockgate.errors import ConfigError
from lockgate.model.meta import Problem
from lockgate.model.service import Service

Key = tuple[str, str]
"""(namespace, name)."""


class ServiceIps:
    """Assigns ClusterIPs; the first address of the prefix is never given out."""

    def __init__(self, prefix: str, state: Mapping[str, str] | None = None) -> None:
        try:
            self._network = ipaddress.IPv4Network(prefix)
        except ValueError as error:
            raise ConfigError(f"{prefix!r} is no IPv4 prefix for Services: {error}") from error
        self._first = int(self._network.network_address) + 2
        self._size = max(self._network.num_addresses - 3, 0)
        self._assigned = {_key(path): address for path, address in (state or {}).items()}
        self._next = 0
        self.problems: tuple[Problem, ...] = ()
        """Services that got no address at the last :meth:`assign`, with the fix."""

    def assign(self, services: Iterable[Service]) -> dict[Key, str]:
        """Return the address of each Service that declares none; others are given up.

        A declared ClusterIP wins: an assigned one that collides with it is replaced. Headless
        and ExternalName Services have no address.
        """
        rows = sorted(services, key=lambda service: (service.namespace, service.name))
        declared = {service.cluster_ip for service in rows if service.cluster_ip}
        wanting = {(row.namespace, row.name): row for row in rows if _wants(row)}
        used = set(declared)
        kept: dict[Key, str] = {}
        for key, address in sorted(self._assigned.items()):
            if key in wanting and address not in used and self._inside(address):
                kept[key] = address
                used.add(address)
        problems = []
        for key, service in wanting.items():
            if key in kept:
                continue
            free = self._free(used)
            if free is None:
                problems.append(self._exhausted(service))
                continue
            kept[key] = free
            used.add(free)
        self._assigned = kept
        self.problems = tuple(problems)
        return dict(sorted(kept.items()))

    def state(self) -> dict[str, str]:
        """Return address by ``namespace/name``, to be given to the next agent."""
        return {"/".join(key): address for key, address in sorted(self._assigned.items())}

    def _free(self, used: set[str]) -> str | None:
        for step in range(self._size):
            offset = (self._next + step) % self._size
            address = str(ipaddress.IPv4Address(self._first + offset))
            if address not in used:
                self._next = offset + 1
                return address
        return None

    def _inside(self, address: str) -> bool:
        try:
            offset = int(ipaddress.IPv4Address(address)) - self._first
        except ValueError:
            return False
        return 0 <= offset < self._size

    def _exhausted(self, service: Service) -> Problem:
        return Problem(
            service.ref,
            "spec.clusterIP",
            "NoFreeAddress",
            f"all {self._size} addresses of {self._network} are in use",
            "give the agent a larger service prefix (LOCKGATE_SERVICE_CIDR)",
        )


def _wants(service: Service) -> bool:
    return service.cluster_ip == "" and service.type != "ExternalName"


def _key(path: str) -> Key:
    namespace, _, name = path.partition("/")
    return namespace, name
