"""What the pinned maps hold, for another process than the agent's; nothing is compiled."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from typing import Any, Final

from bpf import maps, syscalls
from bpf.events import DIRECTIONS, REASONS
from bpf.policymap import VERDICTS
from bpf.services import FLAGS, PROTOCOLS, SCOPES, backend_of

Row = dict[str, object]
STATES: Final = ("opening", "established", "closing", "datagram")
HOOKS: Final = {2: "pod out", 3: "pod in", 4: "device in", 5: "device out"}
KINDS: Final = {1: "service", 2: "masquerade"}
_PROTOCOL_NAMES: Final = {
    0: "ANY",
    1: "ICMP",
    58: "ICMPV6",
    **{n: name for name, n in PROTOCOLS.items()},
}
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
            "addresses": [maps.address_text(raw) for raw in value[4:6] if raw != maps.NO_ADDRESS],
            "ifindex": key[0],
            "ingress_enforced": bool(value[2] & 1),
            "egress_enforced": bool(value[2] & 2),
        }
        for key, value in _items(bpf_dir, maps.ENDPOINTS)
    ]
    return _sorted(rows)


def ipcache(bpf_dir: Path) -> list[Row]:
    """List identities by CIDR."""
    rows: list[Row] = [
        {"cidr": maps.cidr_text(*key), "identity": value[0]}
        for key, value in _items(bpf_dir, maps.IPCACHE)
    ]
    return _sorted(rows)


def services(bpf_dir: Path) -> list[Row]:
    """List service frontends with their backends."""
    backends = {key: backend_of(value) for key, value in _items(bpf_dir, maps.BACKENDS)}
    rows: list[Row] = []
    for key, (service_id, _origin, count, affinity_s, flags, _) in _items(bpf_dir, maps.SERVICES):
        slots = ((service_id, slot) for slot in range(count))
        found = [backends[slot] for slot in slots if slot in backends]
        rows.append(
            {
                "address": maps.address_text(key[0]),
                "port": int.from_bytes(key[1], "big"),
                "protocol": _protocol(key[2]),
                "scope": SCOPES[key[3]],
                "backends": [joined(address, port) for address, port in found],
                "affinity_s": affinity_s,
                "flags": [name for bit, name in FLAGS.items() if flags & bit],
            }
        )
    return _sorted(rows)


def connections(bpf_dir: Path) -> list[Row]:
    """List tracked connections; ``age`` is in seconds since their last packet."""
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    return _sorted(
        [
            {
                **_flow(key),
                "direction": DIRECTIONS[key[5]],
                "endpoint": value[5],
                "peer_identity": value[4],
                "verdict": _VERDICT_NAMES[value[8]],
                "state": STATES[value[10]],
                "egress_class": value[6],
                "ingress_class": value[7],
                "packets": value[2],
                "bytes": value[3],
                "age": round((now - value[0]) / 1e9, 3),
            }
            for spec in (maps.CT, maps.OPENING)
            for key, value in _items(bpf_dir, spec)
        ]
    )


def translations(bpf_dir: Path) -> list[Row]:
    """List address translations: what packets of a flow become, and at which hook."""
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    return _sorted(
        [
            {
                **_flow(key),
                "hook": HOOKS[key[5]],
                "kind": KINDS.get(value[6], "reserved"),
                "new_source": joined(maps.address_text(value[1]), int.from_bytes(value[3], "big")),
                "new_destination": joined(
                    maps.address_text(value[2]), int.from_bytes(value[4], "big")
                ),
                "state": STATES[value[5]],
                "age": round((now - value[0]) / 1e9, 3),
            }
            for key, value in _items(bpf_dir, maps.NAT)
        ]
    )


def joined(address: str, port: int) -> str:
    """Return an address and a port as text."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _flow(key: tuple[Any, ...]) -> Row:
    return {
        "source": maps.address_text(key[0]),
        "source_port": int.from_bytes(key[2], "big"),
        "destination": maps.address_text(key[1]),
        "destination_port": int.from_bytes(key[3], "big"),
        "protocol": _protocol(key[4]),
    }


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


def _protocol(number: int) -> str:
    return _PROTOCOL_NAMES.get(number, str(number))


def _sorted(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: tuple(str(value) for value in row.values()))
