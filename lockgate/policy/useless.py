"""Rules that can be read and are in force, but do nothing among the pods that are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from lockgate.ir import node
from lockgate.ir.node import EndpointPolicy
from lockgate.model.meta import Problem
from lockgate.model.policy import Direction, Policy, PolicyRule, PortRange
from lockgate.model.workload import Pod
from lockgate.policy.clauses import EVERYTHING, Ports, port_prefixes
from lockgate.policy.engine import PolicyEngine


def useless_rules(
    engine: PolicyEngine, policies: Iterable[Policy], pods: Mapping[str, Pod]
) -> list[Problem]:
    """Return what of these policies has no effect on these pods, sorted.

    A policy that selects no pod, a peer that is nobody, an allow that a deny covers at every pod
    and for every peer, a port that no selected pod declares.
    """
    return sorted(problem for policy in policies for problem in _of_policy(engine, policy, pods))


def _of_policy(engine: PolicyEngine, policy: Policy, pods: Mapping[str, Pod]) -> Iterator[Problem]:
    if policy.subject_kind != "endpoint":
        return
    subjects = engine.selected((policy.ref, policy.index))
    if not subjects:
        yield Problem(
            policy.ref, "spec", "SelectsNothing", f"it selects no pod ({policy.subject})",
            "correct the selector, or remove the policy",
        )  # fmt: skip
        return
    for rule in policy.rules:
        yield from _of_peers(engine, policy, rule)
        if rule.direction == "ingress":
            yield from _of_ports(policy, rule, [pods[name] for name in subjects])
        if rule.action == "allow" and _is_denied(engine, rule, subjects):
            yield Problem(
                policy.ref, rule.field, "Shadowed", "a deny rule covers all that it allows",
                "remove one of the two",
            )  # fmt: skip


def _of_peers(engine: PolicyEngine, policy: Policy, rule: PolicyRule) -> Iterator[Problem]:
    knowledge = engine.knowledge()
    if rule.peers is None or not rule.peers.selectors:
        return
    if not knowledge.peer_identities(rule.peers):
        names = "; ".join(str(selector) for selector in rule.peers.selectors)
        yield Problem(
            policy.ref, rule.field, "SelectsNothing", f"its peers are no pod ({names})",
            "correct the selectors, or remove the rule",
        )  # fmt: skip


def _of_ports(policy: Policy, rule: PolicyRule, subjects: list[Pod]) -> Iterator[Problem]:
    declared = [pod for pod in subjects if any(box.ports for box in pod.containers)]
    for entry in rule.ports:
        unnamed = isinstance(entry.port, int)
        known = declared if unnamed else subjects
        # A pod need not declare its ports; one that declares none may listen anywhere.
        if unnamed and (entry.port == 0 or len(declared) < len(subjects)):
            continue
        if not any(_listens(pod, entry) for pod in known):
            yield Problem(
                policy.ref, rule.field, "NothingListens",
                f"no pod it selects declares port {entry.port}/{entry.protocol}",
                "correct the port, or declare it in the pod's containers",
            )  # fmt: skip


def _listens(pod: Pod, entry: PortRange) -> bool:
    for container in pod.containers:
        for port in container.ports:
            if entry.protocol not in ("ANY", port.protocol):
                continue
            if isinstance(entry.port, str):
                if port.name == entry.port:
                    return True
            elif entry.port <= port.port <= (entry.end_port or entry.port):
                return True
    return False


def _is_denied(engine: PolicyEngine, rule: PolicyRule, subjects: Iterable[str]) -> bool:
    """Say whether everything the rule allows is denied, at every subject."""
    peers = frozenset({node.ANY_IDENTITY})
    if rule.peers is not None:
        peers = engine.knowledge().peer_identities(rule.peers)
    prefixes = {prefix for entry in rule.ports for prefix in port_prefixes(entry)}
    if not rule.ports and not rule.icmps:
        prefixes = {EVERYTHING}
    policies = [engine.endpoint_policies.get(name) for name in subjects]
    cases = [
        _denies(policy, rule.direction, identity, prefix)
        for policy in policies
        if policy is not None
        for identity in peers
        for prefix in prefixes
    ]
    return bool(cases) and all(cases)


def _denies(policy: EndpointPolicy, direction: Direction, identity: int, prefix: Ports) -> bool:
    for peer in (identity, node.ANY_IDENTITY):
        covering = [
            entry
            for entry in policy.rows.get((direction, peer)) or ()
            if Ports(entry.protocol, entry.port, entry.port_bits).covers(prefix)
        ]
        if covering:
            return (
                max(covering, key=lambda one: (one.protocol != 0, one.port_bits)).verdict == "deny"
            )
    # What the default denies although a rule allows it, a deny rule made so.
    return policy.ingress_enforced if direction == "ingress" else policy.egress_enforced
