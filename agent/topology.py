"""From declared Pods and Services to endpoints, slices and load balancers of this node."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, cast

from agent.declared import Declared, Key
from agent.endpoint_slices import derive_slices
from agent.pods import PodStatus
from ingress.backends import slice_addresses
from lockgate.ir.node import Frontend, LoadBalancer
from lockgate.model.service import EndpointSlice, Service
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
    """The derived tables; ``pod_status`` and ``service_ips`` are written by the agent."""

    def __init__(self, graph: Graph, declared: Declared) -> None:
        self.pod_status: Table[str, PodStatus] = Table("pod status")
        self.service_ips: Table[Key, str] = Table("service addresses")
        self.placed: Table[str, PlacedPod] = graph.derive(
            "placed pods", declared.pods, self._place, (self.pod_status,)
        ).output
        self.endpoints: Table[str, Pod] = graph.derive(
            "endpoints", self.placed, lambda _key, row, _fetch: row.pod
        ).output
        self.local: Table[str, Pod] = graph.derive(
            "local endpoints",
            self.endpoints,
            lambda _key, pod, _fetch: pod if pod.runs_here else None,
        ).output
        self.services: Table[Key, Service] = graph.derive(
            "services", declared.services, self._address_service, (self.service_ips,)
        ).output
        self._by_label: Index[str, PlacedPod, tuple[str, str, str]] = Index(
            self.placed,
            lambda _key, row: [(row.pod.namespace, *pair) for pair in row.pod.labels],
        )
        self._declared_slices: Index[Key, EndpointSlice, Key] = Index(
            declared.slices, lambda _key, row: [(row.namespace, row.service)]
        )
        self.slices: Table[Key, Slices] = graph.derive(
            "slices", self.services, self._slices, (self._by_label, self._declared_slices)
        ).output
        self.load_balancers: Table[Key, tuple[LoadBalancer, ...]] = graph.derive(
            "load balancers", self.services, self._load_balancers, (self.slices,)
        ).output

    def _place(self, key: str, pod: Pod, fetch: Fetch) -> PlacedPod | None:
        if not pod.runs_here:
            return PlacedPod(pod, ready=True) if pod.addresses else None
        status = fetch.get(self.pod_status, key)
        if status is None or not status.addresses:
            return None
        return PlacedPod(replace(pod, addresses=status.addresses), status.ready)

    def _address_service(self, key: Key, service: Service, fetch: Fetch) -> Service:
        if service.cluster_ip != "":
            return service
        return replace(service, cluster_ip=fetch.get(self.service_ips, key) or "")

    def _slices(self, key: Key, service: Service, fetch: Fetch) -> Slices:
        declared = [row for _, row in fetch.group(self._declared_slices, key)]
        if not service.selector:
            return tuple(declared)
        narrowest = (service.namespace, *service.selector[0])
        candidates = [row for _, row in fetch.group(self._by_label, narrowest)]
        selected = [row for row in candidates if set(service.selector) <= set(row.pod.labels)]
        ready = {row.pod.ref.path: row.ready for row in selected}
        return (*derive_slices(service, [row.pod for row in selected], ready), *declared)

    def _load_balancers(
        self, key: Key, service: Service, fetch: Fetch
    ) -> tuple[LoadBalancer, ...] | None:
        if not service.cluster_ip:
            return None
        slices = fetch.get(self.slices, key) or ()
        return tuple(
            LoadBalancer(
                Frontend(
                    service.cluster_ip,
                    port.port,
                    cast("Literal['TCP', 'UDP', 'SCTP']", port.protocol),
                ),
                slice_addresses(slices, port.name, port.protocol),
                service.ref,
            )
            for port in service.ports
        )
