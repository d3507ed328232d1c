"""LockgateNetworkPolicy, LockgateClusterwideNetworkPolicy and CIDR groups.

Source: ``CiliumNetworkPolicy`` v2, whose fields these follow.
"""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.model.meta import labels_of
from lockgate.model.policy import (
    Action,
    CidrGroup,
    Direction,
    IcmpType,
    Policy,
    PolicyRule,
    PortRange,
)
from lockgate.model.selector import LabelSelector
from lockgate.sources.fields import Reading
from lockgate.sources.icmp import ICMP_TYPES
from lockgate.sources.l7_rules import read_l7
from lockgate.sources.policy_fields import LAST_PORT, check_range, in_namespace
from lockgate.sources.policy_peers import plain, read_peers
from lockgate.sources.policy_schema import (
    CidrGroupObject,
    DenyPortsView,
    EgressEntry,
    Entry,
    IcmpView,
    IngressEntry,
    LockgatePolicyObject,
    LockgatePolicySpec,
    PortsView,
    PortView,
)

_LAST_ICMP_TYPE = 255
Section = tuple[Direction, Action, str, Sequence[Entry] | None]


def read_lockgate_policy(read: Reading, view: LockgatePolicyObject) -> list[Policy]:
    """Read a policy of our own kinds, or one of the reference's."""
    namespace = read.ref.namespace
    if view.spec is None and not view.specs:
        read.refuse("spec", "MissingField", "neither spec nor specs is given", "add a spec")
    specs = [("spec", view.spec)] if view.spec is not None else []
    specs += [(f"specs[{number}]", spec) for number, spec in enumerate(view.specs)]
    return [
        _policy(read, spec, field, namespace, index) for index, (field, spec) in enumerate(specs)
    ]


def read_cidr_group(read: Reading, view: CidrGroupObject) -> list[CidrGroup]:
    """Read a CIDR group."""
    cidrs = {
        read.cidr(text, f"spec.externalCIDRs[{number}]")
        for number, text in enumerate(view.spec.external_cidrs)
    }
    labels = labels_of(view.metadata.labels)
    return [CidrGroup(view.metadata.name, labels, tuple(sorted(cidrs)))]


def _policy(
    read: Reading, spec: LockgatePolicySpec, field: str, namespace: str, index: int
) -> Policy:
    sections: tuple[Section, ...] = (
        ("ingress", "allow", "ingress", spec.ingress),
        ("ingress", "deny", "ingressDeny", spec.ingress_deny),
        ("egress", "allow", "egress", spec.egress),
        ("egress", "deny", "egressDeny", spec.egress_deny),
    )
    if not any(entries for _, _, _, entries in sections):
        read.refuse(
            field, "MissingField", "no rule is given",
            "add at least one of ingress, ingressDeny, egress, egressDeny; [{}] allows nothing",
        )  # fmt: skip
    rules: list[PolicyRule] = []
    for direction, action, name, entries in sections:
        for number, entry in enumerate(entries or ()):
            where = f"{field}.{name}[{number}]"
            rules += _rules(read, entry, direction, action, where, namespace)
    given = {direction for direction, _, _, entries in sections if entries}
    asked = spec.enable_default_deny
    if spec.node_selector is not None:
        _check_host_policy(read, rules)
    return Policy(
        read.ref,
        _subject(read, spec, field, namespace),
        asked.ingress if asked.ingress is not None else "ingress" in given,
        asked.egress if asked.egress is not None else "egress" in given,
        tuple(rules),
        index,
        "endpoint" if spec.node_selector is None else "node",
        log=spec.log.value,
    )


def _subject(read: Reading, spec: LockgatePolicySpec, field: str, namespace: str) -> LabelSelector:
    if (spec.endpoint_selector is None) == (spec.node_selector is None):
        read.refuse(
            field, "InvalidCombination",
            "exactly one of endpointSelector and nodeSelector is needed", "give one of them",
        )  # fmt: skip
        return LabelSelector()
    if spec.endpoint_selector is not None:
        subject = plain(read.selector(spec.endpoint_selector, f"{field}.endpointSelector"))
        # Whatever its labels say, a namespaced policy is about its own namespace only.
        return subject.also(in_namespace(namespace)) if namespace else subject
    assert spec.node_selector is not None  # one of the two is
    if namespace:
        read.refuse(
            f"{field}.nodeSelector", "InvalidCombination", "a namespaced policy selects no nodes",
            "use LockgateClusterwideNetworkPolicy",
        )  # fmt: skip
    return plain(read.selector(spec.node_selector, f"{field}.nodeSelector"))


def _check_host_policy(read: Reading, rules: Sequence[PolicyRule]) -> None:
    for rule in rules:
        if rule.l7 is not None and rule.l7.kind != "dns":
            read.refuse(
                rule.field, "InvalidCombination",
                f"a policy of nodes has no {rule.l7.kind} rules", "remove them",
            )  # fmt: skip


def _rules(  # what stands around the entry
    read: Reading, entry: Entry, direction: Direction, action: Action, field: str, namespace: str
) -> list[PolicyRule]:
    peers = read_peers(read, entry, field, namespace)
    authentication = "disabled"
    if isinstance(entry, IngressEntry | EgressEntry) and entry.authentication is not None:
        authentication = entry.authentication.mode
    icmps = tuple(
        _icmp(read, view, f"{field}.icmps[{outer}].fields[{inner}]")
        for outer, item in enumerate(entry.icmps)
        for inner, view in enumerate(item.fields_)
    )
    if icmps and entry.to_ports:
        read.refuse(
            field, "InvalidCombination", "icmps and toPorts cannot stand in one entry",
            "write an entry for each",
        )  # fmt: skip
    if not entry.to_ports:
        return [PolicyRule(direction, action, peers, (), None, field, icmps, authentication)]  # type: ignore[arg-type]  # a mode
    rules: list[PolicyRule] = []
    for number, item in enumerate(entry.to_ports):
        where = f"{field}.toPorts[{number}]"
        l7 = None
        if isinstance(item, PortsView):
            l7 = read_l7(read, item, where, direction, namespace)
        rules.append(
            PolicyRule(
                direction,
                action,
                peers,
                _ports(read, item, where),
                l7,
                where,
                authentication=authentication,  # type: ignore[arg-type]  # a mode
            )
        )
    return rules


def _ports(read: Reading, item: DenyPortsView, field: str) -> tuple[PortRange, ...]:
    return tuple(
        _port(read, port, f"{field}.ports[{index}]") for index, port in enumerate(item.ports)
    )


def _port(read: Reading, view: PortView, field: str) -> PortRange:
    if not (view.port.isascii() and view.port.isdigit()):
        name = read.port_name(view.port.lower(), view.end_port, field)
        return PortRange(name, view.protocol)
    port = int(view.port)
    if port > LAST_PORT:
        read.refuse(f"{field}.port", "InvalidPort", f"{port} is no port", "use 0 to 65535")
    check_range(read, port, view.end_port, field)
    return PortRange(port, view.protocol, view.end_port or 0)


def _icmp(read: Reading, view: IcmpView, field: str) -> IcmpType:
    text = str(view.type)
    known = ICMP_TYPES[view.family]
    number = int(text) if text.isascii() and text.isdigit() else known.get(text, -1)
    if not 0 <= number <= _LAST_ICMP_TYPE:
        read.refuse(
            f"{field}.type", "InvalidValue", f"{text!r} is no type of {view.family} message",
            f"use a number from 0 to {_LAST_ICMP_TYPE}, or one of {', '.join(known)}",
        )  # fmt: skip
    return IcmpType(view.family, max(number, 0))
