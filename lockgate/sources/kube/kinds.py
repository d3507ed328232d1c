"""The kinds that are read from an API server, and where it serves them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind and where its objects of all namespaces are."""

    version: str
    """``v1``, or group and version."""
    plural: str
    kind: str

    @property
    def path(self) -> str:
        """Path of the collection."""
        root = "/api" if "/" not in self.version else "/apis"
        return f"{root}/{self.version}/{self.plural}"


def object_path(kind: Kind, namespace: str, name: str) -> str:
    """Return the path of one object."""
    if not namespace:
        return f"{kind.path}/{name}"
    root = kind.path.removesuffix(kind.plural)
    return f"{root}namespaces/{namespace}/{kind.plural}/{name}"


INGRESS = Kind("networking.k8s.io/v1", "ingresses", "Ingress")
SERVICE = Kind("v1", "services", "Service")
LEASE = Kind("coordination.k8s.io/v1", "leases", "Lease")
EVENT = Kind("events.k8s.io/v1", "events", "Event")
KINDS = (
    Kind("v1", "namespaces", "Namespace"),
    Kind("v1", "nodes", "Node"),
    Kind("v1", "pods", "Pod"),
    SERVICE,
    Kind("v1", "secrets", "Secret"),
    Kind("discovery.k8s.io/v1", "endpointslices", "EndpointSlice"),
    Kind("networking.k8s.io/v1", "ingressclasses", "IngressClass"),
    INGRESS,
    Kind("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy"),
    Kind("lockgate.io/v1", "lockgateingressparameters", "LockgateIngressParameters"),
    Kind("lockgate.io/v1", "lockgatenetworkpolicies", "LockgateNetworkPolicy"),
    Kind(
        "lockgate.io/v1", "lockgateclusterwidenetworkpolicies", "LockgateClusterwideNetworkPolicy"
    ),
    Kind("lockgate.io/v1", "lockgatecidrgroups", "LockgateCIDRGroup"),
)
"""In the order in which they are put: what others refer to comes first."""
CILIUM_KINDS = (
    Kind("cilium.io/v2", "ciliumnetworkpolicies", "CiliumNetworkPolicy"),
    Kind("cilium.io/v2", "ciliumclusterwidenetworkpolicies", "CiliumClusterwideNetworkPolicy"),
    Kind("cilium.io/v2", "ciliumcidrgroups", "CiliumCIDRGroup"),
)
