"""EndpointSlices of a Service with a selector, derived from pods as Kubernetes derives them.

Source: Kubernetes documentation, "EndpointSlices", and the API ``discovery.k8s.io/v1``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from lockgate.model.service import EndpointPort, EndpointSlice, Service, SliceEndpoint, family_of
from lockgate.model.workload import Pod

MAX_ENDPOINTS = 100
"""Endpoints of one slice; Kubernetes' default."""

Ports = tuple[EndpointPort, ...]


def derive_slices(
    service: Service,
    pods: Iterable[Pod],
    ready: Mapping[str, bool],
    terminating: Collection[str] = (),
    zones: Mapping[str, str] | None = None,
) -> tuple[EndpointSlice, ...]:
    """Return the slices of a Service over the pods that its selector selects.

    Pods of other namespaces or with other labels are left out. A pod stands in slices of each IP
    family that it and the Service have. Pods that resolve a named target port differently stand
    in slices of their own.

    Args:
        service: one without a selector has no derived slices.
        pods: the candidates; they may come in any order.
        ready: by pod path; a pod that is missing is not ready.
        terminating: paths of pods that are being stopped; they serve while ready, but are not
            ready for new connections.
        zones: by node name, for hints where the Service's ``trafficDistribution`` asks for them.
    """
    if not service.selector:
        return ()
    groups: dict[tuple[str, Ports], list[SliceEndpoint]] = {}
    for pod in sorted(pods, key=lambda pod: pod.name):
        if not _selected(service, pod):
            continue
        path = pod.ref.path
        ending = path in terminating
        serving = ready.get(path, False)
        available = service.publish_not_ready or (serving and not ending)
        zone = (zones or {}).get(pod.node, "")
        ports = _ports(service, pod)
        for address in _in_families(service, pod):
            endpoint = SliceEndpoint(
                (address,),
                available,
                serving,
                ending,
                pod.name,
                (zone,) if service.distribution and zone else (),
                (pod.node,) if service.distribution == "PreferSameNode" and pod.node else (),
                pod.node,
                zone,
            )
            groups.setdefault((family_of(address), ports), []).append(endpoint)
    return tuple(_cut(service, groups))


def _selected(service: Service, pod: Pod) -> bool:
    return pod.namespace == service.namespace and set(service.selector) <= set(pod.labels)


def _in_families(service: Service, pod: Pod) -> Iterable[str]:
    """Return the addresses of a pod in the IP families of the Service."""
    if service.cluster_ip is None and service.ip_family_policy != "SingleStack":
        return pod.addresses  # without addresses of its own, it has no family that it lacks
    return [one for one in pod.addresses if family_of(one) in service.families]


def _ports(service: Service, pod: Pod) -> Ports:
    """Resolve target ports; a name that the pod lacks leaves that port out."""
    named = {
        (port.name, port.protocol): port.port
        for container in pod.containers
        for port in container.ports
        if port.name
    }
    found = []
    for port in service.ports:
        target = port.target_port
        number = named.get((target, port.protocol)) if isinstance(target, str) else target
        if number is not None:
            found.append(
                EndpointPort(port.name, number or port.port, port.protocol, port.app_protocol)
            )
    return tuple(found)


def _cut(
    service: Service, groups: Mapping[tuple[str, Ports], list[SliceEndpoint]]
) -> Iterable[EndpointSlice]:
    number = 0
    for (address_type, ports), endpoints in sorted(groups.items(), key=repr):
        for start in range(0, len(endpoints), MAX_ENDPOINTS):
            yield EndpointSlice(
                service.namespace,
                f"{service.name}-{number}",
                service.name,
                address_type,
                ports,
                tuple(endpoints[start : start + MAX_ENDPOINTS]),
            )
            number += 1
