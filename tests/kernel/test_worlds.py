"""Clients of the world in either IP family, judged by the agent's own way to the kernel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.desired import Desired
from agent.enforce import KernelReconciler
from agent.network import PodNetwork, container_id, create_netns, host_interface, remove_netns
from agent.pods import PodStatus
from agent.proxy_ports import ProxyPorts
from agent.saved_state import SavedState
from bpf import inspect
from lockgate.settings import read_settings
from lockgate.sources.parse import parse
from tests.kernel.conftest import HOST_ADDRESS, HOST_ADDRESS6, Node

POD, PATH = "lg-worlds", "default/web"
ADDRESSES = ("10.76.216.2", "fd76:216::2")
DOCUMENT = {
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "c", "command": ["web"]}]},
}  # fmt: skip


def policy(*entities: str) -> dict[str, Any]:
    return {
        "apiVersion": "lockgate.io/v1", "kind": "LockgateNetworkPolicy",
        "metadata": {"name": "web"},
        "spec": {"endpointSelector": {}, "ingress": [{"fromEntities": list(entities)}]},
    }  # fmt: skip


class Agent:
    """As much of the agent as goes from declared objects to the kernel."""

    def __init__(self, node: Node, folder: Path) -> None:
        self._desired = Desired(read_settings({}), SavedState(folder / "none"), [])
        hosts = (HOST_ADDRESS, HOST_ADDRESS6)
        self._kernel = KernelReconciler(
            self._desired, node.datapath, ProxyPorts(15000, 15001, {}), hosts
        )
        status = PodStatus(PATH, "Running", ready=True, addresses=ADDRESSES)
        self._desired.topology.pod_status.put(PATH, status)
        number = self._desired.endpoint_id(PATH)
        node.datapath.attach(host_interface(PATH), number, 0, ADDRESSES)
        self._kernel.know_host()

    def declare(self, *documents: dict[str, Any]) -> None:
        self._desired.declared.put([row for one in documents for row in parse(one)[1]])
        self._desired.tick()
        self._kernel.enforce()

    def forget_pod(self) -> None:
        """Have the pod gone."""
        self._desired.topology.pod_status.delete(PATH)
        self._desired.tick()
        self._kernel.enforce()


@pytest.fixture
def agent(node: Node, tmp_path: Path) -> Iterator[Agent]:
    """Yield an agent of a node with a pod that serves and a device to the world."""
    node.open_world()
    container = container_id("default", "web")
    try:
        network = create_netns(POD)
        PodNetwork().attach(container, str(network), "eth0", ADDRESSES, PATH)
        node.spawn(POD, "tcp_server", "80")
        yield Agent(node, tmp_path)
    finally:
        PodNetwork().detach(container)
        remove_netns(POD)


def test_the_world_of_one_ip_version_is_let_in(node: Node, agent: Agent) -> None:
    def reached() -> list[bool]:
        answers = (node.ask_from_outside("tcp", address, "80") for address in ADDRESSES)
        return [answer.startswith("server ") for answer in answers]

    agent.declare(DOCUMENT, policy("world-ipv6"))
    assert reached() == [False, True]
    agent.declare(policy("world-ipv4"))
    assert reached() == [True, False]
    agent.declare(policy("world"))
    assert reached() == [True, True]
    agent.declare(policy("cluster"))
    assert reached() == [False, False]


def test_the_host_and_pods_are_known_by_addresses_of_both_families(
    node: Node, agent: Agent
) -> None:
    agent.declare(DOCUMENT)
    known = {row["cidr"]: row["identity"] for row in inspect.ipcache(node.bpf_dir)}
    assert {known[f"{HOST_ADDRESS}/32"], known[f"{HOST_ADDRESS6}/128"]} == {1}
    assert known[f"{ADDRESSES[0]}/32"] == known[f"{ADDRESSES[1]}/128"] >= 256


def test_a_pod_keeps_its_identity_when_a_policy_names_its_address(node: Node, agent: Agent) -> None:
    def identities() -> dict[str, int]:
        rows = {row["cidr"]: row["identity"] for row in inspect.ipcache(node.bpf_dir)}
        return {cidr: rows[cidr] for cidr in (f"{ADDRESSES[0]}/32", f"{ADDRESSES[1]}/128")}

    agent.declare(DOCUMENT)
    before = identities()
    block = {"cidr": "0.0.0.0/0", "except": [f"{ADDRESSES[0]}/32"]}
    named = {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "named"},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"],
                 "egress": [{"to": [{"ipBlock": block}]}]},
    }  # fmt: skip
    agent.declare(named)
    assert identities() == before
    agent.forget_pod()
    known = {row["cidr"]: row["identity"] for row in inspect.ipcache(node.bpf_dir)}
    assert known[f"{ADDRESSES[0]}/32"] >> 24 == 1, "the address is the policy's again"
    assert f"{ADDRESSES[1]}/128" not in known
