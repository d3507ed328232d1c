"""Policies that select this node by its labels."""

from __future__ import annotations

from typing import Any

import yaml

from lockgate.model.meta import ObjectRef
from lockgate.model.policy import Policy
from lockgate.model.workload import Node
from lockgate.policy.engine import PolicyEngine, Surroundings, answer
from lockgate.policy.resolve import verdict
from lockgate.policy.trace import Question
from lockgate.sources.parse import parse
from lockgate.state import Graph, Table

LOCKED = """
apiVersion: lockgate.io/v1
kind: LockgateClusterwideNetworkPolicy
metadata: {name: ssh}
spec:
  nodeSelector: {matchLabels: {role: edge}}
  ingress: [{fromEntities: [world], toPorts: [{ports: [{port: '22', protocol: TCP}]}]}]
"""


class Engine:
    def __init__(self) -> None:
        empty: dict[str, Table[Any, Any]] = {
            name: Table(name) for name in ("namespaces", "endpoints", "local")
        }
        self.policies: Table[tuple[ObjectRef, int], Policy] = Table("policies")
        self.nodes: Table[str, Node] = Table("nodes")
        self.graph = Graph()
        self.engine = PolicyEngine(
            self.graph,
            empty["namespaces"],
            empty["endpoints"],
            self.policies,
            local=empty["local"],
            surroundings=Surroundings(nodes=self.nodes),
            mode="always",
            node_name="one",
        )

    def tick(self) -> None:
        self.graph.tick()
        self.engine.tick()

    def admits(self, port: int) -> bool | None:
        policy = self.engine.endpoint_policies.get("host")
        return None if policy is None else verdict(policy, "ingress", 2, 6, port) == "allow"


def test_a_node_is_closed_while_a_policy_selects_it() -> None:
    test = Engine()
    _, rows, problems = parse(yaml.safe_load(LOCKED))
    assert not problems
    [policy] = [row for row in rows if isinstance(row, Policy)]
    test.tick()
    assert test.admits(22) is None, "a mode that closes pods leaves the node alone"
    test.policies.put((policy.ref, 0), policy)
    test.nodes.put("one", Node("one", (("role", "inner"),)))
    test.tick()
    assert test.admits(22) is None
    test.nodes.put("one", Node("one", (("role", "edge"),)))
    test.tick()
    assert (test.admits(22), test.admits(23)) == (True, False)
    assert test.engine.selected((policy.ref, 0)) == ["host"]
    told = answer(test.engine, "world", "host", Question(23, "TCP"))
    assert told.outcome == "deny"
    test.policies.delete((policy.ref, 0))
    test.tick()
    assert test.admits(22) is None
