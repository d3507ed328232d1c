"""What the REST API shows of the agent, as plain values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from agent.desired import Desired
from agent.pods import PodStatus
from lockgate.ir.node import EndpointPolicy, LoadBalancer
from lockgate.model.meta import Labels, ObjectRef, Problem
from lockgate.model.policy import Policy
from xds.resource import ROUTES
from xds.snapshot import Refusal


def problem_view(problem: Problem) -> dict[str, Any]:
    """Return one problem."""
    return {
        "object": str(problem.ref),
        "field": problem.field,
        "reason": problem.reason,
        "message": problem.message,
        "fix": problem.fix,
        "origin": problem.origin,
    }


def endpoint_view(desired: Desired, status: PodStatus) -> dict[str, Any]:
    """Return one endpoint of this node."""
    name = status.pod
    policy = desired.policy.endpoint_policies.get(name)
    identity = desired.policy.identities.get(name) or 0
    return {
        "endpoint": name,
        "id": desired.endpoint_ids().get(name, 0),
        "identity": identity,
        "labels": _labels(desired.policy.identity_labels.get(identity) or ()),
        "address": status.address,
        "addresses": list(status.addresses),
        "ingress_enforced": bool(policy and policy.ingress_enforced),
        "egress_enforced": bool(policy and policy.egress_enforced),
        "audit": bool(policy and policy.audit),
        "state": "ready" if status.ready else (status.reason or status.phase).lower(),
        "restarts": status.restarts,
    }


def policy_entries(policy: EndpointPolicy | None) -> list[dict[str, Any]]:
    """Return the entries of an endpoint's policy."""
    return [] if policy is None else [asdict(entry) for entry in policy.entries]


def identities_view(desired: Desired) -> list[dict[str, Any]]:
    """Return every identity in use, the lowest first."""
    rows = sorted(desired.policy.identity_labels.items())
    return [{"id": number, "labels": _labels(labels)} for number, labels in rows]


def services_view(desired: Desired) -> list[dict[str, Any]]:
    """Return every Service and every ``hostPort``, one row for each frontend."""
    rows: list[dict[str, Any]] = []
    for key, service in sorted(desired.topology.services.items()):
        balancers = desired.topology.load_balancers.get(key) or ()
        rows += [{**_balancer_view(row), "type": service.type} for row in balancers]
    for _, balancers in sorted(desired.topology.forwarding.host_ports.items()):
        rows += [{**_balancer_view(row), "type": "Pod"} for row in balancers]
    return rows


def _balancer_view(balancer: LoadBalancer) -> dict[str, Any]:
    front = balancer.frontend
    return {
        "service": balancer.origin.path,
        "kind": balancer.kind,
        "frontend": f"{_host_port(front.address, front.port)}/{front.protocol}",
        "scope": front.scope,
        "backends": [_host_port(*backend) for backend in balancer.backends],
        "affinity": f"{balancer.affinity_s} s" if balancer.affinity_s else "",
        "source_ranges": list(balancer.source_ranges),
        "direct_return": balancer.direct_return,
    }


def _host_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def policies_view(desired: Desired, problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Return every policy with the endpoints of this node it selects."""
    by_object: dict[str, list[str]] = {}
    for problem in problems:
        by_object.setdefault(str(problem.ref), []).append(problem.message)
    rows = sorted(desired.declared.policies.items(), key=lambda item: item[0])
    return [_policy_view(desired, policy, by_object) for _, policy in rows]


def _policy_view(
    desired: Desired, policy: Policy, problems: dict[str, list[str]]
) -> dict[str, Any]:
    return {
        "policy": policy.ref.path,
        "kind": policy.ref.kind,
        "subject": str(policy.subject),
        "endpoints": desired.policy.selected((policy.ref, policy.index)),
        "problems": problems.get(str(policy.ref), []),
    }


def _labels(labels: Labels) -> list[str]:
    return [f"{key}={value}" if value else key for key, value in labels]


def refusals_view(refusals: Iterable[Refusal]) -> list[dict[str, Any]]:
    """Return resources that are not in force, with whom they were made from."""
    return [
        {
            "type": refusal.type_url.rpartition(".")[2],
            "name": refusal.name,
            "by": refusal.by,
            "objects": [str(ref) for ref in refusal.origin],
            "detail": refusal.detail,
        }
        for refusal in sorted(refusals, key=lambda row: (row.type_url, row.name))
    ]


def refusal_problems(refusals: Iterable[Refusal]) -> list[Problem]:
    """Return resources that are not in force, as problems of what they were made from.

    Routes are left out: those are traced further, to single hosts.
    """
    found = []
    for refusal in refusals:
        if refusal.type_url == ROUTES:
            continue
        reason = "RefusedByEnvoy" if refusal.by == "envoy" else "RefusedByRules"
        refs = refusal.origin or (ObjectRef("Envoy", "", refusal.name),)
        found += [Problem(ref, "", reason, refusal.detail) for ref in refs]
    return found
