"""From the policies that select an endpoint to the entries of its policy map.

Deny beats allow whatever is more specific; an allow without HTTP rules beats HTTP rules on the
same traffic; HTTP rules that hold for one peer are united. The result does not depend on the
order of the policies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from lockgate.ir import node
from lockgate.ir.node import EndpointPolicy, PolicyEntry, Verdict
from lockgate.ir.proxy import HeaderMatch, HttpMatch, HttpRuleSet
from lockgate.model.meta import ObjectRef
from lockgate.model.policy import Direction, HttpRule, Policy, PolicyRule
from lockgate.policy.clauses import (
    ALL_BITS,
    EVERYTHING,
    Clause,
    NamedPorts,
    PeerIdentities,
    Ports,
    clauses_of,
)


@dataclass(frozen=True, slots=True)
class Resolution:
    """An endpoint's policy and the HTTP rule sets its entries name."""

    policy: EndpointPolicy
    rule_sets: tuple[HttpRuleSet, ...]


def resolve(
    endpoint: str,
    identity: int,
    policies: Iterable[Policy],
    peer_identities: PeerIdentities,
    named_ports: NamedPorts,
) -> Resolution:
    """Resolve the policies that select one endpoint.

    Args:
        peer_identities: the identities that peers select, CIDR blocks and entities included.
        named_ports: what a port's name stands for, at the end where the port is.
    """
    selected = list(policies)
    entries: list[PolicyEntry] = []
    rule_sets: dict[str, HttpRuleSet] = {}
    directions: tuple[Direction, ...] = ("ingress", "egress")
    for direction in directions:
        clauses = clauses_of(direction, selected, peer_identities, named_ports)
        if direction == "ingress":
            clauses.append(_from_host())
        enforced = is_enforced(direction, selected)
        found, sets = _entries(direction, clauses, enforced=enforced)
        entries += found
        rule_sets.update(sets)
    policy = EndpointPolicy(
        endpoint,
        identity,
        is_enforced("ingress", selected),
        is_enforced("egress", selected),
        tuple(sorted(entries)),
    )
    return Resolution(policy, tuple(rule_sets[name] for name in sorted(rule_sets)))


def is_enforced(direction: Direction, policies: Iterable[Policy]) -> bool:
    """Say whether traffic without a matching rule is dropped."""
    if direction == "ingress":
        return any(policy.deny_ingress for policy in policies)
    return any(policy.deny_egress for policy in policies)


def lookup(
    policy: EndpointPolicy, direction: Direction, identity: int, protocol: int, port: int
) -> PolicyEntry | None:
    """Return the entry that decides, found as the kernel finds it; None if no entry matches."""
    wanted = Ports(protocol, port, ALL_BITS)
    for peer in (identity, node.ANY_IDENTITY):
        matching = [
            entry
            for entry in policy.entries
            if entry.direction == direction
            and entry.identity == peer
            and Ports(entry.protocol, entry.port, entry.port_bits).covers(wanted)
        ]
        if matching:
            return max(matching, key=lambda entry: (entry.protocol != 0, entry.port_bits))
    return None


def verdict(
    policy: EndpointPolicy, direction: Direction, identity: int, protocol: int, port: int
) -> Verdict:
    """Return what the kernel does with a new connection."""
    entry = lookup(policy, direction, identity, protocol, port)
    if entry is not None:
        return entry.verdict
    enforced = policy.ingress_enforced if direction == "ingress" else policy.egress_enforced
    return "deny" if enforced else "allow"


def rule_set(rules: Iterable[HttpRule], origins: Iterable[ObjectRef]) -> HttpRuleSet:
    """Return HTTP rules as a set with a name derived from its content."""
    matches = tuple(
        sorted(
            {
                HttpMatch(
                    rule.method,
                    rule.path,
                    rule.host,
                    tuple(sorted(HeaderMatch(entry.name, entry.value) for entry in rule.headers)),
                )
                for rule in rules
            },
            key=repr,
        )
    )
    digest = hashlib.sha256(repr(matches).encode()).hexdigest()[:16]
    return HttpRuleSet(f"http-{digest}", matches, tuple(sorted(set(origins))))


