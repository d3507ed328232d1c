"""Backends of a Service's port, from its EndpointSlices."""

from __future__ import annotations

from collections.abc import Iterable

from ingress.hosts import BackendKey, service_port
from lockgate.ir.proxy import ClusterEndpoints
from lockgate.model.service import EndpointSlice, Service


def slice_addresses(
    slices: Iterable[EndpointSlice], port_name: str, protocol: str
) -> tuple[tuple[str, int], ...]:
    """Return the ready (address, port) pairs of slices for a Service port, sorted.

    While no endpoint is ready, those that terminate but still serve are used, as Kubernetes does.
    """
    ready: set[tuple[str, int]] = set()
    serving: set[tuple[str, int]] = set()
    for entry in slices:
        ports = [
            port.port
            for port in entry.ports
            if port.name == port_name and port.protocol == protocol
        ]
        for endpoint in entry.endpoints:
            pairs = {(address, port) for address in endpoint.addresses[:1] for port in ports}
            if endpoint.ready:
                ready |= pairs
            elif endpoint.serving and endpoint.terminating:
                serving |= pairs
    return tuple(sorted(ready or serving))


def cluster_endpoints(
    key: BackendKey, service: Service | None, slices: Iterable[EndpointSlice]
) -> ClusterEndpoints:
    """Return the backends of one cluster; none if the Service or its port is not there."""
    port = None if service is None else service_port(service, key.port)
    if port is None:
        return ClusterEndpoints(key.cluster, ())
    return ClusterEndpoints(key.cluster, slice_addresses(slices, port.name, port.protocol))
