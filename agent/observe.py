"""From events of the kernel and access logs of Envoy to flows with names."""

from __future__ import annotations

from collections.abc import Iterable

from agent.desired import Desired
from agent.flows import Flow, HttpPart
from bpf.events import Verdict
from lockgate.ir.node import IDENTITY_HOST, IDENTITY_WORLD
from xds.access_log import HttpLogEntry

_PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6", 132: "SCTP"}
_FORBIDDEN = 403
_DENIED_DETAIL = "rbac_access_denied"
"""How Envoy explains a refusal of ours, as opposed to a backend's own 403."""


class Names:
    """Names and identities by address; kept by address so that a lookup costs nothing."""

    def __init__(self, desired: Desired, host_addresses: Iterable[str]) -> None:
        self._desired = desired
        self._seen = 0
        self._hosts = frozenset(host_addresses)
        self._by_address: dict[str, str] = {}
        self._addresses: dict[str, tuple[str, ...]] = {}

    def of(self, address: str) -> tuple[str, int]:
        """Return (name, identity) of an address; an unknown one is itself, of the world."""
        self._refresh()
        if address in self._hosts:
            return "host", IDENTITY_HOST
        name = self._by_address.get(address)
        if name is None:
            return address, IDENTITY_WORLD
        return name, self._desired.policy.identities.get(name) or IDENTITY_WORLD

    def _refresh(self) -> None:
        table = self._desired.topology.placed
        for key in table.changes(self._seen):
            for address in self._addresses.pop(key, ()):
                self._by_address.pop(address, None)
            row = table.get(key)
            if row is not None:
                self._by_address.update(dict.fromkeys(row.pod.addresses, key))
                self._addresses[key] = row.pod.addresses
        self._seen = table.revision


def flow_of_verdict(verdict: Verdict, names: Names) -> Flow:
    """Return a kernel event as a flow."""
    source, _ = names.of(verdict.source)
    destination, _ = names.of(verdict.destination)
    return Flow(
        time=verdict.time,
        type="l3_l4",
        verdict=verdict.verdict,
        reason=verdict.reason,
        source="host" if verdict.source_identity == IDENTITY_HOST else source,
        source_port=verdict.source_port,
        source_identity=verdict.source_identity,
        destination=destination,
        destination_port=verdict.destination_port,
        destination_identity=verdict.destination_identity,
        protocol=_PROTOCOLS.get(verdict.protocol, str(verdict.protocol)),
        direction=verdict.direction,
    )


def flow_of_request(entry: HttpLogEntry, names: Names) -> Flow:
    """Return an HTTP request as a flow."""
    source, source_identity = names.of(entry.source)
    destination, destination_identity = names.of(entry.destination)
    denied = entry.status == _FORBIDDEN and _DENIED_DETAIL in entry.detail
    return Flow(
        time=entry.time,
        type="http",
        verdict="dropped" if denied else "forwarded",
        reason=entry.detail if denied else "",
        source=source,
        source_port=entry.source_port,
        source_identity=source_identity,
        destination=destination,
        destination_port=entry.destination_port,
        destination_identity=destination_identity,
        protocol="TCP",
        direction="ingress",
        http=HttpPart(entry.method, entry.path, entry.authority, entry.status),
    )
