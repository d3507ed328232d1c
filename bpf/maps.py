"""The maps: names, shapes and codecs. C has the same in ``programs/datapath.h``.

Addresses and ports in maps are in network byte order, every other number in the host's.
"""

from __future__ import annotations

import ipaddress
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bpf import syscalls
from lockgate.errors import BpfError, MapFull

SCHEMA: Final = "v2"
"""Raised when a map's shape changes: a pin of another shape is never reused."""

HASH, ARRAY, PERCPU_ARRAY, LRU_HASH, LPM_TRIE, RINGBUF = 1, 2, 6, 9, 11, 27
_NO_PREALLOC: Final = 1


@dataclass(frozen=True, slots=True)
class MapSpec:
    """A map's shape; ``key`` and ``value`` are formats of :mod:`struct`."""

    name: str
    kind: int
    key: str
    value: str
    entries: int
    key_type: str = ""
    """Struct in C, if it is one."""
    value_type: str = ""

    @property
    def key_size(self) -> int:
        """In bytes."""
        return struct.calcsize(self.key) if self.key else 0

    @property
    def value_size(self) -> int:
        """In bytes, of one CPU."""
        return struct.calcsize(self.value) if self.value else 0


CONFIG = MapSpec("lg_config", ARRAY, "=I", "=Q", 4)
PROXY_LISTEN = MapSpec("lg_proxy_listen", HASH, "=I", "=I", 4096)
ENDPOINTS = MapSpec("lg_endpoints", HASH, "=I", "=II4sI", 4096, "", "endpoint")
ENDPOINT_IPS = MapSpec("lg_endpoint_ips", HASH, "=4s", "=IIII", 4096, "", "endpoint_ip")
IPCACHE = MapSpec("lg_ipcache", LPM_TRIE, "=I4s", "=I", 524288, "cidr_key")
POLICY = MapSpec("lg_policy", LPM_TRIE, "=IIIBB2s", "=BBH", 524288, "policy_key", "policy_value")
PROXY_PORTS = MapSpec("lg_proxy_ports", HASH, "=HH", "=I", 4096, "class_pair")
CT = MapSpec("lg_ct", LRU_HASH, "=4s4s2s2sBBH", "=QQIBBHHHI", 131072, "flow_key", "flow_value")
FRAGMENTS = MapSpec(
    "lg_fragments", LRU_HASH, "=4s4sHBB", "=2s2s", 4096, "fragment_key", "fragment_value"
)
METRICS = MapSpec("lg_metrics", PERCPU_ARRAY, "=I", "=QQ", 28, "", "counter")
EVENT_BUDGET = MapSpec("lg_event_budget", PERCPU_ARRAY, "=I", "=QQ", 1, "", "event_budget")
HAIRPIN = MapSpec("lg_hairpin", ARRAY, "=I", "=I6sH", 1, "", "hairpin")
EVENTS = MapSpec("lg_events", RINGBUF, "", "", 1 << 20)
SERVICES = MapSpec("lg_services", HASH, "=4s2sBB", "=II", 65536, "service_key", "service_value")
BACKENDS = MapSpec("lg_backends", HASH, "=II", "=4s2sH", 262144, "backend_key", "backend_value")
PEERS = MapSpec("lg_peers", LRU_HASH, "=Q4s2sH", "=4s2sH", 65536, "peer_key", "peer_value")

ALL: Final = (
    CONFIG, PROXY_LISTEN, ENDPOINTS, ENDPOINT_IPS, IPCACHE, POLICY, PROXY_PORTS, CT, FRAGMENTS,
    METRICS, EVENT_BUDGET, HAIRPIN, EVENTS, SERVICES, BACKENDS, PEERS,
)  # fmt: skip
EVENT: Final = "=Q4s4s2s2sIIIBBBBI"
"""A record of ``lg_events``, struct event."""

Fields = tuple[object, ...]


class Map:
    """An open map; entries are read and written as the tuples of its spec's formats."""

    def __init__(self, spec: MapSpec, fd: int) -> None:
        self.spec = spec
        self.fd = fd

    def put(self, key: Fields, value: Fields) -> None:
        """Write one entry.

        Raises: MapFull: there is no room.
        """
        spec = self.spec
        try:
            syscalls.update(self.fd, struct.pack(spec.key, *key), struct.pack(spec.value, *value))
        except OSError as error:
            if error.errno in (7, 28):  # E2BIG of hashes, ENOSPC of tries
                raise MapFull(spec.name, spec.entries) from error
            raise BpfError(f"map {spec.name}: {error.strerror}") from error

    def get(self, key: Fields) -> Fields | None:
        """Read one entry."""
        spec = self.spec
        raw = syscalls.lookup(self.fd, struct.pack(spec.key, *key), spec.value_size)
        return None if raw is None else struct.unpack(spec.value, raw)

    def delete(self, key: Fields) -> bool:
        """Remove one entry and return whether it was there."""
        return syscalls.delete(self.fd, struct.pack(self.spec.key, *key))

    def items(self) -> Iterator[tuple[Fields, Fields]]:
        """Walk all entries; what changes meanwhile may be missed or met twice."""
        for raw in list(syscalls.keys(self.fd, self.spec.key_size)):
            key = struct.unpack(self.spec.key, raw)
            value = self.get(key)
            if value is not None:
                yield key, value

    def close(self) -> None:
        """Let go of the descriptor; the pinned map stays."""
        os.close(self.fd)


def open_map(directory: Path, spec: MapSpec) -> Map:
    """Open a pinned map.

    Raises: BpfError: it is not pinned there, or may not be opened.
    """
    try:
        return Map(spec, syscalls.open_pinned(directory / spec.name))
    except OSError as error:
        raise syscalls.refuse(directory / spec.name, error) from error


def create_maps(directory: Path) -> dict[str, Map]:
    """Open every map pinned in a directory, making those that are missing, by name.

    Raises: BpfError: a pin has another shape, or the kernel refuses a map.
    """
    directory.mkdir(parents=True, exist_ok=True)
    return {spec.name: _open_or_create(directory / spec.name, spec) for spec in ALL}


def _open_or_create(path: Path, spec: MapSpec) -> Map:
    try:
        fd = syscalls.open_pinned(path)
    except FileNotFoundError:
        return _create(path, spec)
    except OSError as error:
        raise syscalls.refuse(path, error) from error
    wanted = (spec.kind, spec.key_size, spec.value_size, spec.entries)
    if syscalls.map_shape(fd) != wanted:
        os.close(fd)
        raise BpfError(f"{path} has another shape than {wanted}; remove it to start afresh")
    return Map(spec, fd)


def _create(path: Path, spec: MapSpec) -> Map:
    flags = _NO_PREALLOC if spec.kind in (LPM_TRIE, HASH) else 0
    try:
        fd = syscalls.create_map(
            spec.kind, spec.key_size, spec.value_size, spec.entries, flags, spec.name
        )
        syscalls.pin(fd, path)
    except OSError as error:
        raise syscalls.refuse(path, error) from error
    return Map(spec, fd)


def address_bytes(address: str) -> bytes:
    """Return an IPv4 address in network byte order."""
    return ipaddress.IPv4Address(address).packed


def port_bytes(port: int) -> bytes:
    """Return a port in network byte order."""
    return port.to_bytes(2, "big")
