"""The other end of a policy's entry, in every way CiliumNetworkPolicy v2 can name it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lockgate.model.policy import (
    NAMESPACE_LABEL,
    NAMESPACE_LABELS_PREFIX,
    RESERVED_PREFIX,
    CidrBlock,
    CidrGroupReference,
    NamePattern,
    Peers,
    ServiceReference,
)
from lockgate.model.selector import LabelSelector, Requirement
from lockgate.sources.fields import Reading
from lockgate.sources.policy_fields import block, in_namespace
from lockgate.sources.policy_schema import (
    CidrRule,
    EgressDenyEntry,
    EgressEntry,
    Entry,
    IngressDenyEntry,
    IngressEntry,
    NameView,
    ServiceView,
)

_NAME = re.compile(r"^[-a-zA-Z0-9_.]+$")
_PATTERN = re.compile(r"^(\*\*\.)?[-a-zA-Z0-9_.*]+$")
_MEMBERS = ("endpoints", "cidr", "cidr_set", "entities", "nodes", "services", "names")
_WORDS = {
    "endpoints": "Endpoints", "cidr": "CIDR", "cidr_set": "CIDRSet", "entities": "Entities",
    "nodes": "Nodes", "services": "Services", "names": "FQDNs",
}  # fmt: skip


def read_peers(read: Reading, entry: Entry, field: str, namespace: str) -> Peers | None:
    """Return who the other end may be; None is everybody.

    ``namespace`` is the policy's own, empty for a cluster-wide one.
    """
    prefix = "from" if isinstance(entry, IngressEntry | IngressDenyEntry) else "to"
    given = [name for name in _MEMBERS if getattr(entry, name, None) is not None]
    if not given:
        # An entry that says nothing at all is the reference's way to write "deny everything".
        return None if entry.to_ports or entry.icmps else Peers()
    if len(given) > 1:
        one, other = (f"{prefix}{_WORDS[name]}" for name in given[:2])
        read.refuse(
            field, "InvalidCombination", f"{one} and {other} cannot stand in one entry",
            "write an entry for each",
        )  # fmt: skip
    where = f"{field}.{prefix}"
    blocks, groups = _blocks(read, entry, where)
    return Peers(
        tuple(sorted(_endpoints(read, entry, where, namespace))),
        blocks,
        tuple(entry.entities or ()),
        tuple(sorted(_names(read, entry, where))),
        tuple(
            plain(read.selector(view, f"{where}Nodes[{number}]"))
            for number, view in enumerate(entry.nodes or ())
        ),
        groups,
        tuple(_services(read, entry, where, namespace)),
    )


def read_name(read: Reading, view: NameView, field: str) -> NamePattern:
    """Read a DNS name or a pattern of names."""
    if bool(view.match_name) == bool(view.match_pattern):
        read.refuse(
            field, "InvalidCombination", "exactly one of matchName and matchPattern is needed",
            "give one of them",
        )  # fmt: skip
    if view.match_name and not _NAME.match(view.match_name):
        read.refuse(
            f"{field}.matchName", "InvalidName", f"{view.match_name!r} is no DNS name",
            "use letters, digits, '-', '_' and '.', or write a matchPattern",
        )  # fmt: skip
    if view.match_pattern:
        return read_pattern(read, view.match_pattern, f"{field}.matchPattern")
    return NamePattern(view.match_name.lower().rstrip("."))


def read_pattern(read: Reading, text: str, field: str) -> NamePattern:
    """Read a pattern of DNS names."""
    if not _PATTERN.match(text):
        read.refuse(
            field, "InvalidName", f"{text!r} is no pattern of DNS names",
            "use letters, digits, '-', '_', '.' and '*', and '**.' at the start only",
        )  # fmt: skip
    return NamePattern(text.lower().rstrip("."))


def plain(selector: LabelSelector) -> LabelSelector:
    """Return a selector without the label sources that the reference lets one write."""
    return LabelSelector(
        tuple(
            sorted(
                Requirement(_plain_key(entry.key), entry.operator, entry.values)
                for entry in selector.requirements
            )
        )
    )


def _plain_key(key: str) -> str:
    for source in ("k8s:", "any:"):
        if key.startswith(source):
            return key[len(source) :]
    return key


def _endpoints(read: Reading, entry: Entry, where: str, namespace: str) -> Iterable[LabelSelector]:
    for number, view in enumerate(entry.endpoints or ()):
        selector = plain(read.selector(view, f"{where}Endpoints[{number}]"))
        names_place = any(
            one.key == NAMESPACE_LABEL
            or one.key.startswith((NAMESPACE_LABELS_PREFIX, RESERVED_PREFIX))
            for one in selector.requirements
        )
        # A cluster-wide policy selects pods of any namespace, but not what is no pod.
        anywhere = Requirement(NAMESPACE_LABEL, "Exists")
        here = in_namespace(namespace) if namespace else anywhere
        yield selector if names_place else selector.also(here)


def _blocks(
    read: Reading, entry: Entry, where: str
) -> tuple[tuple[CidrBlock, ...], tuple[CidrGroupReference, ...]]:
    blocks = {
        CidrBlock(read.cidr(text, f"{where}CIDR[{number}]"))
        for number, text in enumerate(entry.cidr or ())
    }
    groups: list[CidrGroupReference] = []
    for number, item in enumerate(entry.cidr_set or ()):
        found = _cidr_rule(read, item, f"{where}CIDRSet[{number}]")
        if isinstance(found, CidrBlock):
            blocks.add(found)
        elif found is not None:
            groups.append(found)
    return tuple(sorted(blocks)), tuple(groups)


def _cidr_rule(read: Reading, item: CidrRule, field: str) -> CidrBlock | CidrGroupReference | None:
    given = [item.cidr, item.cidr_group_ref, item.cidr_group_selector]
    if sum(value is not None for value in given) != 1:
        read.refuse(
            field, "InvalidCombination",
            "exactly one of cidr, cidrGroupRef and cidrGroupSelector is needed",
            "give one of them",
        )  # fmt: skip
        return None
    if item.cidr is not None:
        return block(read, item.cidr, item.excluded, field)
    if item.excluded:
        read.refuse(
            f"{field}.except", "InvalidCombination", "a CIDR group takes no exceptions",
            "write the exceptions beside a cidr",
        )  # fmt: skip
    if item.cidr_group_selector is not None:
        return CidrGroupReference(
            selector=read.selector(item.cidr_group_selector, f"{field}.cidrGroupSelector")
        )
    return CidrGroupReference(item.cidr_group_ref or "")


def _names(read: Reading, entry: Entry, where: str) -> Iterable[NamePattern]:
    views = entry.names if isinstance(entry, EgressEntry) else None
    for number, view in enumerate(views or ()):
        yield read_name(read, view, f"{where}FQDNs[{number}]")


def _services(
    read: Reading, entry: Entry, where: str, namespace: str
) -> Iterable[ServiceReference]:
    views = entry.services if isinstance(entry, EgressEntry | EgressDenyEntry) else None
    for number, view in enumerate(views or ()):
        found = _service(read, view, f"{where}Services[{number}]", namespace)
        if found is not None:
            yield found


def _service(
    read: Reading, view: ServiceView, field: str, namespace: str
) -> ServiceReference | None:
    if (view.k8s_service is None) == (view.k8s_service_selector is None):
        read.refuse(
            field, "InvalidCombination",
            "exactly one of k8sService and k8sServiceSelector is needed", "give one of them",
        )  # fmt: skip
        return None
    if view.k8s_service is not None:
        return ServiceReference(
            view.k8s_service.namespace or namespace, view.k8s_service.service_name
        )
    assert view.k8s_service_selector is not None  # one of the two is
    selector = read.selector(view.k8s_service_selector.selector, f"{field}.selector")
    return ServiceReference(view.k8s_service_selector.namespace, selector=plain(selector))
