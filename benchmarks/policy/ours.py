"""The policy engine on a workload: seconds and touched entries, event by event."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.policy.workload import PodSpec, PolicySpec, Workload, workload
from lockgate.model.meta import ObjectRef
from lockgate.model.policy import NAMESPACE_LABEL, Peers, Policy, PolicyRule, PortRange
from lockgate.model.selector import LabelSelector, Requirement
from lockgate.model.workload import Namespace, Pod
from lockgate.policy.engine import PolicyEngine
from lockgate.state import Graph, Table


def _selector(namespace: str, key: str, value: str) -> LabelSelector:
    pairs = {NAMESPACE_LABEL: namespace, key: value}
    return LabelSelector(
        tuple(Requirement(name, "In", (one,)) for name, one in sorted(pairs.items()))
    )


def _pod(number: int, spec: PodSpec) -> Pod:
    address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
    labels = (("app", spec.app), ("tier", spec.tier))
    return Pod(spec.namespace, spec.app, labels, address=address)


def _policy(spec: PolicySpec) -> Policy:
    tier = _selector(spec.from_tier[0], "tier", spec.from_tier[1])
    app = _selector(spec.from_app[0], "app", spec.from_app[1])
    rule = PolicyRule(
        "ingress", "allow", Peers((tier, app)), (PortRange(80, "TCP"),), None, "spec.ingress[0]"
    )
    ref = ObjectRef("LockgateNetworkPolicy", spec.namespace, spec.name)
    subject = _selector(spec.namespace, "app", spec.app)
    return Policy(ref, subject, deny_ingress=True, deny_egress=False, rules=(rule,))


class Node:
    """The engine with the tables it follows."""

    def __init__(self, work: Workload) -> None:
        self.spaces: Table[str, Namespace] = Table("namespaces")
        self.pods: Table[str, Pod] = Table("endpoints")
        self.local: Table[str, Pod] = Table("local endpoints")
        self.rules: Table[tuple[ObjectRef, int], Policy] = Table("policies")
        for name, team in work.teams.items():
            self.spaces.put(name, Namespace(name, (("team", team),)))
        for number, spec in enumerate(work.pods):
            pod = _pod(number, spec)
            self.pods.put(pod.ref.path, pod)
            if number < work.local:
                self.local.put(pod.ref.path, pod)
        for declared in work.policies:
            self.add_policy(_policy(declared))

    def add_policy(self, policy: Policy) -> None:
        """Declare a policy."""
        self.rules.put((policy.ref, 0), policy)


def measure(policies: int, identities: int, local: int, rounds: int) -> dict[str, Any]:
    """Return seconds of the first computation and of each event, and what events touched."""
    work = workload(policies, identities, local, rounds)
    node, graph = Node(work), Graph()
    start = time.perf_counter()
    engine = PolicyEngine(graph, node.spaces, node.pods, node.rules, local=node.local)
    graph.tick()
    engine.tick()
    found: dict[str, Any] = {"full": time.perf_counter() - start, "entries": engine.resolutions}

    def event(name: str, change: Callable[[], object]) -> None:
        before, began = engine.resolutions, time.perf_counter()
        change()
        graph.tick()
        engine.tick()
        found.setdefault(name, []).append(time.perf_counter() - began)
        found.setdefault(f"{name} touched", []).append(engine.resolutions - before)

    for number in range(rounds):
        policy = _policy(work.new_policies[number])
        event("policy added", lambda policy=policy: node.add_policy(policy))
        pod = _pod(identities + number, work.new_pods[number])
        event("pod added", lambda pod=pod: node.pods.put(pod.ref.path, pod))
        row = Namespace(work.relabelled[number], (("team", "moved"),))
        event("namespace relabelled", lambda row=row: node.spaces.put(row.name, row))
    found["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


if __name__ == "__main__":
    print(json.dumps(measure(*map(int, sys.argv[1:]))))
