"""The maps: names, shapes and codecs. C has the same in ``programs/datapath.h``.

Addresses and ports in maps are in network byte order, every other number in the host's.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from bpf import syscalls
from lockgate.errors import BpfError, MapFull

SCHEMA: Final = "v3"
"""Raised when a map's shape changes: a pin of another shape is never reused."""

HASH, ARRAY, PERCPU_ARRAY, LRU_HASH, LPM_TRIE, RINGBUF = 1, 2, 6, 9, 11, 27
_NO_PREALLOC: Final = 1
_BATCH: Final = 4096
"""Entries in one call."""


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
    carried: bool = True
    """What it holds outlives a change of the schema."""

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
ENDPOINTS = MapSpec("lg_endpoints", HASH, "=I", "=IIII16s16s", 4096, "", "endpoint")
ENDPOINT_IPS = MapSpec("lg_endpoint_ips", HASH, "=16s", "=IIII6sH", 8192, "address", "endpoint_ip")
IPCACHE = MapSpec("lg_ipcache", LPM_TRIE, "=I16s", "=I", 524288, "cidr_key")
POLICY = MapSpec("lg_policy", LPM_TRIE, "=IIIBB2s", "=BBH", 524288, "policy_key", "policy_value")
PROXY_PORTS = MapSpec("lg_proxy_ports", HASH, "=HH", "=I", 4096, "class_pair")
_FLOW: Final = "=16s16s2s2sBBH"
_FLOW_VALUE: Final = "=QQQQIIHHBBBB"
CT = MapSpec("lg_ct", LRU_HASH, _FLOW, _FLOW_VALUE, 262144, "flow_key", "flow_value")
OPENING = MapSpec("lg_opening", LRU_HASH, _FLOW, _FLOW_VALUE, 65536, "flow_key", "flow_value")
NAT = MapSpec("lg_nat", LRU_HASH, _FLOW, "=Q16s16s2s2sBBH", 262144, "flow_key", "nat_value")
FRAGMENTS = MapSpec(
    "lg_fragments", LRU_HASH, "=16s16sIBBH", "=2s2s", 8192, "fragment_key", "fragment_value"
)
METRICS = MapSpec("lg_metrics", PERCPU_ARRAY, "=I", "=QQ", 36, "", "counter")
EVENT_BUDGET = MapSpec(
    "lg_event_budget", PERCPU_ARRAY, "=I", "=QQ", 1, "", "event_budget", carried=False
)
REPORTED = MapSpec("lg_reported", LRU_HASH, _FLOW, "=Q", 16384, "flow_key", carried=False)
HAIRPIN = MapSpec("lg_hairpin", ARRAY, "=I", "=I6sH", 1, "", "hairpin")
DEVICES = MapSpec("lg_devices", HASH, "=I", "=16s16s", 64, "", "device")
PACKET = MapSpec("lg_packet", PERCPU_ARRAY, "=I", "=424s", 5, "", "packet", carried=False)
UNMASKED = MapSpec("lg_unmasked", LPM_TRIE, "=I16s", "=I", 4096, "cidr_key")
EVENTS = MapSpec("lg_events", RINGBUF, "", "", 1 << 22, carried=False)
SERVICES = MapSpec(
    "lg_services", HASH, "=16s2sBB", "=IIIIII", 131072, "service_key", "service_value"
)
BACKENDS = MapSpec("lg_backends", HASH, "=II", "=16s2sH", 524288, "backend_key", "backend_value")
MAGLEV = MapSpec("lg_maglev", HASH, "=I", "=2042s", 65536, "", "maglev_value")
AFFINITY = MapSpec(
    "lg_affinity", LRU_HASH, "=16sQII", "=Q16s2s6s", 65536, "affinity_key", "affinity_value"
)
MEMBERS = MapSpec("lg_members", HASH, "=16sI2sH", "=I", 131072, "member_key")
RANGES = MapSpec("lg_ranges", LPM_TRIE, "=II16s", "=I", 65536, "range_key")
NODE_PORTS = MapSpec("lg_node_ports", HASH, "=2sBB", "=I", 65536, "node_port")
PEERS = MapSpec("lg_peers", LRU_HASH, "=16sQ2s6s", "=16s2sH", 131072, "peer_key", "peer_value")

