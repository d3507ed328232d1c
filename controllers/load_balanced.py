"""Services of type LoadBalancer, as far as their addresses are concerned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from controllers.conditions import Shown, read_condition
from lockgate.model.meta import Labels, ObjectRef, Problem, labels_of
from lockgate.model.service import Family, family_of

ADDRESSES = "service.lockgate.io/load-balancer-ips"
SHARING_KEY = "service.lockgate.io/load-balancer-sharing-key"
CONDITION = "lockgate.io/AddressesAssigned"
"""Of a Service; it also marks those whose addresses are ours."""
Key = tuple[str, str]
"""(namespace, name)."""


@dataclass(frozen=True, slots=True)
class LoadBalanced:
    """A Service."""

    namespace: str
    name: str
    uid: str = ""
    created: str = ""
    """RFC 3339; the older of two keeps an address that both have."""
    is_ours: bool = True
    """Whether it is a load balancer of our class."""
    names_class: bool = False
    """Whether it names our class, rather than none."""
    labels: Labels = ()
    families: tuple[Family, ...] = ("IPv4",)
    """In which it is to be reached, the preferred one first."""
    needs_all_families: bool = True
    requested: tuple[str, ...] = ()
    """Addresses it asks for; none: any."""
    sharing_key: str = ""
    ports: frozenset[tuple[str, int]] = frozenset()
    """Protocol and number of each."""
    only_local: bool = False
    """Whether a node answers for its own pods only (``externalTrafficPolicy: Local``)."""
    selector: Labels = ()
    shown: tuple[str, ...] = ()
    """Addresses and host names in its status."""
    condition: Shown | None = None
    """Ours, as its status has it."""
    generation: int = 0
    problems: tuple[Problem, ...] = ()

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return self.namespace, self.name

    @property
    def ref(self) -> ObjectRef:
        """The object this was read from."""
        return ObjectRef("Service", self.namespace, self.name)

    @property
    def age(self) -> tuple[str, Key]:
        """Order in which Services win a conflict."""
        return self.created, self.key

    def can_share(self, other: LoadBalanced) -> bool:
        """Say whether both can be at one address: by one key, with no port in common.

        Where only nodes with pods of a Service answer, both must have the same pods.
        """
        return (
            bool(self.sharing_key)
            and (self.namespace, self.sharing_key) == (other.namespace, other.sharing_key)
            and not self.ports & other.ports
            and (self.selector == other.selector or not (self.only_local or other.only_local))
        )


def read_load_balanced(
    document: Mapping[str, Any], our_class: str, *, without_class: bool
) -> LoadBalanced:
    """Read a Service of an API server.

    Args:
        document: which the server has validated.
        our_class: the ``loadBalancerClass`` that is ours.
        without_class: whether Services without a class are ours too.
    """
    metadata, spec = document["metadata"], document.get("spec") or {}
    status = document.get("status") or {}
    named = spec.get("loadBalancerClass") or ""
    ours = named == our_class if named else without_class
    ref = ObjectRef("Service", metadata["namespace"], metadata["name"])
    notes = metadata.get("annotations") or {}
    requested, problems = _requested(ref, spec, notes)
    listed = (status.get("loadBalancer") or {}).get("ingress") or ()
    return LoadBalanced(
        ref.namespace,
        ref.name,
        metadata.get("uid", ""),
        metadata.get("creationTimestamp") or "",
        spec.get("type") == "LoadBalancer" and ours,
        bool(named) and ours,
        labels_of(metadata.get("labels") or {}),
        tuple(spec.get("ipFamilies") or ("IPv4",)),
        spec.get("ipFamilyPolicy") != "PreferDualStack",
        requested,
        notes.get(SHARING_KEY, ""),
        frozenset((port.get("protocol", "TCP"), port["port"]) for port in spec.get("ports") or ()),
        spec.get("externalTrafficPolicy") == "Local",
        labels_of(spec.get("selector") or {}),
        tuple(_canonical(row.get("ip") or row.get("hostname") or "") for row in listed),
        read_condition(status, CONDITION),
        metadata.get("generation", 0),
        problems,
    )


def _requested(
    ref: ObjectRef, spec: Mapping[str, Any], notes: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """Return the addresses a Service asks for; the annotation counts before the field."""
    field, text = f"metadata.annotations.{ADDRESSES}", notes.get(ADDRESSES, "")
    if not text:
        field, text = "spec.loadBalancerIP", spec.get("loadBalancerIP") or ""
    found: dict[str, None] = {}
    problems = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            family_of(part)
        except ValueError:
            fix = "write IPv4 or IPv6 addresses, separated by commas"
            problems.append(Problem(ref, field, "InvalidAddress", f"{part!r} is no address", fix))
        else:
            found[_canonical(part)] = None
    return tuple(found), tuple(problems)


def _canonical(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return text
