"""The tables of load balancers and health checks; a changed slice recomputes its Service only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agent.declared import Key
from agent.forwarding.backends import NodeFacts, local_ready
from agent.forwarding.balancers import LOOPBACKS, pod_balancers, service_balancers
from agent.forwarding.claims import Forwarded, lost, winner
from lockgate.ir.node import Frontend, LoadBalancer
from lockgate.model.meta import ObjectRef
from lockgate.model.service import EndpointSlice, Service
from lockgate.model.workload import Node, Pod
from lockgate.state import Fetch, Graph, Index, Table

Balancers = tuple[LoadBalancer, ...]
Slices = tuple[EndpointSlice, ...]


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """What an outside load balancer is answered on a Service's ``healthCheckNodePort``."""

    service: ObjectRef
    port: int
    endpoints: int
    """How many on this node are ready."""


class Forwarding:
    """Derived tables of what this node forwards.

    Args:
        graph: that they are added to.
        node_name: of this node.
        nodes: as declared; ours tells its zone and addresses.
        services: with their cluster addresses and node ports.
        slices: of each Service.
        pods: that have an address.
    """

    def __init__(  # its inputs
        self,
        graph: Graph,
        node_name: str,
        *,
        nodes: Table[str, Node],
        services: Table[Key, Service],
        slices: Table[Key, Slices],
        pods: Table[str, Pod],
    ) -> None:
        self._node_name = node_name
        self._slices = slices
        self._nodes = nodes
        self._host: Table[str, tuple[str, ...]] = Table("host addresses")
        self._host.put(node_name, LOOPBACKS)
        self._facts = graph.derive("node facts", self._host, self._know_node, (nodes,)).output
        wanted = graph.derive(
            "wanted frontends", services, self._want, (slices, self._facts)
        ).output
        host_wanted = graph.derive(
            "wanted host ports", pods, self._want_ports, (self._facts,)
        ).output
        self._claims = (Index(wanted, _frontends), Index(host_wanted, _frontends))
        self.services: Table[Key, Forwarded] = graph.derive(
            "forwarded services", wanted, self._forward, self._claims
        ).output
        """Every Service that has a frontend here."""
        self.pods: Table[str, Forwarded] = graph.derive(
            "forwarded host ports", host_wanted, self._forward, self._claims
        ).output
        """Every pod of this node that has a ``hostPort``."""
        self.load_balancers: Table[Key, Balancers] = graph.derive(
            "load balancers", self.services, lambda _key, row, _fetch: row.balancers or None
        ).output
        self.host_ports: Table[str, Balancers] = graph.derive(
            "host ports", self.pods, lambda _key, row, _fetch: row.balancers or None
        ).output
        self.health_checks: Table[Key, HealthCheck] = graph.derive(
            "health checks", services, self._health_check, (slices, self._facts)
        ).output

    def set_host_addresses(self, addresses: Iterable[str]) -> None:
        """Take note of the addresses that this host has; loopback is known."""
        self._host.put(self._node_name, tuple(sorted({*addresses, *LOOPBACKS})))

    def _know_node(self, key: str, addresses: tuple[str, ...], fetch: Fetch) -> NodeFacts:
        node = fetch.get(self._nodes, key) or Node(key)
        return NodeFacts(key, node.zone, tuple(sorted({*addresses, *node.addresses})))

    def _node(self, fetch: Fetch) -> NodeFacts:
        return fetch.get(self._facts, self._node_name) or NodeFacts(self._node_name)

    def _want(self, key: Key, service: Service, fetch: Fetch) -> Balancers | None:
        slices = fetch.get(self._slices, key) or ()
        return service_balancers(service, slices, self._node(fetch)) or None

    def _want_ports(self, _key: str, pod: Pod, fetch: Fetch) -> Balancers | None:
        if pod.node != self._node_name:
            return None
        return pod_balancers(pod, self._node(fetch)) or None

    def _forward(self, _key: object, wanted: Balancers, fetch: Fetch) -> Forwarded:
        kept, problems = [], set()
        for balancer in wanted:
            first = winner(self._rivals(balancer.frontend, fetch))
            if first.origin == balancer.origin:
                kept.append(balancer)
            else:
                problems.add(lost(balancer, first))
        return Forwarded(tuple(kept), tuple(sorted(problems)))

    def _rivals(self, front: Frontend, fetch: Fetch) -> Iterable[LoadBalancer]:
        services, pods = self._claims
        rows = [row for _, row in fetch.group(services, front)]
        rows += [row for _, row in fetch.group(pods, front)]
        return (claim for row in rows for claim in row if claim.frontend == front)

    def _health_check(self, key: Key, service: Service, fetch: Fetch) -> HealthCheck | None:
        port = service.exposure.health_check_port
        if not service.wants_health_check or not port:
            return None
        slices = fetch.get(self._slices, key)
        count = local_ready(slices or (), self._node(fetch))
        return HealthCheck(service.ref, port, count)


def _frontends(_key: object, row: Balancers) -> list[Frontend]:
    return [balancer.frontend for balancer in row]
