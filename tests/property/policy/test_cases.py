"""What the specifications say in words, asked of the naive judge first: it must be right itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.property.policy.adapter import answers, from_scratch, table_of
from tests.property.policy.manifests import http, kubernetes, lockgate, namespace, pod
from tests.property.policy.naive import Cluster, Doc, Request

PODS = [
    namespace("a", team="red"),
    namespace("b", team="blue"),
    pod("a/server", "10.0.0.1", {"app": "server"}, web=80),
    pod("a/other", "10.0.0.2", {"app": "other"}, web=8080),
    pod("b/client", "10.0.1.1", {"app": "client"}),
    pod("b/robot", "10.0.1.2", {"app": "robot"}),
]
ENDS = ["a/server", "a/other", "b/client", "b/robot", "host", "192.0.2.1"]
SERVER = {"matchLabels": {"app": "server"}}
CLIENT = {"matchLabels": {"app": "client"}}
WIDE_CLIENT = {"matchLabels": {"app": "client", "k8s:io.kubernetes.pod.namespace": "b"}}
EIGHTY = [{"ports": [{"port": "80"}]}]
SPOKEN = [http("80", method="GET")]
OPEN = {"ingress": False, "egress": False}

# Of each: what is declared; who reaches a/server at 80/TCP by it, and how.
TO_SERVER: dict[str, tuple[list[Doc], dict[str, str]]] = {
    "nothing declared": ([], {"b/client": "allow", "host": "allow", "192.0.2.1": "allow"}),
    "a policy without rules": (
        [kubernetes("a")],
        {"b/client": "deny", "a/other": "deny", "host": "allow", "a/server": "allow"},
    ),
    "a policy of another namespace": ([kubernetes("b")], {"a/other": "allow"}),
    "egress alone does not isolate ingress": (
        [kubernetes("a", policyTypes=["Egress"], egress=[{}])],
        {"b/client": "allow"},
    ),
    "egress rules isolate both directions": (
        [kubernetes("a", egress=[{}])],
        {"b/client": "deny", "a/other": "deny"},
    ),
    "egress isolates the client": (
        [kubernetes("b", policyTypes=["Egress"])],
        {"b/client": "deny", "a/other": "allow"},
    ),
    "an empty from is everyone": (
        [kubernetes("a", ingress=[{"from": []}])],
        {"b/client": "allow", "192.0.2.1": "allow"},
    ),
    "a pod selector means pods here": (
        [kubernetes("a", ingress=[{"from": [{"podSelector": {}}]}])],
        {"a/other": "allow", "b/client": "deny", "192.0.2.1": "deny"},
    ),
    "both selectors of one peer hold together": (
        [kubernetes("a", ingress=[{"from": [{"namespaceSelector": {}, "podSelector": CLIENT}]}])],
        {"b/client": "allow", "b/robot": "deny", "a/other": "deny"},
    ),
    "a namespace is selected by its name": (
        [
            kubernetes(
                "a",
                ingress=[
                    {
                        "from": [
                            {
                                "namespaceSelector": {
                                    "matchLabels": {"kubernetes.io/metadata.name": "b"}
                                }
                            }
                        ]
                    }
                ],
            )
        ],
        {"b/robot": "allow", "a/other": "deny"},
    ),
    "a block is about pods' addresses too, but not those excepted": (
        [
            kubernetes(
                "a",
                ingress=[
                    {"from": [{"ipBlock": {"cidr": "10.0.1.0/24", "except": ["10.0.1.2/32"]}}]}
                ],
            )
        ],
        {"b/client": "allow", "b/robot": "deny", "a/other": "deny", "192.0.2.1": "deny"},
    ),
    "a port's name is that of the server": (
        [kubernetes("a", ingress=[{"ports": [{"port": "web"}]}])],
        {"b/client": "allow"},
    ),
    "a port is of TCP unless said otherwise": (
        [kubernetes("a", ingress=[{"ports": [{"port": 80, "protocol": "UDP"}]}])],
        {"b/client": "deny"},
    ),
    "a range includes its last port": (
        [kubernetes("a", ingress=[{"ports": [{"port": 70, "endPort": 80}]}])],
        {"b/client": "allow"},
    ),
    "an empty entry allows nobody": (
        [lockgate("a", ingress=[{}])],
        {"b/client": "deny", "a/other": "deny", "host": "allow"},
    ),
    "an empty list of peers is nobody": (
        [lockgate("a", ingress=[{"fromEndpoints": [], "toPorts": EIGHTY}])],
        {"a/other": "deny"},
    ),
    "no list of peers is everybody": (
        [lockgate("a", ingress=[{"toPorts": EIGHTY}])],
        {"b/client": "allow", "192.0.2.1": "allow"},
    ),
    "an empty selector is all of the namespace": (
        [lockgate("a", ingress=[{"fromEndpoints": [{}]}])],
        {"a/other": "allow", "b/client": "deny", "192.0.2.1": "deny"},
    ),
    "an empty cluster-wide selector is every pod": (
        [lockgate("", ingress=[{"fromEndpoints": [{}]}])],
        {"b/client": "allow", "192.0.2.1": "deny"},
    ),
    "a selector may name another namespace": (
        [lockgate("a", ingress=[{"fromEndpoints": [CLIENT, WIDE_CLIENT]}])],
        {"b/client": "allow", "b/robot": "deny"},
    ),
    "a selector may name namespaces by their labels": (
        [
            lockgate(
                "a",
                ingress=[
                    {
                        "fromEndpoints": [
                            {"matchLabels": {"k8s:io.cilium.k8s.namespace.labels.team": "blue"}}
                        ]
                    }
                ],
            )
        ],
        {"b/client": "allow", "a/other": "deny"},
    ),
    "a block is not about pods": (
        [lockgate("a", ingress=[{"fromCIDR": ["0.0.0.0/0"]}])],
        {"b/client": "deny", "192.0.2.1": "allow"},
    ),
    "the world is not the cluster": (
        [lockgate("a", ingress=[{"fromEntities": ["world"]}])],
        {"b/client": "deny", "192.0.2.1": "allow"},
    ),
    "the cluster is not the world": (
        [lockgate("a", ingress=[{"fromEntities": ["cluster"]}])],
        {"b/client": "allow", "192.0.2.1": "deny"},
    ),
    "deny beats allow though it is broader": (
        [
            lockgate(
                "",
                ingress=[{"fromEndpoints": [CLIENT], "toPorts": SPOKEN}],
                ingressDeny=[{"fromEntities": ["cluster"]}],
            )
        ],
        {"b/client": "deny", "a/other": "deny", "host": "deny"},
    ),
    "deny rules isolate": (
        [lockgate("a", ingressDeny=[{"fromEndpoints": [WIDE_CLIENT]}])],
        {"b/client": "deny", "b/robot": "deny"},
    ),
    "deny rules that do not isolate deny what they say": (
        [lockgate("a", ingressDeny=[{"fromEndpoints": [WIDE_CLIENT]}], enableDefaultDeny=OPEN)],
        {"b/client": "deny", "b/robot": "allow"},
    ),
    "HTTP rules go through the proxy": (
        [lockgate("a", ingress=[{"toPorts": SPOKEN}])],
        {"b/client": "l7", "a/server": "allow", "host": "allow"},
    ),
    "no HTTP rule in the list is none at all": (
        [lockgate("a", ingress=[{"toPorts": [{**SPOKEN[0], "rules": {"http": []}}]}])],
        {"b/client": "allow"},
    ),
    "HTTP rules and a plain allow go through the proxy": (
        [lockgate("a", ingress=[{"toPorts": SPOKEN}, {"fromEntities": ["all"]}])],
        {"b/client": "l7"},
    ),
    "HTTP rules of one kind of policy and an allow of another": (
        [lockgate("a", ingress=[{"toPorts": SPOKEN}]), kubernetes("a", ingress=[{}])],
        {"b/client": "l7"},
    ),
    "the stricter end holds": (
        [
            lockgate("a", ingress=[{"fromEntities": ["all"]}]),
            lockgate("b", egress=[{"toPorts": SPOKEN}]),
        ],
        {"b/client": "l7", "a/other": "allow"},
    ),
}


@pytest.mark.parametrize("case", TO_SERVER)
def test_a_connection_to_the_server(case: str) -> None:
    declared, expected = TO_SERVER[case]
    cluster = Cluster([*PODS, *declared])
    known = {source: cluster.outcome(source, "a/server", 80, "TCP") for source in ENDS}
    assert {source: known[source] for source in expected} == expected
    found = table_of(from_scratch([*PODS, *declared]), ENDS, [(80, "TCP")])
    assert {source: row["a/server"]["80/TCP"] for source, row in found.items()} == known


REQUESTS: dict[str, tuple[list[Doc], dict[tuple[str, str], bool]]] = {
    "an expression holds for the whole text": (
        [lockgate("a", ingress=[{"toPorts": [http("80", method="GE", path="/a")]}])],
        {("GET", "/a"): False, ("GE", "/a"): True, ("GE", "/ab"): False},
    ),
    "rules add to each other": (
        [
            lockgate(
                "a",
                ingress=[
                    {"toPorts": [http("80", method="GET")]},
                    {"fromEntities": ["cluster"], "toPorts": [http("80", path="/b.*")]},
                ],
            )
        ],
        {("GET", "/a"): True, ("PUT", "/bc"): True, ("PUT", "/a"): False},
    ),
    "a plain allow beside them lets all pass": (
        [lockgate("a", ingress=[{"toPorts": SPOKEN}, {"toPorts": EIGHTY}])],
        {("PUT", "/"): True},
    ),
    "rules that do not isolate refuse nothing": (
        [lockgate("a", ingress=[{"toPorts": SPOKEN}], enableDefaultDeny=OPEN)],
        {("PUT", "/"): True},
    ),
    "both ends must let it pass": (
        [
            lockgate("a", ingress=[{"toPorts": [http("80", method="GET")]}]),
            lockgate("b", egress=[{"toPorts": [http("80", path="/a")]}]),
        ],
        {("GET", "/a"): True, ("GET", "/b"): False, ("PUT", "/a"): False},
    ),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_a_request_to_the_server(case: str) -> None:
    declared, expected = REQUESTS[case]
    cluster = Cluster([*PODS, *declared])
    assert cluster.outcome("b/client", "a/server", 80, "TCP") == "l7"
    found: dict[Any, bool] = {
        asked: cluster.answers("b/client", "a/server", 80, "TCP", Request(*asked))
        for asked in expected
    }
    assert found == expected
    engine = from_scratch([*PODS, *declared])
    for asked, passes in expected.items():
        request = Request(*asked)
        assert answers(engine, "b/client", "a/server", (80, "TCP"), request) == passes
