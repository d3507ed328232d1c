"""The load balancers of one Service or Pod on this node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, cast

from agent.forwarding.backends import Choice, NodeFacts, choose
from lockgate.ir.node import Frontend, LoadBalancer, Scope, ServiceKind
from lockgate.model.service import (
    EndpointSlice,
    Family,
    Service,
    ServicePort,
    TrafficPolicy,
    family_of,
)
from lockgate.model.workload import ContainerPort, Pod

Protocol = Literal["TCP", "UDP", "SCTP"]
LOOPBACKS = ("127.0.0.1", "::1")
BOTH: tuple[Scope, ...] = ("internal", "external")


def service_balancers(
    service: Service, slices: Iterable[EndpointSlice], node: NodeFacts
) -> tuple[LoadBalancer, ...]:
    """Return the load balancers of a Service, sorted by frontend.

    Connections from outside follow ``externalTrafficPolicy``; those of this node and its pods to
    an address that is there for the outside may use every endpoint.
    """
    if not service.is_proxied:
        return ()
    held = tuple(row for row in slices if row.is_proxied)
    found: dict[Frontend, LoadBalancer] = {}
    for port in service.ports:
        # Many frontends share one choice: each address of the node is one.
        chosen: dict[tuple[Family, TrafficPolicy], Choice] = {}
        for kind, front in _frontends(service, port, node):
            of = family_of(front.address), _policy(service, kind, front)
            if of not in chosen:
                chosen[of] = choose(held, port, *of, node)
            # An address given twice is what it is first: a ClusterIP before all else.
            found.setdefault(front, _balancer(service, kind, front, chosen[of]))
    return tuple(balancer for _, balancer in sorted(found.items()))


def _frontends(
    service: Service, port: ServicePort, node: NodeFacts
) -> Iterator[tuple[ServiceKind, Frontend]]:
    exposure = service.exposure
    protocol = cast("Protocol", port.protocol)
    for address in service.cluster_ips:
        yield "ClusterIP", Frontend(address, port.port, protocol)
    if service.type == "LoadBalancer":
        for address in exposure.load_balancer_ips:
            for scope in BOTH:
                yield "LoadBalancer", Frontend(address, port.port, protocol, scope)
    for address in exposure.external_ips:
        for scope in BOTH:
            yield "ExternalIP", Frontend(address, port.port, protocol, scope)
    if port.node_port:
        addresses = [one for one in node.addresses if family_of(one) in service.families]
        for front in node_frontends(addresses, port.node_port, protocol):
            yield "NodePort", front


def node_frontends(addresses: Iterable[str], port: int, protocol: Protocol) -> Iterator[Frontend]:
    """Yield frontends on addresses of this node; nobody outside reaches its loopback."""
    for address in addresses:
        for scope in BOTH[:1] if address in LOOPBACKS else BOTH:
            yield Frontend(address, port, protocol, scope)


def _policy(service: Service, kind: ServiceKind, front: Frontend) -> TrafficPolicy:
    if kind == "ClusterIP":
        return service.exposure.internal_policy
    return service.exposure.external_policy if front.scope == "external" else "Cluster"


def _balancer(service: Service, kind: ServiceKind, front: Frontend, choice: Choice) -> LoadBalancer:
    exposure = service.exposure
    outside = front.scope == "external"
    limited = outside and (kind == "LoadBalancer" or exposure.ranges_of_all)
    return LoadBalancer(
        front,
        choice.backends,
        service.ref,
        kind,
        service.affinity_s,
        exposure.source_ranges if limited else (),
        choice.silent,
        outside and exposure.direct_return,
    )


def pod_balancers(pod: Pod, node: NodeFacts) -> tuple[LoadBalancer, ...]:
    """Return the load balancers of a pod's ``hostPort``s, sorted by frontend.

    A pod in the node's own network listens there by itself.
    """
    if pod.host_network or not pod.addresses:
        return ()
    ports = (port for container in pod.containers for port in container.ports if port.host_port)
    found = {
        front: LoadBalancer(front, ((address, port.port),), pod.ref, "HostPort")
        for port in ports
        for front in _host_frontends(pod, port, node)
        for address in _reached_by(front, pod)
    }
    return tuple(balancer for _, balancer in sorted(found.items()))


def _reached_by(front: Frontend, pod: Pod) -> Iterator[str]:
    """Yield the pod's address of the frontend's IP family, or the only one that it has."""
    for address in pod.addresses:
        if len(pod.addresses) == 1 or family_of(address) == family_of(front.address):
            yield address


def _host_frontends(pod: Pod, port: ContainerPort, node: NodeFacts) -> Iterator[Frontend]:
    every = port.host_ip in ("", "0.0.0.0", "::")
    families = set(map(family_of, pod.addresses))
    if port.host_ip == "0.0.0.0":
        families = {"IPv4"}
    elif port.host_ip == "::":
        families = {"IPv6"}
    addresses = [one for one in node.addresses if family_of(one) in families]
    return node_frontends(
        addresses if every else [port.host_ip], port.host_port, cast("Protocol", port.protocol)
    )
