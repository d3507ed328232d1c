"""Which endpoints of a Service new connections go to.

Source: Kubernetes documentation, "Virtual IPs and Service Proxies", sections "Traffic policies" and
"Traffic distribution"; "EndpointSlices", section "Conditions"; "Topology Aware Routing".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lockgate.model.service import (
    EndpointSlice,
    Family,
    ServicePort,
    SliceEndpoint,
    TrafficPolicy,
)

Backends = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What decides, besides the endpoints, what a node does with a connection."""

    name: str
    zone: str = ""
    addresses: tuple[str, ...] = ()
    """Its own, loopback included, sorted."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Backends as (address, port), sorted; ``silent``: there are some, but not on this node."""

    backends: Backends
    silent: bool = False


def choose(
    slices: Iterable[EndpointSlice],
    port: ServicePort,
    family: Family,
    policy: TrafficPolicy,
    node: NodeFacts,
) -> Choice:
    """Return the backends for a frontend of an IP family.

    Those of the other family are used only where there are none of its own. With policy
    ``Local`` only those of this node count. While none of those that count is ready, the ones
    that terminate but still serve are used.
    """
    found: dict[bool, list[tuple[SliceEndpoint, int]]] = {True: [], False: []}
    for row in slices:
        if row.address_type not in ("IPv4", "IPv6"):
            continue
        numbers = [
            entry.port
            for entry in row.ports
            if (entry.name, entry.protocol) == (port.name, port.protocol)
        ]
        found[row.address_type == family] += [
            (endpoint, number) for endpoint in row.endpoints for number in numbers
        ]
    for own in (True, False):
        backends = _usable(found[own], policy, node)
        if backends:
            return Choice(backends)
    everywhere = (pair[0] for pairs in found.values() for pair in pairs)
    return Choice((), policy == "Local" and any(map(_takes_connections, everywhere)))


def local_ready(slices: Iterable[EndpointSlice], node: NodeFacts) -> int:
    """Return how many endpoints on this node are ready, each counted once for all its ports."""
    return len({
        endpoint.addresses[0]
        for row in slices
        if row.is_proxied
        for endpoint in row.endpoints
        if endpoint.ready and endpoint.node == node.name
    })  # fmt: skip


def _usable(
    pairs: list[tuple[SliceEndpoint, int]], policy: TrafficPolicy, node: NodeFacts
) -> Backends:
    if policy == "Local":
        pairs = [pair for pair in pairs if pair[0].node == node.name]
    ready = [pair for pair in pairs if pair[0].ready]
    if policy == "Cluster":
        ready = _near(ready, node)
    ending = [pair for pair in pairs if _ends(pair[0])]
    return tuple(sorted({(endpoint.addresses[0], port) for endpoint, port in ready or ending}))


def _near(
    ready: list[tuple[SliceEndpoint, int]], node: NodeFacts
) -> list[tuple[SliceEndpoint, int]]:
    """Return the endpoints that hints give to this node, else to its zone, else all.

    A kind of hint counts only if every ready endpoint has it and one of them names us: a set of
    hints that is incomplete or out of date must not cut anybody off.
    """
    return (
        _hinted(ready, lambda endpoint: endpoint.nodes, node.name)
        or _hinted(ready, lambda endpoint: endpoint.zones, node.zone)
        or ready
    )


def _hinted(
    ready: list[tuple[SliceEndpoint, int]],
    hints: Callable[[SliceEndpoint], tuple[str, ...]],
    ours: str,
) -> list[tuple[SliceEndpoint, int]]:
    if not ours or not all(hints(endpoint) for endpoint, _ in ready):
        return []
    return [pair for pair in ready if ours in hints(pair[0])]


def _ends(endpoint: SliceEndpoint) -> bool:
    return endpoint.serving and endpoint.terminating and not endpoint.ready


def _takes_connections(endpoint: SliceEndpoint) -> bool:
    return endpoint.ready or _ends(endpoint)
