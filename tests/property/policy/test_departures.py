"""Where engine and specification differ, or once did, each with the fewest manifests.

A case that no longer differs fails here: take its mark away, and draw such manifests in
``clusters.py`` too.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.property.policy.adapter import Follower, from_scratch, is_refused, table_of
from tests.property.policy.clusters import ends_of
from tests.property.policy.manifests import kubernetes, lockgate, namespace, pod
from tests.property.policy.naive import Cluster, Doc
from tests.property.policy.test_three_ways import naive_table
from tests.property.policy.vocabulary import PORTS

SERVER = {"matchLabels": {"app": "server"}}
CLAIM = "io.cilium.k8s.namespace.labels.team"


def two_numbers() -> list[Doc]:
    return [
        pod("a/client", "10.0.0.1", {"app": "client"}),
        pod("a/old", "10.0.0.2", {"app": "server"}, web=80),
        pod("a/new", "10.0.0.3", {"app": "server"}, web=8080),
    ]


def two_protocols() -> Doc:
    found = pod("a/dns", "10.0.0.2", {"app": "server"})
    found["spec"]["containers"] = [
        {"name": of, "ports": [{"name": "dns", "containerPort": 80, "protocol": of.upper()}]}
        for of in ("tcp", "udp")
    ]
    return found


def departure(reason: str, *documents: Doc) -> Any:
    mark = pytest.mark.xfail(reason=reason, raises=AssertionError, strict=True)
    return pytest.param(list(documents), marks=mark, id=reason)


def mended(what: str, *documents: Doc) -> Any:
    return pytest.param(list(documents), id=f"no longer: {what}")


@pytest.mark.parametrize(
    "documents",
    [
        mended(
            "a pod claims a label of its namespace, and is let in",
            namespace("b"),
            pod("a/server", "10.0.0.1"),
            pod("b/intruder", "10.0.1.1", {CLAIM: "red"}),
            kubernetes(
                "a",
                ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"team": "red"}}}]}],
            ),
        ),
        departure(
            "a named port of egress is open at peers of the same labels that name another number",
            *two_numbers(),
            kubernetes(
                "a",
                podSelector={"matchLabels": {"app": "client"}},
                policyTypes=["Egress"],
                egress=[{"ports": [{"port": "web"}]}],
            ),
        ),
        departure(
            "of two ports of one name in two containers only the last counts",
            pod("a/client", "10.0.0.1"),
            two_protocols(),
            kubernetes("a", podSelector=SERVER, ingress=[{"ports": [{"port": "dns"}]}]),
        ),
        departure(
            "a NetworkPolicy that selects by a label which identities leave out protects nobody",
            pod("a/db-0", "10.0.0.1", {"statefulset.kubernetes.io/pod-name": "db-0"}),
            pod("b/client", "10.0.1.1"),
            kubernetes(
                "a", podSelector={"matchLabels": {"statefulset.kubernetes.io/pod-name": "db-0"}}
            ),
        ),
        departure(
            "a NetworkPolicy sees labels of identities that no pod has",
            pod("a/server", "10.0.0.1"),
            pod("b/client", "10.0.1.1"),
            kubernetes(
                "a",
                podSelector={
                    "matchExpressions": [
                        {"key": "io.kubernetes.pod.namespace", "operator": "DoesNotExist"}
                    ]
                },
            ),
        ),
        mended(
            "a label that begins with k8s. is taken for one with a source",
            pod("a/server", "10.0.0.1", {"k8s.app": "server"}),
            pod("a/client", "10.0.0.2"),
            lockgate("a", endpointSelector={"matchLabels": {"k8s.app": "server"}}, ingress=[{}]),
        ),
    ],
)
def test_a_departure(documents: list[Doc]) -> None:
    ends = ends_of(documents)
    expected = naive_table(Cluster(documents), ends)
    assert table_of(from_scratch(documents), ends, PORTS) == expected


def test_no_label_of_a_pod_makes_it_the_host() -> None:
    intruder = pod("b/intruder", "10.0.1.1", {"reserved:host": ""})
    if is_refused(intruder):
        return  # as the API server does, for a label has no colon
    engine = from_scratch([
        intruder,
        pod("a/server", "10.0.0.1", {"app": "server"}),
        lockgate(
            "a", endpointSelector=SERVER,
            ingress=[{"fromEndpoints": [{"matchLabels": {"reserved:host": ""}}]}],
        ),
    ])  # fmt: skip
    found = table_of(engine, ["b/intruder", "a/server"], [(80, "TCP")])
    assert found["b/intruder"]["a/server"]["80/TCP"] == "deny"


def test_a_name_that_a_pod_gives_up_closes_its_port() -> None:
    client, server = ["a/client", "a/server"]
    policy = kubernetes("a", policyTypes=["Egress"], egress=[{"ports": [{"port": "web"}]}])
    before, after = pod(server, "10.0.0.2", web=80), pod(server, "10.0.0.2")
    follower = Follower()
    for document in (pod(client, "10.0.0.1", {"app": "client"}), before, policy):
        follower.take(None, document)
    follower.tick()
    follower.take(before, after)
    follower.tick()
    found = table_of(follower.engine, [client, server], [(80, "TCP")])
    assert found[client][server]["80/TCP"] == "deny"


def test_a_number_used_again_has_no_past() -> None:
    policy = kubernetes("a", policyTypes=["Egress"], egress=[{"ports": [{"port": "web"}]}])
    gone = pod("b/gone", "10.0.1.1", {"app": "gone"}, web=80)
    follower = Follower()
    for document in (pod("a/client", "10.0.0.1"), gone, policy):
        follower.take(None, document)
    follower.tick()
    follower.take(gone, None)
    follower.tick()
    follower.take(None, pod("b/new", "10.0.1.2", {"app": "new"}))
    follower.tick()
    found = table_of(follower.engine, ["a/client", "b/new"], [(80, "TCP")])
    assert found["a/client"]["b/new"]["80/TCP"] == "deny"


def test_a_block_that_nothing_names_has_no_identity() -> None:
    peers = [{"ipBlock": {"cidr": "192.0.2.0/24"}}]
    policy = kubernetes("a", ingress=[{"from": peers}])
    first, second = pod("a/first", "10.0.0.1"), pod("a/second", "10.0.0.2")
    follower = Follower()
    for steps in (
        [(None, first), (None, policy)], [(first, None), (None, second)], [(policy, None)]
    ):  # fmt: skip
        for old, new in steps:
            follower.take(old, new)
        follower.tick()
    assert dict(follower.engine.cidr_identities.items()) == {}
