"""What random policies come to, by real packets: the kernel says what the engine says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any

from lockgate.policy.trace import outcome_of
from tests.kernel.conftest import Node, Pod
from tests.property.naive import Cluster, Doc
from tests.property.test_engine import Follower, Random, read, with_ports

PORTS = (80, 8080)
SEEDS, POLICIES = range(12), 4


def manifests(chance: Random, pods: list[Pod]) -> list[Doc]:
    documents = [chance.space(of) for of in ("a", "b", "c")]
    for number, pod in enumerate(pods):
        made = chance.pod(number)
        documents.append(with_ports({**made, "status": {"podIP": pod.address}}))
    return documents + [chance.policy(number) for number in range(POLICIES)]


def enforce(node: Node, follower: Follower, names: dict[str, Pod]) -> None:
    """Put the engine's state into the kernel."""
    engine = follower.engine
    identities = {
        f"{pod.address}/32": engine.identities.get(name) or 0 for name, pod in names.items()
    }
    node.datapath.set_ipcache({**dict(engine.cidr_identities.items()), **identities})
    # No proxy runs here, so what goes to one is dropped: it can be told from what passes.
    classes = {name: number for number, name in enumerate(sorted(engine.rule_sets), start=1)}
    for name, pod in names.items():
        policy = engine.endpoint_policies.get(name)
        assert policy is not None
        node.datapath.set_endpoint(pod.number, pod.ifname, (pod.address,), policy, classes)


def passes(source: Pod, destination: Pod, port: int) -> bool:
    return source.ask("tcp", destination.address, str(port)).startswith("server")


def judged(node: Node, pods: list[Pod], seed: int) -> list[tuple[Any, str, bool]]:
    """Return each case of one cluster, what the engine says, and whether it passed."""
    documents = manifests(Random(seed), pods)
    follower = Follower()
    follower.follow(read(documents))
    cluster = Cluster(documents)
    names = dict(zip(sorted(cluster.pods, key=lambda name: name[-1]), pods, strict=True))
    enforce(node, follower, names)
    cases = [(*pair, port) for pair in permutations(names, 2) for port in PORTS]
    with ThreadPoolExecutor(len(cases)) as pool:
        answers = pool.map(lambda case: passes(names[case[0]], names[case[1]], case[2]), cases)
    found = []
    for (source, destination, port), passed in zip(cases, answers, strict=True):
        one, other = follower.engine.party(source), follower.engine.party(destination)
        assert one is not None
        assert other is not None
        said = outcome_of(one, other, port, "TCP")
        assert said == cluster.outcome(source, destination, port, "TCP")
        found.append(((seed, source, destination, port), said, passed))
    return found


def test_the_kernel_agrees(node: Node) -> None:
    pods = [node.add_pod() for _ in range(3)]
    for pod in pods:
        for port in PORTS:
            pod.serve("tcp_server", str(port))
    found = [row for seed in SEEDS for row in judged(node, pods, seed)]
    assert [row for row in found if row[2] != (row[1] == "allow")] == []
    assert {said for _, said, _ in found} == {"allow", "deny", "l7"}
