"""Three ways to the same answer: naive, the engine from nothing, and the engine as it follows."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lockgate.model.meta import ObjectRef
from lockgate.model.policy import Policy
from lockgate.model.workload import Namespace, Pod
from lockgate.policy.engine import PolicyEngine, engine_over
from lockgate.policy.trace import Party, matrix
from lockgate.sources.parse import parse
from lockgate.state import Graph, Table
from tests.property.naive import Cluster, Doc, name

PORTS = [(80, "TCP"), (81, "TCP"), (8080, "TCP"), (80, "UDP"), (443, "SCTP")]
SPACES, APPS, TEAMS = ("a", "b", "c"), ("x", "y", "z"), ("red", "blue")
ROUNDS, CHANGES = 300, 12


class Random:
    """Clusters and policies by chance, as manifests."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def one(self, *choices: Any) -> Any:
        return self.chance.choice(choices)

    def some(self, make: Any, most: int) -> list[Any]:
        return [make() for _ in range(self.chance.randint(0, most))]

    def pod(self, number: int) -> Doc:
        return {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": f"p{number}", "namespace": self.one(*SPACES), "labels": self.labels(),
            },
            "spec": {"containers": [{"name": "c"}]},
            "status": {"podIP": f"10.0.{self.one(0, 1)}.{number + 1}"},
        }  # fmt: skip

    def labels(self) -> dict[str, str]:
        return {"app": self.one(*APPS), "tier": self.one("1", "2")}

    def space(self, of: str) -> Doc:
        labels = {"team": self.one(*TEAMS)}
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": of, "labels": labels}}

    def selector(self) -> Doc:
        return self.one(
            {},
            {"matchLabels": {"app": self.one(*APPS)}},
            {"matchLabels": {"app": self.one(*APPS), "tier": "1"}},
            {
                "matchExpressions": [
                    {"key": "app", "operator": "NotIn", "values": [self.one(*APPS)]}
                ]
            },
            {"matchExpressions": [{"key": "app", "operator": "In", "values": ["x", "y"]}]},
            {"matchExpressions": [{"key": "gone", "operator": self.one("Exists", "DoesNotExist")}]},
        )

    def policy(self, number: int) -> Doc:
        make = self.one(self.kubernetes, self.lockgate, self.lockgate)
        return make(f"n{number}")

    def kubernetes(self, called: str) -> Doc:
        spec: Doc = {"podSelector": self.selector()}
        for direction, word in (("ingress", "from"), ("egress", "to")):
            if self.one(0, 1):
                spec[direction] = self.some(lambda word=word: self.kubernetes_rule(word), 2)
        if self.one(0, 1):
            spec["policyTypes"] = self.one(["Ingress"], ["Egress"], ["Ingress", "Egress"])
        return {
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": called, "namespace": self.one(*SPACES)}, "spec": spec,
        }  # fmt: skip

    def kubernetes_rule(self, word: str) -> Doc:
        rule: Doc = {}
        if self.one(0, 1, 1):
            rule[word] = self.some(self.kubernetes_peer, 2)
        if self.one(0, 1):
            rule["ports"] = self.some(self.kubernetes_port, 2)
        return rule

    def kubernetes_peer(self) -> Doc:
        block = {"cidr": self.one("10.0.0.0/24", "10.0.0.0/29", "0.0.0.0/0", "10.0.1.0/30")}
        if block["cidr"] == "0.0.0.0/0" and self.one(0, 1):
            block["except"] = ["10.0.0.0/28"]
        spaces = {"matchLabels": {"team": self.one(*TEAMS)}}
        return self.one(
            {"ipBlock": block},
            {"podSelector": self.selector()},
            {"namespaceSelector": self.one({}, spaces)},
            {"namespaceSelector": self.one({}, spaces), "podSelector": self.selector()},
        )

    def kubernetes_port(self) -> Doc:
        return self.one(
            {"port": 80}, {"port": "web"}, {"port": 80, "endPort": 8000}, {"protocol": "UDP"},
            {"port": 443, "protocol": "SCTP"},
        )  # fmt: skip

    def lockgate(self, called: str) -> Doc:
        wide = self.one(0, 0, 1)
        spec: Doc = {"endpointSelector": self.selector()}
        sections = [one for one in ("ingress", "ingressDeny", "egress", "egressDeny")
                    if self.one(0, 0, 1)] or ["ingress"]  # fmt: skip
        for section in sections:
            deny = section.endswith("Deny")
            word = "from" if section.startswith("in") else "to"
            spec[section] = [self.lockgate_rule(word, deny) for _ in range(self.one(1, 2))]
        if self.one(0, 0, 1):
            spec["enableDefaultDeny"] = {self.one("ingress", "egress"): self.one(True, False)}
        kind = "LockgateClusterwideNetworkPolicy" if wide else "LockgateNetworkPolicy"
        place = {} if wide else {"namespace": self.one(*SPACES)}
        return {
            "apiVersion": "lockgate.io/v1", "kind": kind,
            "metadata": {"name": called, **place}, "spec": spec,
        }  # fmt: skip

    def lockgate_rule(self, word: str, deny: bool) -> Doc:
        rule: Doc = self.one(
            {},
            {f"{word}Endpoints": self.some(self.lockgate_selector, 2)},
            {f"{word}Endpoints": [self.lockgate_selector()]},
            {f"{word}Entities": [self.one("all", "cluster", "world", "host")]},
            {f"{word}CIDR": ["10.0.0.0/8"]},
        )
        if self.one(0, 1):
            rule["toPorts"] = [self.lockgate_ports(deny) for _ in range(self.one(1, 2))]
        return rule

    def lockgate_selector(self) -> Doc:
        found = self.selector()
        if self.one(0, 0, 1):
            place = {"k8s:io.kubernetes.pod.namespace": self.one(*SPACES)}
            return {**found, "matchLabels": {**found.get("matchLabels", {}), **place}}
        return found

    def lockgate_ports(self, deny: bool) -> Doc:
        if not deny and self.one(0, 1):
            method = self.one("GET", "PUT")
            ports = [{"port": self.one("80", "web"), "protocol": "TCP"}]
            return {"ports": ports, "rules": {"http": [{"method": method}]}}
        port = self.one(
            {"port": "80"}, {"port": "79", "endPort": 90, "protocol": "TCP"}, {"port": "web"},
            {"port": "0", "protocol": "UDP"}, {"port": "0"}, {"port": "443", "protocol": "SCTP"},
        )  # fmt: skip
        return {"ports": [port]}


