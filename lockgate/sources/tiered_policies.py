"""Policies of the admin and baseline tiers.

Source: ``policy.networking.k8s.io``: AdminNetworkPolicy and BaselineAdminNetworkPolicy v1alpha1,
ClusterNetworkPolicy v1alpha2.
"""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.model.policy import (
    NAMESPACE_LABEL,
    NAMESPACE_LABELS_PREFIX,
    Action,
    CidrBlock,
    Direction,
    NamePattern,
    Peers,
    Policy,
    PolicyRule,
    PortRange,
    Tier,
)
from lockgate.model.policy import Protocol as PortProtocol
from lockgate.model.selector import LabelSelector, Requirement
from lockgate.sources.fields import Reading
from lockgate.sources.policy_fields import check_range
from lockgate.sources.schema import Selector
from lockgate.sources.tier_schema import (
    AdminEgress,
    AdminIngress,
    AdminObject,
    BaselineObject,
    ClusterObject,
    Rule,
    TierPeer,
    TierPort,
    TierProtocol,
    TierSubject,
    Transport,
)

_RULES_OF_A_POLICY = 1000
_ACTIONS: dict[str, Action] = {"Allow": "allow", "Accept": "allow", "Deny": "deny", "Pass": "pass"}


def read_admin_policy(read: Reading, view: AdminObject) -> list[Policy]:
    """Read an AdminNetworkPolicy."""
    spec = view.spec
    return [_policy(read, spec.subject, (spec.ingress, spec.egress), "admin", spec.priority)]


def read_baseline_policy(read: Reading, view: BaselineObject) -> list[Policy]:
    """Read a BaselineAdminNetworkPolicy."""
    spec = view.spec
    return [_policy(read, spec.subject, (spec.ingress, spec.egress), "baseline", 0)]


def read_cluster_policy(read: Reading, view: ClusterObject) -> list[Policy]:
    """Read a ClusterNetworkPolicy."""
    spec = view.spec
    tier: Tier = "admin" if spec.tier == "Admin" else "baseline"
    return [_policy(read, spec.subject, (spec.ingress, spec.egress), tier, spec.priority)]


def _policy(
    read: Reading,
    subject: TierSubject,
    sections: tuple[Sequence[Rule], Sequence[Rule]],
    tier: Tier,
    priority: int,
) -> Policy:
    directions: tuple[Direction, ...] = ("ingress", "egress")
    rules: list[PolicyRule] = []
    for direction, entries in zip(directions, sections, strict=True):
        word = "from" if direction == "ingress" else "to"
        for number, entry in enumerate(entries):
            field = f"spec.{direction}[{number}]"
            rules.append(
                PolicyRule(
                    direction,
                    _ACTIONS[entry.action],
                    _peers(read, entry.peers, f"{field}.{word}", direction),
                    _ports(read, entry, field),
                    None,
                    field,
                    priority=priority * _RULES_OF_A_POLICY + number,
                )
            )
    pods = _pods(read, subject, "spec.subject")
    return Policy(
        read.ref,
        pods or LabelSelector(),
        deny_ingress=False,
        deny_egress=False,
        rules=tuple(rules),
        tier=tier,
    )


def _pods(read: Reading, view: TierSubject, field: str) -> LabelSelector | None:
    """Return the selector of pods that a subject or peer means, None if it means others."""
    if view.namespaces is not None:
        return _in_namespaces(read, view.namespaces, f"{field}.namespaces")
    if view.pods is not None:
        pods = read.selector(view.pods.pod_selector, f"{field}.pods.podSelector")
        spaces = _in_namespaces(
            read, view.pods.namespace_selector, f"{field}.pods.namespaceSelector"
        )
        return pods.also(*spaces.requirements)
    if not isinstance(view, TierPeer):
        read.refuse(field, "MissingField", "it selects nothing", "give namespaces or pods")
    return None


