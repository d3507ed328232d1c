"""What is wrong with policies that read well: members not served, and contradictions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lockgate.model.meta import Problem
from lockgate.model.policy import (
    L7,
    NAMESPACE_LABEL,
    NAMESPACE_LABELS_PREFIX,
    RESERVED_PREFIX,
    SERVICE_ACCOUNT_LABEL,
    Policy,
    PolicyRule,
)
from lockgate.policy.clauses import port_prefixes
from lockgate.policy.identity import is_identity_label


def unserved(policy: Policy) -> tuple[Problem, ...]:
    """Return what of a policy is not enforced here; the traffic it is about is denied."""
    found = [
        Problem(policy.ref, f"{rule.field}{field}", "NotEnforced", message, fix)
        for rule in policy.rules
        for field, message, fix in _unserved(rule)
    ]
    left_out = sorted(entry.key for entry in policy.subject.requirements if _is_left_out(entry.key))
    if policy.subject_kind == "endpoint" and left_out:
        found.append(
            Problem(
                policy.ref,
                "spec",
                "NotEnforced",
                f"it selects by {', '.join(left_out)}, which is no part of identities",
                "select by a label that the replicas of a workload share",
            )
        )
    return tuple(found)


def conflicts(policies: Sequence[Policy]) -> tuple[Problem, ...]:
    """Return where policies of one endpoint ask for different L7 protocols on one port.

    The first policy by kind, namespace and name keeps its protocol.
    """
    spoken = [
        (policy, rule, rule.l7)
        for policy in sorted(policies, key=lambda policy: (policy.ref, policy.index))
        for rule in policy.rules
        if rule.l7 is not None
    ]
    if len({l7.kind for _, _, l7 in spoken}) < 2:  # it takes two
        return ()
    found: list[Problem] = []
    for number, (policy, rule, l7) in enumerate(spoken):
        for other, first, theirs in spoken[:number]:
            if _contradict(first, theirs, rule, l7):
                found.append(
                    Problem(
                        policy.ref,
                        f"{rule.field}.rules",
                        "Conflict",
                        f"{l7.kind} rules where {other.ref} {first.field} has {theirs.kind} rules",
                        "keep one L7 protocol on a port",
                    )
                )
                break
    return tuple(found)


def _is_left_out(key: str) -> bool:
    """Say whether a selector asks for a label that pods have and identities do not."""
    known = (NAMESPACE_LABEL, SERVICE_ACCOUNT_LABEL)
    made = key in known or key.startswith((NAMESPACE_LABELS_PREFIX, RESERVED_PREFIX))
    return not made and not is_identity_label(key)


def _unserved(rule: PolicyRule) -> Iterable[tuple[str, str, str]]:
    if rule.authentication != "disabled":
        yield (
            ".authentication",
            "nothing authenticates peers here, so they are denied",
            "remove authentication or set mode: disabled",
        )
    if rule.l7 is None:
        return
    for name, context in (
        ("terminatingTLS", rule.l7.terminating),
        ("originatingTLS", rule.l7.originating),
    ):
        if context is not None:
            yield f".{name}", "TLS is not opened yet, so the traffic is denied", f"remove {name}"
    if rule.l7.kind == "kafka":
        yield (
            ".rules.kafka",
            "Kafka requests are not judged yet, so connections are closed",
            "allow the port without rules",
        )


def _contradict(first: PolicyRule, theirs: L7, rule: PolicyRule, l7: L7) -> bool:
    if theirs.kind == l7.kind or first.direction != rule.direction:
        return False
    before = {ports for entry in first.ports for ports in port_prefixes(entry)}
    now = {ports for entry in rule.ports for ports in port_prefixes(entry)}
    return any(one.covers(other) or other.covers(one) for one in before for other in now)
