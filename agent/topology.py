"""From declared Pods and Services to endpoints, slices and load balancers of this node."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.declared import Declared, Key
from agent.endpoint_slices import derive_slices
from agent.forwarding.tables import Forwarding
from agent.node_ports import AssignedPorts, with_node_ports
from agent.pods import PodStatus
from lockgate.model.service import EndpointSlice, Service, family_of
from lockgate.model.workload import Pod
from lockgate.state import Fetch, Graph, Index, Table

Slices = tuple[EndpointSlice, ...]


@dataclass(frozen=True, slots=True)
class PlacedPod:
    """A pod that has an address, and whether it can serve."""

    pod: Pod
    ready: bool
    terminating: bool = False


class Topology:
    """The derived tables; ``pod_status``, ``service_ips`` and ``node_ports`` the agent writes.

    In a cluster, Kubernetes makes the slices of Services with a selector, so none are derived.
    """

    def __init__(
        self, graph: Graph, declared: Declared, node_name: str = "", *, in_cluster: bool = False
    ) -> None:
        self._node_name = node_name
        self._in_cluster = in_cluster
        self._nodes = declared.nodes
        self.pod_status: Table[str, PodStatus] = Table("pod status")
        self.service_ips: Table[Key, tuple[str, ...]] = Table("service addresses")
        self.node_ports: Table[Key, AssignedPorts] = Table("node ports")
        self.placed: Table[str, PlacedPod] = graph.derive(
            "placed pods", declared.pods, self._place, (self.pod_status,)
        ).output
        self.endpoints: Table[str, Pod] = graph.derive(
            "endpoints", self.placed, lambda _key, row, _fetch: row.pod
        ).output
        self.local: Table[str, Pod] = graph.derive(
            "local endpoints", self.endpoints, self._local, (self.pod_status,)
        ).output
        self.services: Table[Key, Service] = graph.derive(
            "services",
            declared.services,
            self._address_service,
            (self.service_ips, self.node_ports),
        ).output
        self._by_label: Index[str, PlacedPod, tuple[str, str, str]] = Index(
            self.placed,
            lambda _key, row: [(row.pod.namespace, *pair) for pair in row.pod.labels],
        )
        self._declared_slices: Index[Key, EndpointSlice, Key] = Index(
            declared.slices, lambda _key, row: [(row.namespace, row.service)]
        )
        self.slices: Table[Key, Slices] = graph.derive(
            "slices",
            self.services,
            self._slices,
            (self._by_label, self._declared_slices, self._nodes),
        ).output
        self.forwarding = Forwarding(
            graph,
            node_name,
            nodes=declared.nodes,
            services=self.services,
            slices=self.slices,
            pods=self.endpoints,
        )
        self.load_balancers = self.forwarding.load_balancers

    def _local(self, key: str, pod: Pod, fetch: Fetch) -> Pod | None:
        if not self._in_cluster:
            return pod if pod.runs_here else None
        attached = pod.node == self._node_name and fetch.get(self.pod_status, key) is not None
        return pod if attached else None

    def _place(self, key: str, pod: Pod, fetch: Fetch) -> PlacedPod | None:
        if pod.finished or (pod.host_network and not pod.runs_here):
            return None  # its addresses are nobody's yet again, or its node's
        attached = self._in_cluster and pod.node == self._node_name
        status = fetch.get(self.pod_status, key) if pod.runs_here or attached else None
        if not pod.runs_here and status is None:
            return PlacedPod(pod, ready=True) if pod.addresses else None
        if status is None or not status.addresses:
            return None
        placed = replace(pod, addresses=status.addresses, node=self._node_name)
        return PlacedPod(placed, status.ready)

    def _address_service(self, key: Key, service: Service, fetch: Fetch) -> Service:
        addressed = with_node_ports(service, fetch.get(self.node_ports, key) or ())
        addresses = fetch.get(self.service_ips, key)
        if not addresses:
            return addressed
        first, second = (*addresses, "")[:2]
        return replace(
            addressed,
            cluster_ip=first,
            second_cluster_ip=second,
            ip_families=tuple(map(family_of, addresses)),
        )

    def _slices(self, key: Key, service: Service, fetch: Fetch) -> Slices:
        declared = [row for _, row in fetch.group(self._declared_slices, key)]
        if not service.selector or self._in_cluster:
            return tuple(declared)
        narrowest = (service.namespace, *service.selector[0])
        candidates = [row for _, row in fetch.group(self._by_label, narrowest)]
        selected = [row for row in candidates if set(service.selector) <= set(row.pod.labels)]
        ready = {row.pod.ref.path: row.ready for row in selected}
        zones = self._zones(service, selected, fetch)
        pods = [row.pod for row in selected]
        return (*derive_slices(service, pods, ready, zones=zones), *declared)

    def _zones(self, service: Service, selected: list[PlacedPod], fetch: Fetch) -> dict[str, str]:
        """Return the zones of the nodes, if anybody asks for them."""
        if not service.distribution:
            return {}
        nodes = {row.pod.node: fetch.get(self._nodes, row.pod.node) for row in selected}
        return {name: node.zone for name, node in nodes.items() if node is not None}
