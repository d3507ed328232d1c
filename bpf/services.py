"""Service frontends and their backends in the kernel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bpf.maps import Fields, Map, address_bytes, port_bytes
from lockgate.ir.node import Frontend, LoadBalancer

PROTOCOLS: Final = {"TCP": 6, "UDP": 17, "SCTP": 132}


class Services:
    """Writes services so that a connection meets either all old backends or all new ones."""

    def __init__(self, services: Map, backends: Map) -> None:
        self._services = services
        self._backends = backends
        ids = [_int(value[0]) for _, value in services.items()]
        self._last_id = max(ids, default=0)
        self._remove_orphans(set(ids))

    def put(self, balancer: LoadBalancer) -> None:
        """Write a service; one without backends refuses connections."""
        key = _key(balancer.frontend)
        old = self._services.get(key)
        if old is not None and self._current(old) == list(balancer.backends):
            return
        self._last_id += 1
        for slot, (address, port) in enumerate(balancer.backends):
            self._backends.put((self._last_id, slot), (address_bytes(address), port_bytes(port), 0))
        self._services.put(key, (self._last_id, len(balancer.backends)))
        if old is not None:
            self._remove_backends(old)

    def delete(self, frontend: Frontend) -> None:
        """Remove a service."""
        self._delete(_key(frontend))

    def prune(self, keep: Iterable[Frontend]) -> None:
        """Remove every service that is not in ``keep``."""
        wanted = {_key(frontend) for frontend in keep}
        for key, _ in list(self._services.items()):
            if key not in wanted:
                self._delete(key)

    def _delete(self, key: Fields) -> None:
        old = self._services.get(key)
        if old is not None:
            self._services.delete(key)
            self._remove_backends(old)

    def _current(self, service: Fields) -> list[tuple[str, int]]:
        found = (self._backends.get((service[0], slot)) for slot in range(_int(service[1])))
        return [backend_of(value) for value in found if value is not None]

    def _remove_backends(self, service: Fields) -> None:
        for slot in range(_int(service[1])):
            self._backends.delete((service[0], slot))

    def _remove_orphans(self, ids: set[int]) -> None:
        for key, _ in list(self._backends.items()):
            if _int(key[0]) not in ids:
                self._backends.delete(key)


def backend_of(value: Fields) -> tuple[str, int]:
    """Return a backend's value as (address, port)."""
    address, port = value[0], value[1]
    assert isinstance(address, bytes) and isinstance(port, bytes)
    return ".".join(str(part) for part in address), int.from_bytes(port, "big")


def _key(frontend: Frontend) -> Fields:
    protocol = PROTOCOLS[frontend.protocol]
    return address_bytes(frontend.address), port_bytes(frontend.port), protocol, 0


def _int(field: object) -> int:
    assert isinstance(field, int)
    return field
