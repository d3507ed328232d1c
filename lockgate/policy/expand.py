"""What policies say of other objects, CIDR groups and Services, replaced by what those hold.

The world of one IP version is replaced too, by the block of all its addresses: an identity of
that block then tells them from those of the other version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from lockgate.model.meta import Labels
from lockgate.model.policy import (
    NAMESPACE_LABEL,
    CidrBlock,
    CidrGroup,
    CidrGroupReference,
    Entity,
    Peers,
    Policy,
    ServiceReference,
)
from lockgate.model.selector import LabelSelector, Requirement
from lockgate.model.service import EndpointSlice, Service
from lockgate.policy.prefixes import EVERYWHERE, host_prefix, prefix_of

_WORLDS: dict[Entity, CidrBlock] = {
    "world-ipv4": CidrBlock(EVERYWHERE[4]),
    "world-ipv6": CidrBlock(EVERYWHERE[6]),
}

FindGroups = Callable[[CidrGroupReference], Iterable[CidrGroup]]
FindServices = Callable[[ServiceReference], Iterable[tuple[Service, Iterable[EndpointSlice]]]]


def expand(policy: Policy, groups: FindGroups, services: FindServices) -> Policy:
    """Return a policy whose peers name identities, addresses and names only."""
    if not any(rule.peers and _refers(rule.peers) for rule in policy.rules):
        return policy
    rules = tuple(
        rule
        if rule.peers is None
        else replace(rule, peers=_expand_peers(rule.peers, groups, services))
        for rule in policy.rules
    )
    return replace(policy, rules=rules)


def group_matches(reference: CidrGroupReference, name: str, labels: Labels) -> bool:
    """Say whether a reference means a group."""
    if reference.selector is None:
        return reference.name == name
    return reference.selector.matches(dict(labels))


def service_matches(reference: ServiceReference, service: Service, labels: Labels) -> bool:
    """Say whether a reference means a Service."""
    if reference.namespace not in ("", service.namespace):
        return False
    if reference.selector is None:
        return reference.name == service.name
    return reference.selector.matches(dict(labels))


def _refers(peers: Peers) -> bool:
    worlds = any(entity in _WORLDS for entity in peers.entities)
    return bool(peers.groups or peers.services or worlds)


def _expand_peers(peers: Peers, groups: FindGroups, services: FindServices) -> Peers:
    blocks = {
        _less(cidr, reference.excluded)
        for reference in peers.groups
        for group in groups(reference)
        for cidr in group.cidrs
    }
    blocks |= {_WORLDS[entity] for entity in peers.entities if entity in _WORLDS}
    selectors: set[LabelSelector] = set()
    for reference in peers.services:
        for service, slices in services(reference):
            if service.selector:
                selectors.add(_backends(service))
            else:
                blocks |= {CidrBlock(cidr) for cidr in _addresses(slices)}
    return replace(
        peers,
        selectors=tuple(sorted({*peers.selectors, *selectors})),
        cidrs=tuple(sorted({*peers.cidrs, *blocks})),
        entities=tuple(entity for entity in peers.entities if entity not in _WORLDS),
        groups=(),
        services=(),
    )


def _less(cidr: str, excluded: Iterable[str]) -> CidrBlock:
    """Return a block less those excluded prefixes that are of its IP version."""
    return CidrBlock(
        cidr,
        tuple(sorted(entry for entry in excluded if prefix_of(entry)[0] == prefix_of(cidr)[0])),
    )


def _backends(service: Service) -> LabelSelector:
    wanted = (Requirement(key, "In", (value,)) for key, value in service.selector)
    here = Requirement(NAMESPACE_LABEL, "In", (service.namespace,))
    return LabelSelector(tuple(sorted({*wanted, here})))


def _addresses(slices: Iterable[EndpointSlice]) -> set[str]:
    return {
        host_prefix(address)
        for row in slices
        for endpoint in row.endpoints
        for address in endpoint.addresses
    }