def _in_namespaces(read: Reading, view: Selector, field: str) -> LabelSelector:
    spaces = read.selector(view, field)
    return LabelSelector((Requirement(NAMESPACE_LABEL, "Exists"),)).also(
        *(
            Requirement(NAMESPACE_LABELS_PREFIX + entry.key, entry.operator, entry.values)
            for entry in spaces.requirements
        )
    )


def _peers(read: Reading, views: Sequence[TierPeer], field: str, direction: Direction) -> Peers:
    selectors: set[LabelSelector] = set()
    nodes: list[LabelSelector] = []
    cidrs: set[CidrBlock] = set()
    names: set[NamePattern] = set()
    for number, view in enumerate(views):
        where = f"{field}[{number}]"
        given = view.model_fields_set
        if len(given) != 1:
            read.refuse(
                where, "InvalidCombination", "exactly one kind of peer is needed",
                "write an entry for each",
            )  # fmt: skip
        if direction == "ingress" and given & {"nodes", "networks", "domain_names"}:
            read.refuse(
                where, "InvalidCombination", "nodes, networks and domainNames are for egress only",
                "use namespaces or pods",
            )  # fmt: skip
        pods = _pods(read, view, where)
        if pods is not None:
            selectors.add(pods)
        if view.nodes is not None:
            nodes.append(read.selector(view.nodes, f"{where}.nodes"))
        cidrs |= {
            CidrBlock(read.cidr(text, f"{where}.networks[{one}]"))
            for one, text in enumerate(view.networks or ())
        }
        # Here a leading "*." stands for one label or more.
        names |= {
            NamePattern(text.lower().replace("*.", "**.", 1) if text[:2] == "*." else text.lower())
            for text in view.domain_names or ()
        }
    return Peers(
        tuple(sorted(selectors)),
        tuple(sorted(cidrs)),
        names=tuple(sorted(names)),
        nodes=tuple(nodes),
    )


def _ports(read: Reading, entry: Rule, field: str) -> tuple[PortRange, ...]:
    if isinstance(entry, AdminIngress | AdminEgress):
        return tuple(
            _port(read, view, f"{field}.ports[{number}]") for number, view in enumerate(entry.ports)
        )
    return tuple(
        _protocol(read, view, f"{field}.protocols[{number}]")
        for number, view in enumerate(entry.protocols)
    )


def _port(read: Reading, view: TierPort, field: str) -> PortRange:
    if len(view.model_fields_set) != 1:
        _refuse_members(read, field)
    if view.port_range is not None:
        first, last = view.port_range.start, view.port_range.end
        check_range(read, first, last, field)
        return PortRange(first, view.port_range.protocol, last)
    if view.named_port is not None:
        return PortRange(read.port_name(view.named_port, None, field), "ANY")
    if view.port_number is not None:
        return PortRange(view.port_number.port, view.port_number.protocol)
    return PortRange(0)


def _protocol(read: Reading, view: TierProtocol, field: str) -> PortRange:
    if len(view.model_fields_set) != 1:
        _refuse_members(read, field)
    if view.destination_named_port is not None:
        return PortRange(read.port_name(view.destination_named_port, None, field), "ANY")
    transports: tuple[tuple[PortProtocol, Transport | None], ...] = (
        ("TCP", view.tcp), ("UDP", view.udp), ("SCTP", view.sctp),
    )  # fmt: skip
    for protocol, transport in transports:
        if transport is None:
            continue
        port = transport.destination_port
        if port is None:
            return PortRange(0, protocol)
        if port.range is not None:
            check_range(read, port.range.start, port.range.end, field)
            return PortRange(port.range.start, protocol, port.range.end)
        return PortRange(port.number or 0, protocol)
    return PortRange(0)


def _refuse_members(read: Reading, field: str) -> None:
    read.refuse(
        field, "InvalidCombination", "exactly one member is needed", "write an entry for each"
    )