class Follower:
    """An engine that is told of changes one by one."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.spaces: Table[str, Namespace] = Table("namespaces")
        self.pods: Table[str, Pod] = Table("endpoints")
        self.policies: Table[tuple[ObjectRef, int], Policy] = Table("policies")
        self.engine = PolicyEngine(
            self.graph, self.spaces, self.pods, self.policies, local=self.pods
        )

    def follow(self, rows: list[Any]) -> None:
        self.spaces.replace({row.name: row for row in rows if isinstance(row, Namespace)})
        self.pods.replace({row.ref.path: row for row in rows if isinstance(row, Pod)})
        self.policies.replace(
            {(row.ref, row.index): row for row in rows if isinstance(row, Policy)}
        )
        self.graph.tick()
        self.engine.tick()


def with_ports(pod: Doc) -> Doc:
    """Return a pod with the named ports of its kind.

    Pods of one identity name their ports alike here: an egress rule finds a named port by the
    identity of the peer, as in the reference.
    """
    numbers = {"x": 80, "y": 8080}
    number = numbers.get(pod["metadata"]["labels"]["app"])
    ports = [{"name": "web", "containerPort": number}] if number else []
    return {**pod, "spec": {"containers": [{"name": "c", "ports": ports}]}}


def read(documents: list[Doc]) -> list[Any]:
    rows: list[Any] = []
    for document in documents:
        _, found, problems = parse(document)
        assert not problems, problems
        rows += found
    return rows


def table_of(engine: PolicyEngine, pods: list[str]) -> dict[str, Any]:
    parties = [engine.party(pod) for pod in pods]
    assert all(isinstance(party, Party) for party in parties)
    return matrix([party for party in parties if party is not None], PORTS)


def naive_table(documents: list[Doc]) -> dict[str, Any]:
    cluster = Cluster(documents)
    return {
        one: {
            other: {f"{port}/{of}": cluster.outcome(one, other, port, of) for port, of in PORTS}
            for other in sorted(cluster.pods)
        }
        for one in sorted(cluster.pods)
    }


def change(chance: Random, documents: list[Doc]) -> list[Doc]:
    """Return the cluster after one event: something comes, goes or is another now."""
    at = chance.chance.randrange(len(documents))
    old = documents[at]
    if old["kind"] == "Namespace":
        new = chance.space(old["metadata"]["name"])
    elif old["kind"] == "Pod":
        number = int(old["metadata"]["name"][1:])
        metadata = {**old["metadata"], "labels": chance.labels()}
        new = {**chance.pod(number), "metadata": metadata}
    else:
        new = chance.policy(chance.chance.randrange(40))
    rest = [doc for doc in documents if doc is not old]
    if old["kind"] != "Namespace" and chance.one(0, 0, 1):
        return rest
    same = lambda doc: (doc["kind"], doc["metadata"]["name"], doc["metadata"].get("namespace"))  # noqa: E731
    return [doc for doc in rest if same(doc) != same(new)] + [new]


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_naive_from_nothing_and_following_agree(seed: int) -> None:
    chance = Random(seed)
    documents = [chance.space(of) for of in SPACES if chance.one(0, 1, 1)]
    documents += [chance.pod(number) for number in range(chance.one(2, 4, 6))]
    documents += [chance.policy(number) for number in range(chance.one(1, 3, 6))]
    follower = Follower()
    for _ in range(CHANGES):
        documents = [with_ports(doc) if doc["kind"] == "Pod" else doc for doc in documents]
        rows = read(documents)
        follower.follow(rows)
        pods = sorted(name(doc) for doc in documents if doc["kind"] == "Pod")
        expected = naive_table(documents)
        chance.chance.shuffle(rows)
        scratch = engine_over(
            [row for row in rows if isinstance(row, Namespace)],
            [row for row in rows if isinstance(row, Pod)],
            [row for row in rows if isinstance(row, Policy)],
        )
        assert table_of(scratch, pods) == expected
        assert table_of(follower.engine, pods) == expected
        documents = change(chance, documents) or documents
        if not any(doc["kind"] == "Pod" for doc in documents):
            break