ALL: Final = (
    CONFIG, PROXY_LISTEN, ENDPOINTS, ENDPOINT_IPS, IPCACHE, POLICY, PROXY_PORTS, CT, OPENING, NAT,
    FRAGMENTS, METRICS, EVENT_BUDGET, REPORTED, HAIRPIN, DEVICES, UNMASKED, EVENTS, SERVICES,
    BACKENDS, MAGLEV, AFFINITY, MEMBERS, RANGES, NODE_PORTS, PEERS, PACKET,
)  # fmt: skip
EVENT: Final = "=Q16s16s2s2sIIIBBBBI"
"""A record of ``lg_events``, struct event."""

_NOT_IN_BATCHES: Final = (errno.ENOSPC, errno.EINVAL, 524)
"""One bucket holds more than a batch, or there are no batches: of this kernel, of this kind."""

Fields = tuple[object, ...]


class Map:
    """An open map; entries are read and written as the tuples of its spec's formats.

    Or packed: keys, and values, that stand one after the other.
    """

    def __init__(self, spec: MapSpec, fd: int, batches: bool = True) -> None:
        self.spec = spec
        self.fd = fd
        self._batches = batches
        self._key, self._value = struct.Struct(spec.key), struct.Struct(spec.value)

    def put(self, key: Fields, value: Fields) -> None:
        """Write one entry.

        Raises: MapFull: there is no room.
        """
        self.put_packed(self._key.pack(*key), self._value.pack(*value))

    def get(self, key: Fields) -> Fields | None:
        """Read one entry."""
        raw = syscalls.lookup(self.fd, self._key.pack(*key), self._value.size)
        return None if raw is None else self._value.unpack(raw)

    def delete(self, key: Fields) -> bool:
        """Remove one entry and return whether it was there."""
        return syscalls.delete(self.fd, self._key.pack(*key))

    def items(self) -> Iterator[tuple[Fields, Fields]]:
        """Walk all entries; what changes meanwhile may be missed or met twice."""
        for keys, values in self.pages():
            yield from zip(
                self._key.iter_unpack(keys), self._value.iter_unpack(values), strict=True
            )

    def keys(self) -> Iterator[Fields]:
        """Walk all keys."""
        for raw in list(syscalls.keys(self.fd, self._key.size)):
            yield self._key.unpack(raw)

    def put_all(self, entries: Mapping[Fields, Fields]) -> None:
        """Write many entries, in as few calls as the kernel allows.

        Raises: MapFull: there is no room; some may have been written.
        """
        keys, values = self._key.pack, self._value.pack
        self.put_packed(
            b"".join([keys(*key) for key in entries]),
            b"".join([values(*value) for value in entries.values()]),
        )

    def delete_all(self, keys: Iterable[Fields]) -> None:
        """Remove many entries; those that are not there do not matter."""
        pack = self._key.pack
        self.delete_packed(b"".join([pack(*key) for key in keys]))

    def pages(self) -> Iterator[tuple[bytes, bytes]]:
        """Walk all entries as packed keys and values; of a per-CPU map with every CPU's value."""
        width, stride = self._key.size, self.stride
        token: bytes | None = None
        while self._batches:
            try:
                keys, values, _, token = syscalls.lookup_batch(
                    self.fd, width, stride, token, _BATCH
                )
            except OSError as error:
                if error.errno in _NOT_IN_BATCHES:
                    break
                raise BpfError(f"map {self.spec.name}: {error.strerror}") from error
            yield keys, values
            if token is None:
                return
        for key in list(syscalls.keys(self.fd, width)):
            value = syscalls.lookup(self.fd, key, stride)
            if value is not None:
                yield key, value

    def put_packed(self, keys: bytes, values: bytes) -> None:
        """Write entries.

        Raises: MapFull: there is no room; some may have been written.
        """
        width, stride = self._key.size, self.stride
        step = _BATCH if self._batches else 1
        try:
            for start in range(0, len(keys) // width, step):
                part = keys[start * width : (start + step) * width]
                rest = values[start * stride : (start + step) * stride]
                if self._batches:
                    syscalls.update_batch(self.fd, part, rest, len(part) // width)
                else:
                    syscalls.update(self.fd, part, rest)
        except OSError as error:
            raise self._failure(error) from error

    def delete_packed(self, keys: bytes) -> None:
        """Remove entries; those that are not there do not matter."""
        width = self._key.size
        step = _BATCH * width if self._batches else width
        for start in range(0, len(keys), step):
            part = keys[start : start + step]
            if self._batches:
                try:
                    syscalls.delete_batch(self.fd, part, len(part) // width)
                except OSError:  # one is missing: the rest of the batch is left
                    pass
                else:
                    continue
            for at in range(0, len(part), width):
                syscalls.delete(self.fd, part[at : at + width])

    @property
    def stride(self) -> int:
        """Bytes of a value as the kernel hands it over: of a per-CPU map, those of every CPU."""
        size = self._value.size
        return -(-size // 8) * 8 * possible_cpus() if self.spec.kind == PERCPU_ARRAY else size

    def _failure(self, error: OSError) -> BpfError:
        if error.errno in (errno.E2BIG, errno.ENOSPC):  # of hashes, of tries
            return MapFull(self.spec.name, self.spec.entries)
        return BpfError(f"map {self.spec.name}: {error.strerror}")

    def close(self) -> None:
        """Let go of the descriptor; the pinned map stays."""
        os.close(self.fd)


@cache
def possible_cpus() -> int:
    """Return how many processors this kernel may ever have."""
    ranges = Path("/sys/devices/system/cpu/possible").read_text().strip()
    return int(ranges.replace(",", "-").split("-")[-1]) + 1


def open_map(directory: Path, spec: MapSpec) -> Map:
    """Open a pinned map.

    Raises: BpfError: it is not pinned there, or may not be opened.
    """
    try:
        return Map(spec, syscalls.open_pinned(directory / spec.name))
    except OSError as error:
        raise syscalls.refuse(directory / spec.name, error) from error


def create_maps(
    directory: Path, specs: Iterable[MapSpec] = ALL, batches: bool = True
) -> dict[str, Map]:
    """Open every map pinned in a directory, making those that are missing, by name.

    Raises: BpfError: the kernel refuses a map.
    """
    directory.mkdir(parents=True, exist_ok=True)
    return {
        spec.name: Map(spec, _open_or_create(directory / spec.name, spec), batches)
        for spec in specs
    }


def is_of_shape(path: Path, spec: MapSpec) -> bool:
    """Say whether the map pinned at a path has the shape of a spec."""
    try:
        fd = syscalls.open_pinned(path)
    except OSError:
        return False
    try:
        return syscalls.map_shape(fd) == (spec.kind, spec.key_size, spec.value_size, spec.entries)
    finally:
        os.close(fd)


def _open_or_create(path: Path, spec: MapSpec) -> int:
    try:
        return syscalls.open_pinned(path)
    except FileNotFoundError:
        return _create(path, spec)
    except OSError as error:
        raise syscalls.refuse(path, error) from error


def _create(path: Path, spec: MapSpec) -> int:
    flags = _NO_PREALLOC if spec.kind in (LPM_TRIE, HASH) else 0
    try:
        fd = syscalls.create_map(
            spec.kind, spec.key_size, spec.value_size, spec.entries, flags, spec.name
        )
        syscalls.pin(fd, path)
    except OSError as error:
        raise syscalls.refuse(path, error) from error
    return fd


NO_ADDRESS: Final = bytes(16)
_IPV4_PREFIX: Final = bytes(10) + b"\xff\xff"


def address_bytes(address: str) -> bytes:
    """Return an address in network byte order, 16 bytes; IPv4 as ``::ffff:a.b.c.d``."""
    packed = ipaddress.ip_address(address).packed
    return _IPV4_PREFIX + packed if len(packed) == 4 else packed


def address_text(raw: bytes) -> str:
    """Return the address in 16 bytes of a map."""
    if raw.startswith(_IPV4_PREFIX):
        return str(ipaddress.IPv4Address(raw[12:]))
    return str(ipaddress.IPv6Address(raw))


def cidr_fields(cidr: str) -> Fields:
    """Return a prefix as (length among 128 bits, address)."""
    network = ipaddress.ip_network(cidr)
    extra = 96 if network.version == 4 else 0
    return network.prefixlen + extra, address_bytes(str(network.network_address))


def cidr_text(bits: int, raw: bytes) -> str:
    """Return the prefix that :func:`cidr_fields` wrote."""
    address = address_text(raw)
    return f"{address}/{bits - 96 if '.' in address else bits}"


def port_bytes(port: int) -> bytes:
    """Return a port in network byte order."""
    return port.to_bytes(2, "big")
