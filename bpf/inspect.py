"""What the pinned maps hold, for another process than the agent's; nothing is compiled."""

from __future__ import annotations

import ipaddress
import os
import struct
import time
from pathlib import Path
from typing import Any, Final

from bpf import maps, syscalls
from bpf.events import DIRECTIONS, REASONS
from bpf.policymap import VERDICTS
from bpf.services import PROTOCOLS, backend_of

Row = dict[str, object]
_PROTOCOL_NAMES: Final = {0: "ANY", 1: "ICMP", **{n: name for name, n in PROTOCOLS.items()}}
_VERDICT_NAMES: Final = {number: name for name, number in VERDICTS.items()}


def policy(bpf_dir: Path, endpoint_id: int | None = None) -> list[Row]:
    """List policy entries of one endpoint or of all, in order."""
    rows: list[Row] = []
    for key, value in _items(bpf_dir, maps.POLICY):
        bits, endpoint, identity, direction, protocol, port = key
        if endpoint_id not in (None, endpoint):
            continue
        rows.append(
            {
                "endpoint": endpoint,
                "direction": DIRECTIONS[direction],
                "identity": identity,
                "protocol": _protocol(protocol),
                "port": int.from_bytes(port, "big"),
                "port_bits": max(0, bits - 80),
                "verdict": _VERDICT_NAMES[value[0]],
                "class": value[2],
            }
        )
    return _sorted(rows)


def endpoints(bpf_dir: Path) -> list[Row]:
    """List pods under enforcement."""
    rows: list[Row] = [
        {
            "endpoint": value[0],
            "identity": value[1],
            "address": _address(value[2]),
            "ifindex": key[0],
            "ingress_enforced": bool(value[3] & 1),
            "egress_enforced": bool(value[3] & 2),
        }
        for key, value in _items(bpf_dir, maps.ENDPOINTS)
    ]
    return _sorted(rows)


def ipcache(bpf_dir: Path) -> list[Row]:
    """List identities by CIDR."""
    rows: list[Row] = [
        {"cidr": f"{_address(key[1])}/{key[0]}", "identity": value[0]}
        for key, value in _items(bpf_dir, maps.IPCACHE)
    ]
    return _sorted(rows)


def services(bpf_dir: Path) -> list[Row]:
    """List service frontends with their backends."""
    backends = {key: backend_of(value) for key, value in _items(bpf_dir, maps.BACKENDS)}
    rows: list[Row] = []
    for key, (service_id, count) in _items(bpf_dir, maps.SERVICES):
        slots = ((service_id, slot) for slot in range(count))
        found = [backends[slot] for slot in slots if slot in backends]
        rows.append(
            {
                "address": _address(key[0]),
                "port": int.from_bytes(key[1], "big"),
                "protocol": _protocol(key[2]),
                "backends": [f"{address}:{port}" for address, port in found],
            }
        )
    return _sorted(rows)


def connections(bpf_dir: Path) -> list[Row]:
    """List tracked connections; ``age`` is in seconds since their last packet."""
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    rows: list[Row] = [
        {
            "source": _address(key[0]),
            "source_port": int.from_bytes(key[2], "big"),
            "destination": _address(key[1]),
            "destination_port": int.from_bytes(key[3], "big"),
            "protocol": _protocol(key[4]),
            "direction": DIRECTIONS[key[5]],
            "endpoint": value[8],
            "peer_identity": value[2],
            "verdict": _VERDICT_NAMES[value[3]],
            "egress_class": value[5],
            "ingress_class": value[6],
            "age": round((now - value[0]) / 1e9, 3),
        }
        for key, value in _items(bpf_dir, maps.CT)
    ]
    return _sorted(rows)


def metrics(bpf_dir: Path) -> list[Row]:
    """List packets and bytes by reason and direction, summed over processors."""
    cpus = _possible_cpus()
    table = maps.open_map(bpf_dir / maps.SCHEMA, maps.METRICS)
    rows: list[Row] = []
    try:
        for slot in range(maps.METRICS.entries):
            raw = syscalls.lookup(table.fd, struct.pack("=I", slot), cpus * 16) or b""
            numbers = memoryview(raw).cast("Q")
            packets, volume = sum(numbers[0::2]), sum(numbers[1::2])
            if packets:
                direction = DIRECTIONS[slot % 2]
                rows.append({"reason": REASONS[slot // 2], "direction": direction,
                             "packets": packets, "bytes": volume})  # fmt: skip
    finally:
        table.close()
    return rows


def _items(bpf_dir: Path, spec: maps.MapSpec) -> list[tuple[Any, Any]]:
    table = maps.open_map(bpf_dir / maps.SCHEMA, spec)
    try:
        return list(table.items())
    finally:
        table.close()


def _possible_cpus() -> int:
    ranges = Path("/sys/devices/system/cpu/possible").read_text().strip()
    return int(ranges.replace(",", "-").split("-")[-1]) + 1 if ranges else (os.cpu_count() or 1)


def _address(raw: bytes) -> str:
    return str(ipaddress.IPv4Address(raw))


def _protocol(number: int) -> str:
    return _PROTOCOL_NAMES.get(number, str(number))


def _sorted(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: tuple(str(value) for value in row.values()))
