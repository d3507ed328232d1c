"""Services and EndpointSlices.

Source: Kubernetes API ``core/v1`` ServiceSpec and ``discovery.k8s.io/v1``, whose validation an
object from a folder has not passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any, Literal, cast

from lockgate.model.meta import labels_of
from lockgate.model.service import (
    HEADLESS,
    EndpointPort,
    EndpointSlice,
    Exposure,
    Service,
    ServicePort,
    SliceEndpoint,
    family_of,
)
from lockgate.sources import service_schema as schema
from lockgate.sources.fields import Reading
from lockgate.sources.policy_fields import LAST_PORT

FORWARDING_MODE = "service.lockgate.io/forwarding-mode"
RANGES_POLICY = "service.lockgate.io/src-ranges-policy"
_SERVICE_NAME = "kubernetes.io/service-name"
_DISTRIBUTIONS = ("", "PreferClose", "PreferSameZone", "PreferSameNode")
_Distribution = Literal["", "PreferClose", "PreferSameZone", "PreferSameNode"]


def read_service(read: Reading, view: schema.ServiceObject) -> list[Service]:
    """Read a Service."""
    spec: Any = view.spec
    _check_ports(read, spec)
    _check_combinations(read, spec)
    first, second = _cluster_ips(read, spec)
    return [
        Service(
            view.metadata.namespace,
            view.metadata.name,
            spec.type,
            first,
            tuple(_port(port) for port in spec.ports),
            labels_of(spec.selector),
            spec.external_name,
            labels_of(view.metadata.labels),
            view.status.addresses(),
            second,
            tuple(spec.ip_families),
            spec.ip_family_policy,
            _affinity_s(spec),
            spec.publish_not_ready_addresses,
            _distribution(read, spec.traffic_distribution),
            _exposure(read, view),
        )
    ]


def _port(view: schema.ServicePortView) -> ServicePort:
    return ServicePort(
        view.name,
        view.port,
        view.port if view.target_port is None else view.target_port,
        view.protocol,
        view.app_protocol,
        view.node_port,
    )


def _affinity_s(spec: Any) -> int:  # its class is made at import
    if spec.session_affinity == "None":
        return 0
    config: schema.AffinityView = spec.session_affinity_config or schema.AffinityView()
    return config.client_ip.timeout_seconds


def _distribution(read: Reading, asked: str) -> _Distribution:
    if asked in _DISTRIBUTIONS:
        return cast("_Distribution", asked)
    read.leave_out(
        "spec.trafficDistribution", "InvalidValue", f"{asked!r} is not known; any endpoint is used",
        f"use one of {', '.join(_DISTRIBUTIONS[1:])}",
    )  # fmt: skip
    return ""


def _exposure(read: Reading, view: schema.ServiceObject) -> Exposure:
    spec: Any = view.spec
    ranges = (
        read.cidr(text.strip(), f"spec.loadBalancerSourceRanges[{number}]")
        for number, text in enumerate(spec.load_balancer_source_ranges)
    )
    notes = view.metadata.annotations
    _check_external_ips(read, spec.external_ips)
    balancers = []
    for number, row in enumerate(view.status.load_balancer.ingress):
        read.address(row.ip, f"status.loadBalancer.ingress[{number}].ip")
        if row.ip and row.ip_mode == "VIP":
            balancers.append(row.ip)
    # Who cannot be understood gets the narrower meaning where that keeps clients out.
    return Exposure(
        _canonical(spec.external_ips),
        _canonical(balancers),
        tuple(sorted(set(ranges))),
        _choice(read, notes, RANGES_POLICY, ("load-balancer", "all"), "all") == "all",
        spec.internal_traffic_policy,
        spec.external_traffic_policy or "Cluster",
        spec.health_check_node_port,
        spec.allocate_load_balancer_node_ports,
        _choice(read, notes, FORWARDING_MODE, ("snat", "dsr"), "snat") == "dsr",
    )


def _choice(
    read: Reading, notes: Mapping[str, str], key: str, values: tuple[str, ...], otherwise: str
) -> str:
    """Return an annotation's value; the first of ``values`` if there is none."""
    asked = notes.get(key, values[0])
    if asked in values:
        return asked
    read.leave_out(
        f"metadata.annotations.{key}", "InvalidAnnotation",
        f"{asked!r} is not known; {otherwise} holds", f"use {' or '.join(values)}",
    )  # fmt: skip
    return otherwise


def _canonical(addresses: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({str(ip_address(one)) for one in addresses if _is_address(one)}))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _check_external_ips(read: Reading, addresses: Iterable[str]) -> None:
    for number, text in enumerate(addresses):
        field = f"spec.externalIPs[{number}]"
        address = ip_address(text) if _is_address(text) else None
        if address is None:
            fix = "write an IPv4 or IPv6 address"
            read.refuse(field, "InvalidAddress", f"{text!r} is no address", fix)
        elif address.is_loopback or address.is_link_local or address.is_unspecified:
            fix = "use an address that is routed to this node"
            read.refuse(field, "InvalidAddress", f"{text} does not lead here from outside", fix)


def _cluster_ips(read: Reading, spec: Any) -> tuple[str | None, str]:
    """Return the preferred address, None for a headless Service, and the other family's."""
    if "None" in (spec.cluster_ip, *spec.cluster_ips):
        return None, ""
    read.address(spec.cluster_ip, "spec.clusterIP")
    for number, text in enumerate(spec.cluster_ips):
        if _is_address(text):
            continue
        fix = "write an IPv4 or IPv6 address"
        read.refuse(f"spec.clusterIPs[{number}]", "InvalidAddress", f"{text!r} is no address", fix)
    found = spec.cluster_ips or ([spec.cluster_ip] if spec.cluster_ip else [])
    if spec.cluster_ip and found[0] != spec.cluster_ip:
        read.refuse(
            "spec.clusterIPs", "InvalidCombination", "its first address is not clusterIP",
            "remove clusterIP, or make them equal",
        )  # fmt: skip
    if read.problems:
        return "", ""
    _check_families(read, spec, [family_of(text) for text in found])
    first, second = (*(str(ip_address(text)) for text in found), "", "")[:2]
    return first, second


