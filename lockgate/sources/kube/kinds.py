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
    namespace: str = ""
    """The only one whose objects are meant; empty: all."""
    fields: str = ""
    """A field selector that its objects must meet, or empty."""

    @property
    def path(self) -> str:
        """Path of the collection."""
        return collection_path(self, self.namespace)


def collection_path(kind: Kind, namespace: str) -> str:
    """Return the path of the objects of a namespace; without one, of all."""
    root = f"/{'apis' if '/' in kind.version else 'api'}/{kind.version}"
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{inside}/{kind.plural}"


def object_path(kind: Kind, namespace: str, name: str) -> str:
    """Return the path of one object."""
    return f"{collection_path(kind, namespace)}/{name}"


NODE = Kind("v1", "nodes", "Node")
SECRET = Kind("v1", "secrets", "Secret")
INGRESS = Kind("networking.k8s.io/v1", "ingresses", "Ingress")
SERVICE = Kind("v1", "services", "Service")
LEASE = Kind("coordination.k8s.io/v1", "leases", "Lease")
EVENT = Kind("events.k8s.io/v1", "events", "Event")
INGRESS_CLASS = Kind("networking.k8s.io/v1", "ingressclasses", "IngressClass")
CLASS_PARAMETERS = Kind("lockgate.io/v1", "lockgateingressparameters", "LockgateIngressParameters")
POLICY = Kind("lockgate.io/v1", "lockgatenetworkpolicies", "LockgateNetworkPolicy")
CLUSTERWIDE_POLICY = Kind(
    "lockgate.io/v1", "lockgateclusterwidenetworkpolicies", "LockgateClusterwideNetworkPolicy"
)
ADDRESS_POOL = Kind("lockgate.io/v1", "lockgateaddresspools", "LockgateAddressPool")
ENDPOINT = Kind("lockgate.io/v1", "lockgateendpoints", "LockgateEndpoint")
IDENTITY = Kind("lockgate.io/v1", "lockgateidentities", "LockgateIdentity")
PUBLISHED_NODE = Kind("lockgate.io/v1", "lockgatenodes", "LockgateNode")
POD = Kind("v1", "pods", "Pod")
DEFINITION = Kind(
    "apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition"
)
KINDS = (
    Kind("v1", "namespaces", "Namespace"),
    NODE,
    POD,
    SERVICE,
    SECRET,
    Kind("discovery.k8s.io/v1", "endpointslices", "EndpointSlice"),
    INGRESS_CLASS,
    INGRESS,
    Kind("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy"),
    CLASS_PARAMETERS,
    POLICY,
    CLUSTERWIDE_POLICY,
    Kind("lockgate.io/v1", "lockgatecidrgroups", "LockgateCIDRGroup"),
)
"""In the order in which they are put: what others refer to comes first."""
CILIUM_POLICIES = (
    Kind("cilium.io/v2", "ciliumnetworkpolicies", "CiliumNetworkPolicy"),
    Kind("cilium.io/v2", "ciliumclusterwidenetworkpolicies", "CiliumClusterwideNetworkPolicy"),
)
CILIUM_KINDS = (
    *CILIUM_POLICIES,
    Kind("cilium.io/v2", "ciliumcidrgroups", "CiliumCIDRGroup"),
)
