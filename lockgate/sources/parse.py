"""From one document to the model, or to what is wrong with it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from ipaddress import ip_address, ip_network
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from pydantic import ValidationError

from lockgate.model.address_pool import AddressPool
from lockgate.model.ingress import ClassParameters, Ingress, IngressClass
from lockgate.model.meta import ObjectRef, Problem, labels_of
from lockgate.model.policy import CidrGroup, Policy
from lockgate.model.service import EndpointSlice, Secret, Service
from lockgate.model.workload import Container, ContainerPort, Namespace, Node, Pod, Probe
from lockgate.sources import policy_schema, schema, service_schema, tier_schema
from lockgate.sources.address_pools import AddressPoolObject, read_address_pool
from lockgate.sources.fields import Reading
from lockgate.sources.ingresses import read_class_parameters, read_ingress, read_ingress_class
from lockgate.sources.network_policies import read_network_policy
from lockgate.sources.policies import read_cidr_group, read_lockgate_policy
from lockgate.sources.services import read_service, read_slice
from lockgate.sources.tiered_policies import (
    read_admin_policy,
    read_baseline_policy,
    read_cluster_policy,
)

Declaration = (
    Namespace
    | Node
    | Pod
    | Service
    | EndpointSlice
    | Secret
    | Ingress
    | IngressClass
    | ClassParameters
    | Policy
    | CidrGroup
    | AddressPool
)
Reader = Callable[[Reading, Any], list[Any]]
IGNORED = "IgnoredKind"
GROUP = "lockgate.io"
_CILIUM = "cilium.io/"
_FINISHED = ("Succeeded", "Failed")
"""Phases of pods whose processes have ended for good."""
_CLUSTER_WIDE = {
    "Namespace", "Node", "IngressClass", "LockgateIngressParameters", "LockgateClusterwideNetworkPolicy", "LockgateCIDRGroup",
    "LockgateAddressPool", "CiliumClusterwideNetworkPolicy", "CiliumCIDRGroup", "AdminNetworkPolicy",
    "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy",
}  # fmt: skip


def parse(
    document: Any, *, compat_cilium: bool = False, strict: bool = True
) -> tuple[ObjectRef, list[Declaration], list[Problem]]:
    """Read one object; it is either whole or refused.

    A policy object with several specs yields several policies. A kind that Lockgate does not
    read yields nothing and a problem whose reason is ``IgnoredKind``. Unless ``strict``, fields
    that are not known are passed over: an API server has seen to it that there are none but new
    ones.
    """
    ref = _ref(document)
    read = Reading(ref)
    kind = (str(_get(document, "apiVersion")), ref.kind)
    if ref.kind in _CLUSTER_WIDE and _get(document, "metadata", "namespace") is not None:
        read.refuse(
            "metadata.namespace", "InvalidValue", f"a {ref.kind} is in no namespace", "remove it"
        )
        return ref, [], read.problems
    if not ref.kind or not ref.name:
        read.refuse("", "NotAnObject", "it has no kind or no metadata.name", "add them")
        return ref, [], read.problems
    known = _KINDS.get(kind)
    if known is not None and kind[0].startswith(_CILIUM) and not compat_cilium:
        fix = "set compat_cilium to have it read"
        read.refuse("apiVersion", IGNORED, f"{kind[0]} objects are not read", fix)
        return ref, [], read.problems
    if known is None:
        versions = [version for version, name in _KINDS if name == ref.kind]
        if versions:
            read.refuse(
                "apiVersion", "UnknownVersion", f"{kind[0]} is not read", f"use {versions[0]}"
            )
        elif kind[0].startswith(f"{GROUP}/"):
            ours = [name for version, name in _KINDS if version.startswith(f"{GROUP}/")]
            near = get_close_matches(ref.kind, ours, n=1) or ours
            fix = f"did you mean {' or '.join(near)}?"
            read.refuse("kind", "UnknownKind", f"{GROUP} has no kind {ref.kind}", fix)
        else:
            read.refuse("kind", IGNORED, f"{ref.kind} objects are not read", "")
        return ref, [], read.problems
    model, reader = known
    try:
        view = _validated(model, _without_nulls(document), strict=strict)
    except ValidationError as error:
        read.refuse_all(error, model)
        return ref, [], read.problems
    read.labels(view.metadata.labels, "metadata.labels")
    found = reader(read, view)
    return ref, [] if read.problems else found, [*read.problems, *read.left_out]


def _validated(model: type[schema.Object], document: Any, *, strict: bool) -> schema.Object:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        if strict or any(fault["type"] != "extra_forbidden" for fault in faults):
            raise
        for fault in faults:
            *around, name = fault["loc"]
            holder = document
            for part in around:
                holder = holder[part]
            del holder[name]
    return model.model_validate(document)


def object_ref(value: Declaration) -> ObjectRef:
    """Return the object a value was read from."""
    match value:
        case Namespace() | Node():
            return ObjectRef(type(value).__name__, "", value.name)
        case CidrGroup():
            return ObjectRef("LockgateCIDRGroup", "", value.name)
        case _:
            return value.ref


def _get(document: Any, *path: str) -> Any:  # an unread document
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _without_nulls(value: Any) -> Any:
    """Leave out fields that are null: the API server takes them for fields not given."""
    if isinstance(value, dict):
        return {key: _without_nulls(entry) for key, entry in value.items() if entry is not None}
    return [_without_nulls(entry) for entry in value] if isinstance(value, list) else value


def _ref(document: Any) -> ObjectRef:
    kind = str(_get(document, "kind") or "")
    namespace = "" if kind in _CLUSTER_WIDE else _get(document, "metadata", "namespace")
    name = str(_get(document, "metadata", "name") or "")
    return ObjectRef(kind, "default" if namespace is None else str(namespace), name)


def _namespace(_read: Reading, view: schema.NamespaceObject) -> list[Declaration]:
    return [Namespace(view.metadata.name, labels_of(view.metadata.labels))]


def _node(read: Reading, view: schema.NodeObject) -> list[Declaration]:
    listed = enumerate(view.status.addresses)
    given = [(n, row) for n, row in listed if row.type in ("InternalIP", "ExternalIP")]
    for number, row in given:
        read.address(row.address, f"status.addresses[{number}].address")
    pod_cidrs = view.spec.pod_cidrs or [*filter(None, [view.spec.pod_cidr])]
    for number, text in enumerate(pod_cidrs):
        read.cidr(text, f"spec.podCIDRs[{number}]")
    if read.problems:
        return []
    internal = [row.address for _, row in given if row.type == "InternalIP" and row.address]
    return [
        Node(
            view.metadata.name,
            labels_of(view.metadata.labels),
            tuple(sorted({str(ip_address(row.address)) for _, row in given if row.address})),
            tuple(dict.fromkeys(str(ip_address(text)) for text in internal)),
            tuple(str(ip_network(text, strict=False)) for text in pod_cidrs),
        )
    ]


def _pod(read: Reading, view: schema.PodObject) -> list[Declaration]:
    spec: Any = view.spec
    _check_host_ports(read, spec)
    return [
        Pod(
            view.metadata.namespace,
            view.metadata.name,
            labels_of(view.metadata.labels),
            spec.service_account_name,
            tuple(_container(entry) for entry in spec.containers),
            spec.restart_policy,
            spec.host_network,
            _pod_addresses(read, view.status),
            spec.node_name,
            view.status.phase in _FINISHED,
            str(view.metadata.uid or ""),
        )
    ]


def _check_host_ports(read: Reading, spec: Any) -> None:  # its class is made at import
    taken: set[tuple[str, int, str]] = set()
    for index, container in enumerate(spec.containers):
        for number, port in enumerate(container.ports):
            field = f"spec.containers[{index}].ports[{number}]"
            read.address(port.host_ip, f"{field}.hostIP")
            key = (port.host_ip, port.host_port, port.protocol)
            if port.host_port and key in taken:
                read.refuse(
                    f"{field}.hostPort", "Duplicate",
                    f"another port has {port.host_port}/{port.protocol} of the node", "change one",
                )  # fmt: skip
            taken.add(key)


def _pod_addresses(read: Reading, status: schema.PodStatusView) -> tuple[str, ...]:
    """Return the addresses of ``podIPs``, of which ``podIP`` is the first where both are given."""
    read.address(status.pod_ip, "status.podIP")
    for number, entry in enumerate(status.pod_ips):
        read.address(entry.ip, f"status.podIPs[{number}].ip")
    if read.problems:
        return ()
    given = [text for text in (status.pod_ip, *(entry.ip for entry in status.pod_ips)) if text]
    found = tuple(dict.fromkeys(str(ip_address(text)) for text in given))
    if len({ip_address(text).version for text in found}) < len(found):
        read.refuse(
            "status.podIPs", "InvalidAddress", f"{', '.join(found)} are not one of each IP version",
            "give at most one IPv4 and one IPv6 address, and podIP the first of them",
        )  # fmt: skip
    return found


def _container(view: Any) -> Container:  # its class is made at import
    probe: schema.ReadinessProbe | None = view.readiness_probe
    readiness = None
    if probe is not None and (probe.http_get or probe.tcp_socket):
        action = probe.http_get or probe.tcp_socket
        assert action is not None  # for the type checker
        path = probe.http_get.path if probe.http_get else ""
        readiness = Probe(action.port, path, probe.period_seconds, probe.failure_threshold)
    return Container(
        view.name,
        tuple(view.command),
        tuple(view.args),
        tuple((entry.name, entry.value) for entry in view.env),
        view.working_dir,
        tuple(
            ContainerPort(p.name, p.container_port, p.protocol, p.host_port, p.host_ip)
            for p in view.ports
        ),
        readiness,
    )


def _secret(read: Reading, view: schema.SecretObject) -> list[Declaration]:
    data: dict[str, bytes] = {}
    for key, text in view.data.items():
        try:
            data[key] = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            read.refuse(f"data.{key}", "InvalidValue", "it is not base64", "encode the value")
    data.update({key: text.encode() for key, text in view.string_data.items()})
    if view.type == "kubernetes.io/tls" and not read.problems:
        _check_certificate(read, data)
    pairs = tuple(sorted(data.items()))
    return [Secret(view.metadata.namespace, view.metadata.name, view.type, pairs)]


def _check_certificate(read: Reading, data: Mapping[str, bytes]) -> None:
    for key in ("tls.crt", "tls.key"):
        if not data.get(key):
            read.refuse(f"data.{key}", "MissingField", "a TLS Secret needs it", "add it")
    if read.problems:
        return
    try:
        held = x509.load_pem_x509_certificates(data["tls.crt"])[0].public_key()
    except ValueError as error:
        read.refuse("data.tls.crt", "InvalidCertificate", str(error), "use a PEM certificate")
        return
    try:
        owned = load_pem_private_key(data["tls.key"], None).public_key()
    except (ValueError, TypeError) as error:
        read.refuse("data.tls.key", "InvalidKey", str(error), "use an unencrypted PEM key")
        return
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if held.public_bytes(*form) != owned.public_bytes(*form):
        read.refuse(
            "data.tls.key", "KeyMismatch", "the key does not belong to the certificate",
            "use the key the certificate was made with",
        )  # fmt: skip


_KINDS: dict[tuple[str, str], tuple[type[schema.Object], Reader]] = {
    ("v1", "Namespace"): (schema.NamespaceObject, _namespace),
    ("v1", "Node"): (schema.NodeObject, _node),
    ("v1", "Pod"): (schema.PodObject, _pod),
    ("v1", "Service"): (service_schema.ServiceObject, read_service),
    ("v1", "Secret"): (schema.SecretObject, _secret),
    ("discovery.k8s.io/v1", "EndpointSlice"): (service_schema.EndpointSliceObject, read_slice),
    ("networking.k8s.io/v1", "Ingress"): (schema.IngressObject, read_ingress),
    ("networking.k8s.io/v1", "IngressClass"): (schema.IngressClassObject, read_ingress_class),
    ("lockgate.io/v1", "LockgateIngressParameters"): (
        schema.IngressParametersObject,
        read_class_parameters,
    ),
    ("lockgate.io/v1", "LockgateAddressPool"): (AddressPoolObject, read_address_pool),
    ("networking.k8s.io/v1", "NetworkPolicy"): (schema.NetworkPolicyObject, read_network_policy),
    ("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy"): (
        tier_schema.AdminObject,
        read_admin_policy,
    ),
    ("policy.networking.k8s.io/v1alpha1", "BaselineAdminNetworkPolicy"): (
        tier_schema.BaselineObject,
        read_baseline_policy,
    ),
    ("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy"): (
        tier_schema.ClusterObject,
        read_cluster_policy,
    ),
    **{
        (version, f"{maker}{kind}"): (policy_schema.LockgatePolicyObject, read_lockgate_policy)
        for version, maker in (("lockgate.io/v1", "Lockgate"), ("cilium.io/v2", "Cilium"))
        for kind in ("NetworkPolicy", "ClusterwideNetworkPolicy")
    },
    **{
        (version, f"{maker}CIDRGroup"): (policy_schema.CidrGroupObject, read_cidr_group)
        for version, maker in (
            ("lockgate.io/v1", "Lockgate"),
            ("cilium.io/v2", "Cilium"),
            ("cilium.io/v2alpha1", "Cilium"),
        )
    },
}