def _from_host() -> Clause:
    # The node probes its pods, whatever their policies say; as in the reference.
    rule = PolicyRule("ingress", "allow", None, (), None, "")
    host = frozenset({node.IDENTITY_HOST})
    return Clause(host, frozenset({EVERYTHING}), rule, ObjectRef("Node", "", ""))


def _entries(
    direction: Direction, clauses: list[Clause], *, enforced: bool
) -> tuple[list[PolicyEntry], dict[str, HttpRuleSet]]:
    by_identity: dict[int, list[Clause]] = {node.ANY_IDENTITY: []}
    for clause in clauses:
        for identity in clause.identities:
            by_identity.setdefault(identity, []).append(clause)
    wildcard = by_identity[node.ANY_IDENTITY]
    default: Decision = ("deny" if enforced else "allow", "")
    rule_sets: dict[str, HttpRuleSet] = {}
    general = _decide(wildcard, rule_sets)
    entries: list[PolicyEntry] = []
    for identity, own in by_identity.items():
        if identity == node.ANY_IDENTITY:
            chosen = _minimal(general, default)
        else:
            chosen = _decide([*own, *wildcard], rule_sets)
            chosen = _specific(chosen, general, default)
        entries += [
            PolicyEntry(direction, identity, ports.protocol, ports.port, ports.bits, what, name)
            for ports, (what, name) in chosen.items()
        ]
    used = {entry.rule_set for entry in entries}
    return entries, {name: row for name, row in rule_sets.items() if name in used}


Decision = tuple[Verdict, str]
"""A verdict and, for a redirect, the rule set's name."""


def _decide(clauses: list[Clause], rule_sets: dict[str, HttpRuleSet]) -> dict[Ports, Decision]:
    """Decide each prefix that any clause names, by every clause that covers it."""
    decisions: dict[Ports, Decision] = {}
    for ports in {ports for clause in clauses for ports in clause.ports}:
        covering = [
            clause for clause in clauses if any(entry.covers(ports) for entry in clause.ports)
        ]
        decisions[ports] = _combine(covering, rule_sets)
    return decisions


def _combine(clauses: list[Clause], rule_sets: dict[str, HttpRuleSet]) -> Decision:
    if any(clause.rule.action == "deny" for clause in clauses):
        return "deny", ""
    if any(clause.rule.l7 is None for clause in clauses):
        return "allow", ""
    rules = [
        rule
        for clause in clauses
        if clause.rule.l7 is not None
        for rule in clause.rule.l7.rules
        if isinstance(rule, HttpRule)
    ]
    row = rule_set(rules, (clause.origin for clause in clauses))
    rule_sets[row.name] = row
    return "redirect", row.name


def _broader(table: dict[Ports, Decision], ports: Ports) -> Decision | None:
    """Return what the longest other prefix that covers ``ports`` decides."""
    covering = [entry for entry in table if entry != ports and entry.covers(ports)]
    if not covering:
        return None
    return table[max(covering, key=lambda entry: (entry.protocol != 0, entry.bits))]


def _minimal(table: dict[Ports, Decision], default: Decision) -> dict[Ports, Decision]:
    return {
        ports: decision
        for ports, decision in table.items()
        if decision != (_broader(table, ports) or default)
    }


def _specific(
    table: dict[Ports, Decision], general: dict[Ports, Decision], default: Decision
) -> dict[Ports, Decision]:
    """Drop an identity's entries that say what identity 0 says anyway."""
    if all(
        decision == (general.get(ports) or _broader(general, ports) or default)
        for ports, decision in table.items()
    ):
        return {}
    return {
        ports: decision for ports, decision in table.items() if decision != _broader(table, ports)
    }
