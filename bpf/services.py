"""Service frontends and their backends in the kernel."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Final

from bpf import maglev, maps, tracking
from bpf.maps import Fields, Map, address_bytes, address_text, port_bytes
from lockgate.ir.node import Frontend, LoadBalancer

PROTOCOLS: Final = {"TCP": 6, "UDP": 17, "SCTP": 132}
SCOPES: Final = ("internal", "external")
RANGES, SILENT, MAGLEV, DIRECT = 1, 2, 4, 8
FLAGS: Final = {RANGES: "source-ranges", SILENT: "silent", MAGLEV: "maglev", DIRECT: "dsr"}
_LPM_ORIGIN_BITS: Final = 32


class Services:
    """Writes services so that a connection meets either all old backends or all new ones.

    A frontend has two numbers: its ``origin`` for good, under which what is remembered of clients
    stands, and that of its present backends, which a change replaces.
    """

    def __init__(self, tables: Mapping[str, Map]) -> None:
        self._services = tables[maps.SERVICES.name]
        self._backends = tables[maps.BACKENDS.name]
        self._maglev = tables[maps.MAGLEV.name]
        self._members = _Owned(tables[maps.MEMBERS.name])
        self._ranges = _Owned(tables[maps.RANGES.name])
        self._node_ports = tables[maps.NODE_PORTS.name]
        self._nat = tables[maps.NAT.name]
        self._on_port: dict[Fields, set[Fields]] = {}
        self._known: dict[Fields, tuple[Fields, LoadBalancer | None]] = {
            key: (value, None) for key, value in self._services.items()
        }
        numbers = [_int(one) for value, _ in self._known.values() for one in value[:2]]
        self._last_id = max(numbers, default=0)
        self._remove_orphans()

    def put(self, balancer: LoadBalancer) -> None:
        """Write a service; one without backends refuses connections."""
        key = _key(balancer.frontend)
        value, before = self._known.get(key, (None, None))
        if before == balancer:
            return
        origin = _int(value[1]) if value is not None else self._next()
        service_id = self._write_backends(value, balancer)
        self._ranges.write(origin, _ranges(origin, balancer))
        self._members.write(origin, _members(origin, balancer))
        flags = _flags(balancer)
        count = len(balancer.backends)
        new: Fields = (service_id, origin, count, balancer.affinity_s, flags, 0)
        if new != value:
            self._services.put(key, new)
        self._known[key] = new, balancer
        if balancer.kind == "NodePort":
            self._protect(key)
        if value is not None and value[0] != service_id:
            self._forget(key, value, balancer)
            self._remove_backends(value)

    def _forget(self, key: Fields, old: Fields, balancer: LoadBalancer) -> None:
        """Have clients of datagrams leave the backends that are gone at once."""
        if key[2] != PROTOCOLS["UDP"]:
            return
        kept = {(address_bytes(host), port_bytes(port)) for host, port in balancer.backends}
        before = {(value[0], value[1]) for value in self._current(old)}
        tracking.forget_backends(self._nat, before - kept)  # type: ignore[arg-type]  # as the map has them

    def delete(self, frontend: Frontend) -> None:
        """Remove a service."""
        self._delete(_key(frontend))

    def prune(self, keep: Iterable[Frontend]) -> None:
        """Remove every service that is not in ``keep``."""
        wanted = {_key(frontend) for frontend in keep}
        for key in [key for key in self._known if key not in wanted]:
            self._delete(key)

    def _next(self) -> int:
        self._last_id += 1
        return self._last_id

    def _write_backends(self, old: Fields | None, balancer: LoadBalancer) -> int:
        wanted: list[Fields] = [
            (address_bytes(address), port_bytes(port), 0) for address, port in balancer.backends
        ]
        consistent = balancer.frontend.scope == "external" and bool(wanted)
        if old is not None and self._current(old) == wanted:
            known = self._maglev.get((old[0],)) is not None
            if known == consistent:
                return _int(old[0])
        service_id = self._next()
        for slot, value in enumerate(wanted):
            self._backends.put((service_id, slot), value)
        if consistent:
            slots = maglev.table(balancer.backends)
            self._maglev.put((service_id,), (struct.pack(f"={maglev.SLOTS}H", *slots),))
        return service_id

    def _protect(self, key: Fields) -> None:
        """Keep processes of the host from binding a node port."""
        port = (key[1], key[2], 0)
        self._on_port.setdefault(port, set()).add(key)
        self._node_ports.put(port, (1,))

    def _delete(self, key: Fields) -> None:
        value, _ = self._known.pop(key, (None, None))
        if value is None:
            return
        self._services.delete(key)
        self._remove_backends(value)
        self._ranges.write(_int(value[1]), set())
        self._members.write(_int(value[1]), set())
        port = (key[1], key[2], 0)
        users = self._on_port.get(port, set())
        users.discard(key)
        if not users:
            self._on_port.pop(port, None)
            self._node_ports.delete(port)

    def _current(self, service: Fields) -> list[Fields]:
        found = (self._backends.get((service[0], slot)) for slot in range(_int(service[2])))
        return [value for value in found if value is not None]

    def _remove_backends(self, service: Fields) -> None:
        for slot in range(_int(service[2])):
            self._backends.delete((service[0], slot))
        self._maglev.delete((service[0],))

    def _remove_orphans(self) -> None:
        ids = {value[0] for value, _ in self._known.values()}
        for table in (self._backends, self._maglev):
            for key in list(table.keys()):
                if key[0] not in ids:
                    table.delete(key)
        origins = {_int(value[1]) for value, _ in self._known.values()}
        self._ranges.prune(origins)
        self._members.prune(origins)


class _Owned:
    """A table whose keys belong to frontends, by origin, the second field of a key."""

    def __init__(self, table: Map) -> None:
        self._table = table
        self._keys: dict[int, set[Fields]] = {}
        for key in table.keys():  # noqa: SIM118  # a kernel map is no mapping
            self._keys.setdefault(_int(key[1]), set()).add(key)

    def write(self, origin: int, wanted: set[Fields]) -> None:
        present = self._keys.get(origin, set())
        for key in wanted - present:
            self._table.put(key, (1,))
        for key in present - wanted:
            self._table.delete(key)
        if wanted:
            self._keys[origin] = wanted
        else:
            self._keys.pop(origin, None)

    def prune(self, keep: set[int]) -> None:
        for origin in [origin for origin in self._keys if origin not in keep]:
            self.write(origin, set())


def _ranges(origin: int, balancer: LoadBalancer) -> set[Fields]:
    found: set[Fields] = set()
    for prefix in balancer.source_ranges:
        bits, address = maps.cidr_fields(prefix)
        found.add((_int(bits) + _LPM_ORIGIN_BITS, origin, address))
    return found


def _members(origin: int, balancer: LoadBalancer) -> set[Fields]:
    if not balancer.affinity_s:
        return set()
    return {(address_bytes(host), origin, port_bytes(port), 0) for host, port in balancer.backends}


def backend_of(value: Fields) -> tuple[str, int]:
    """Return a backend's value as (address, port)."""
    address, port = value[0], value[1]
    assert isinstance(address, bytes) and isinstance(port, bytes)
    return address_text(address), int.from_bytes(port, "big")


def _flags(balancer: LoadBalancer) -> int:
    external = balancer.frontend.scope == "external"
    return (
        RANGES * bool(balancer.source_ranges)
        | SILENT * balancer.silent
        | MAGLEV * external
        | DIRECT * balancer.direct_return
    )


def _key(frontend: Frontend) -> Fields:
    protocol = PROTOCOLS[frontend.protocol]
    scope = SCOPES.index(frontend.scope)
    return address_bytes(frontend.address), port_bytes(frontend.port), protocol, scope


def _int(field: object) -> int:
    assert isinstance(field, int)
    return field
