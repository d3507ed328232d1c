"""Lockgate as the network of real nodes."""

from __future__ import annotations

from tests.cluster.conftest import Document, Space
from tests.cluster.node import AGENT_SOCKET, Node, until

LOCK = "/run/lockgate.lock"


def policy(name: str, pod: str, **spec: object) -> Document:
    return {
        "apiVersion": "lockgate.io/v1",
        "kind": "LockgateNetworkPolicy",
        "metadata": {"name": name},
        "spec": {"endpointSelector": {"matchLabels": {"app": pod}}, **spec},
    }


def service(name: str, **spec: object) -> Document:
    ports = [{"port": 80, "targetPort": 8080}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": ports, **spec},
    }


def fetched(node: Node, url: str, *flags: str) -> str:
    return node.run("curl", "-s", "-m", "2", *flags, url, check=False)


def test_http_rules_hold_between_nodes(space: Space) -> None:
    space.serve("client", 1)
    address = space.serve("server", 2)
    url = f"http://{address}:8080"
    assert space.status("client", f"{url}/hostname") == 200
    ports = [{"port": "8080", "protocol": "TCP"}]
    rules = {"http": [{"method": "GET", "path": "/hostname"}]}
    allowed = {
        "fromEndpoints": [{"matchLabels": {"app": "client"}}],
        "toPorts": [{"ports": ports, "rules": rules}],
    }
    space.apply(policy("only-hostname", "server", ingress=[allowed]))
    until(lambda: space.status("client", f"{url}/clientip") == 403, "other paths are denied")
    assert space.status("client", f"{url}/hostname") == 200
    space.serve("stranger", 1)
    assert space.status("stranger", f"{url}/hostname") == 0
    space.delete("lockgatenetworkpolicy", "only-hostname")
    until(lambda: space.status("stranger", f"{url}/clientip") == 200, "all is open again")


def test_the_client_keeps_its_address_between_pods(space: Space) -> None:
    client = space.serve("client", 1)
    address = space.serve("server", 2)
    space.apply(service("server"))
    words = ("exec", "client", "--", "curl", "-s", "-m", "2")
    for host in (f"{address}:8080", f"server.{space.name}.svc.cluster.local"):
        seen = space.cluster.kubectl("-n", space.name, *words, f"http://{host}/clientip")
        assert seen.rpartition(":")[0] == client


def test_ports_of_nodes_lead_to_pods(space: Space) -> None:
    space.serve("hosted", 2, hostPort=18080)
    first, second = space.cluster.nodes
    url = f"http://{second.address}:18080/hostname"
    until(lambda: fetched(first, url) == "hosted", "the host port answers")
    space.apply(service("hosted", type="NodePort"))
    port = space.get("service", "hosted")["spec"]["ports"][0]["nodePort"]
    for node in (first, second):
        asked = f"http://{node.address}:{port}/hostname"
        until(lambda asked=asked: fetched(first, asked) == "hosted", "the node port answers")


def test_an_ingress_is_served_by_every_node(space: Space) -> None:
    space.serve("web", 2)
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    rule = {"host": f"{space.name}.test", "http": {"paths": [path]}}
    ingress: Document = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web"},
        "spec": {"ingressClassName": "lockgate", "rules": [rule]},
    }
    space.apply(service("web"), ingress)
    for node in space.cluster.nodes:
        host = ("-H", f"Host: {space.name}.test")
        url = f"http://{node.address}:8080/hostname"
        until(lambda node=node: fetched(node, url, *host) == "web", f"{node.name} serves")  # noqa: B023  # called at once


def test_traffic_and_policy_outlive_the_agent(space: Space) -> None:
    space.serve("client", 1)
    space.serve("stranger", 1)
    address = space.serve("server", 2)
    allowed = {"fromEndpoints": [{"matchLabels": {"app": "client"}}]}
    space.apply(policy("only-client", "server", ingress=[allowed]))
    url = f"http://{address}:8080/hostname"
    until(lambda: space.status("stranger", url) == 0, "others are denied")
    node = space.cluster.nodes[1]
    node.run("sh", "-c", f"kill -9 $(cat {LOCK})")
    assert space.status("client", url) == 200
    assert space.status("stranger", url) == 0
    node.start_agent(space.cluster.kubeconfig, cluster_cidrs=space.cluster.pod_cidrs)
    asked = ("curl", "-s", "-m", "1", "--unix-socket", AGENT_SOCKET, "http://agent/v1/status")
    until(lambda: '"healthy":true' in node.run(*asked, check=False), "the next agent is well")
    assert space.status("client", url) == 200
    assert space.status("stranger", url) == 0
    other = space.serve("new", 2)
    assert space.status("client", f"http://{other}:8080/hostname") == 200
