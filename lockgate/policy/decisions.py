"""From the clauses that hold for one peer to the fewest entries that say the same.

Tiers are judged in order. In the normal tier deny beats allow whatever is more specific, and L7
rules that hold for one peer are united; an allow without L7 rules beside them lets every request
pass through the proxy. Nothing depends on the order of the policies.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from lockgate.ir.node import Verdict
from lockgate.ir.proxy import RuleSet
from lockgate.model.policy import Tier
from lockgate.policy.clauses import Clause, Ports
from lockgate.policy.rule_sets import united


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and, for a redirect, the rule set that judges what is said."""

    verdict: Verdict
    rule_set: RuleSet | None = None


ALLOW, DENY = Decision("allow"), Decision("deny")
Decisions = dict[Ports, Decision]


def decide(clauses: Sequence[Clause], *, enforced: bool) -> Decisions:
    """Decide each prefix that any clause names, by every clause that covers it."""
    return {
        ports: combine([clause for clause in clauses if _covers(clause, ports)], enforced=enforced)
        for ports in {ports for clause in clauses for ports in clause.ports}
    }


def combine(clauses: Iterable[Clause], *, enforced: bool) -> Decision:
    """Decide traffic that all of these clauses are about.

    ``enforced`` says that what no clause allows is denied.
    """
    tiers: dict[Tier, list[Clause]] = {"admin": [], "normal": [], "baseline": []}
    for clause in clauses:
        tiers[clause.policy.tier].append(clause)
    # Deny and redirect of the normal tier come before baseline, its mere default does not.
    return (
        _by_priority(tiers["admin"])
        or _normal(tiers["normal"], enforced=enforced)
        or (DENY if enforced else _by_priority(tiers["baseline"]) or ALLOW)
    )


def minimal(table: Decisions, default: Decision) -> Decisions:
    """Leave out what a broader prefix, or the default, says already."""
    return {
        ports: decision
        for ports, decision in table.items()
        if decision != (_broader(table, ports) or default)
    }


def specific(table: Decisions, general: Decisions, default: Decision) -> Decisions:
    """Leave out what identity 0 says too; nothing is left if it says everything."""
    if all(
        decision == (general.get(ports) or _broader(general, ports) or default)
        for ports, decision in table.items()
    ):
        return {}
    return {
        ports: decision for ports, decision in table.items() if decision != _broader(table, ports)
    }


def _by_priority(clauses: list[Clause]) -> Decision | None:
    ordered = sorted(clauses, key=lambda clause: clause.rule.priority)
    for _, group in groupby(ordered, key=lambda clause: clause.rule.priority):
        actions = {clause.rule.action for clause in group}
        if "deny" in actions:
            return DENY
        if "allow" in actions:
            return ALLOW
        if "pass" in actions:
            return None
    return None


def _normal(clauses: list[Clause], *, enforced: bool) -> Decision | None:
    if not clauses:
        return None
    if any(clause.rule.action == "deny" for clause in clauses):
        return DENY
    if any(clause.past_proxy for clause in clauses):
        return ALLOW
    # Nothing here can authenticate a peer, and what the rule asks for must not be skipped.
    if any(clause.rule.authentication != "disabled" for clause in clauses):
        return DENY
    spoken = [(clause.rule.l7, clause) for clause in clauses if clause.rule.l7 is not None]
    if not spoken:
        return ALLOW
    if any(l7.terminating or l7.originating for l7, _ in spoken):
        return DENY
    kind = min(((clause.policy.ref, clause.policy.index), l7.kind) for l7, clause in spoken)[1]
    rules = [l7 for l7, _ in spoken if l7.kind == kind]
    origins = [clause.policy.ref for l7, clause in spoken if l7.kind == kind]
    anything = len(spoken) < len(clauses) or not enforced
    return Decision("redirect", united(rules, origins, anything=anything))


def _covers(clause: Clause, ports: Ports) -> bool:
    return any(entry.covers(ports) for entry in clause.ports)


def _broader(table: Decisions, ports: Ports) -> Decision | None:
    """Return what the longest other prefix that covers ``ports`` decides."""
    covering = [entry for entry in table if entry != ports and entry.covers(ports)]
    if not covering:
        return None
    return table[max(covering, key=lambda entry: (entry.protocol != 0, entry.bits))]