def _check_families(read: Reading, spec: Any, held: list[str]) -> None:
    asked = spec.ip_families
    for field, families in (("spec.clusterIPs", held), ("spec.ipFamilies", asked)):
        if len(set(families)) < len(families):
            fix = "give one of each IP family"
            read.refuse(field, "Duplicate", f"both are {families[0]}", fix)
        if len(families) > 1 and spec.ip_family_policy == "SingleStack":
            read.refuse(
                field, "InvalidCombination", "a Service of a single stack has one",
                "set ipFamilyPolicy to PreferDualStack or RequireDualStack",
            )  # fmt: skip
    if asked and any(mine != theirs for mine, theirs in zip(held, asked, strict=False)):
        read.refuse(
            "spec.ipFamilies", "InvalidCombination",
            f"clusterIPs are {', '.join(held)}, in this order", "name the same families",
        )  # fmt: skip


def _check_combinations(read: Reading, spec: Any) -> None:
    outside = spec.type in ("NodePort", "LoadBalancer")
    if spec.external_traffic_policy and not (outside or spec.external_ips):
        read.refuse(
            "spec.externalTrafficPolicy", "InvalidCombination",
            f"a Service of type {spec.type} is not reached from outside",
            "remove it, or use type NodePort or LoadBalancer",
        )  # fmt: skip
    local = spec.type == "LoadBalancer" and spec.external_traffic_policy == "Local"
    if spec.health_check_node_port and not local:
        read.refuse(
            "spec.healthCheckNodePort", "InvalidCombination",
            "nobody asks for it", "use it with type LoadBalancer and externalTrafficPolicy Local",
        )  # fmt: skip
    if spec.session_affinity == "None" and spec.session_affinity_config is not None:
        read.refuse(
            "spec.sessionAffinityConfig", "InvalidCombination", "there is no session affinity",
            "remove it, or set sessionAffinity to ClientIP",
        )  # fmt: skip


def _check_ports(read: Reading, spec: Any) -> None:
    outside = spec.type in ("NodePort", "LoadBalancer")
    names: set[str] = set()
    numbers: set[tuple[str, int, str]] = set()
    for number, port in enumerate(spec.ports):
        field = f"spec.ports[{number}]"
        if len(spec.ports) > 1 and not port.name:
            read.refuse(
                f"{field}.name", "MissingField", "of several ports each needs a name", "add a name"
            )
        elif port.name in names:
            read.refuse(
                f"{field}.name", "Duplicate", f"another port is named {port.name!r}", "rename one"
            )
        names.add(port.name)
        for name, value in (("port", port.port), ("nodePort", port.node_port)):
            key = (name, value, port.protocol)
            if value and key in numbers:
                message = f"another port has {value}/{port.protocol}"
                read.refuse(f"{field}.{name}", "Duplicate", message, "change one of them")
            numbers.add(key)
        if port.node_port and not outside:
            fix = "remove it, or use type NodePort or LoadBalancer"
            message = f"a Service of type {spec.type} has none"
            read.refuse(f"{field}.nodePort", "InvalidCombination", message, fix)
        _check_target(read, port.target_port, field)


def _check_target(read: Reading, target: int | str | None, field: str) -> None:
    if isinstance(target, str):
        read.port_name(target, None, field)
    elif target is not None and not 1 <= target <= LAST_PORT:
        read.refuse(
            f"{field}.targetPort", "InvalidPort", f"{target} is no port",
            f"use 1 to {LAST_PORT}, or the name of a container's port",
        )  # fmt: skip


def read_slice(read: Reading, view: schema.EndpointSliceObject) -> list[EndpointSlice]:
    """Read an EndpointSlice."""
    if view.address_type != "FQDN":
        for number, entry in enumerate(view.endpoints):
            _check_endpoint(read, view.address_type, entry, f"endpoints[{number}].addresses")
    return [
        EndpointSlice(
            view.metadata.namespace,
            view.metadata.name,
            view.metadata.labels.get(_SERVICE_NAME, ""),
            view.address_type,
            tuple(EndpointPort(p.name, p.port, p.protocol, p.app_protocol) for p in view.ports),
            tuple(_endpoint(entry) for entry in view.endpoints),
            HEADLESS not in view.metadata.labels,
        )
    ]


def _check_endpoint(read: Reading, family: str, view: schema.SliceEndpointView, field: str) -> None:
    for number, text in enumerate(view.addresses):
        if not _is_address(text) or family_of(text) != family:
            read.refuse(
                f"{field}[{number}]", "InvalidAddress", f"{text!r} is no {family} address",
                "correct it, or put it in a slice of its own addressType",
            )  # fmt: skip


def _endpoint(view: schema.SliceEndpointView) -> SliceEndpoint:
    conditions = view.conditions
    ready = conditions.ready is not False
    target = view.target_ref if isinstance(view.target_ref, dict) else {}
    return SliceEndpoint(
        tuple(view.addresses),
        ready,
        ready if conditions.serving is None else conditions.serving,
        bool(conditions.terminating),
        str(target.get("name") or ""),
        tuple(zone.name for zone in view.hints.for_zones),
        tuple(node.name for node in view.hints.for_nodes),
        view.node_name,
        view.zone,
    )
