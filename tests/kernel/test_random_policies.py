"""What random policies come to, by real packets: the kernel says what the engine says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations, product
from typing import Any

from lockgate.policy.prefixes import host_prefix
from lockgate.policy.trace import outcome_of
from tests.kernel.conftest import Node, Pod
from tests.property.naive import Cluster, Doc
from tests.property.test_engine import Follower, Random, read, with_ports

PORTS = (80, 8080)
PROTOCOLS = ("TCP", "UDP")
FAMILIES = (0, 1)
"""IPv4 and IPv6, as among a pod's addresses."""
SEEDS, POLICIES = range(8), 4


def manifests(chance: Random, pods: list[Pod]) -> list[Doc]:
    documents = [chance.space(of) for of in ("a", "b", "c")]
    for number, pod in enumerate(pods):
        made = chance.pod(number)
        addresses = [{"ip": address} for address in pod.addresses]
        documents.append(
            with_ports({**made, "status": {"podIP": pod.address, "podIPs": addresses}})
        )
    return documents + [chance.policy(number) for number in range(POLICIES)]


def enforce(node: Node, follower: Follower, names: dict[str, Pod]) -> None:
    """Put the engine's state into the kernel."""
    engine = follower.engine
    identities = {
        host_prefix(address): engine.identities.get(name) or 0
        for name, pod in names.items()
        for address in pod.addresses
    }
    node.datapath.set_ipcache({**dict(engine.cidr_identities.items()), **identities})
    # No proxy runs here, so what goes to one is dropped: it can be told from what passes.
    classes = {name: number for number, name in enumerate(sorted(engine.rule_sets), start=1)}
    for name, pod in names.items():
        policy = engine.endpoint_policies.get(name)
        assert policy is not None
        node.datapath.set_endpoint(pod.number, pod.ifname, pod.addresses, policy, classes)


def passes(source: Pod, destination: Pod, port: int, protocol: str, family: int) -> bool:
    answer = source.ask(protocol.lower(), destination.addresses[family], str(port))
    return not answer.startswith("failed")


def judged(node: Node, pods: list[Pod], seed: int) -> list[tuple[Any, str, bool]]:
    """Return each case of one cluster, what the engine says, and whether it passed."""
    documents = manifests(Random(seed), pods)
    follower = Follower()
    follower.follow(read(documents))
    cluster = Cluster(documents)
    names = dict(zip(sorted(cluster.pods, key=lambda name: name[-1]), pods, strict=True))
    enforce(node, follower, names)
    pairs = permutations(names, 2)
    cases = [(*pair, *rest) for pair in pairs for rest in product(PORTS, PROTOCOLS, FAMILIES)]
    with ThreadPoolExecutor(len(cases)) as pool:
        answers = pool.map(lambda case: passes(names[case[0]], names[case[1]], *case[2:]), cases)
    found = []
    for (source, destination, port, protocol, family), passed in zip(cases, answers, strict=True):
        one, other = follower.engine.party(source), follower.engine.party(destination)
        assert one is not None
        assert other is not None
        said = outcome_of(one, other, port, protocol)
        assert said == cluster.outcome(source, destination, port, protocol)
        found.append(((seed, source, destination, port, protocol, family), said, passed))
    return found


def test_the_kernel_agrees(node: Node) -> None:
    pods = [node.add_pod() for _ in range(3)]
    for pod in pods:
        for port in PORTS:
            pod.serve("tcp_server", str(port))
            pod.serve("udp_server", str(port))
    found = [row for seed in SEEDS for row in judged(node, pods, seed)]
    assert [row for row in found if row[2] != (row[1] == "allow")] == []
    assert {said for _, said, _ in found} == {"allow", "deny", "l7"}
