"""Services at the socket."""

from __future__ import annotations

from bpf import inspect
from lockgate.ir.node import Frontend, LoadBalancer
from lockgate.model.meta import ObjectRef
from tests.kernel.conftest import Node, egress

ADDRESS = "10.78.0.10"
ORIGIN = ObjectRef("Service", "test", "web")


def test_clients_reach_backends_and_see_the_service(node: Node) -> None:
    client, first, second = node.add_pod(), node.add_pod(), node.add_pod()
    node.allow(client, egress(first, 8080), egress(second, 8080), egress(first, 5353, 17),
               egress=True)  # fmt: skip
    for pod in (first, second):
        node.allow(pod)
        pod.serve("tcp_server", "8080")
    first.serve("udp_server", "5353")
    web = LoadBalancer(
        Frontend(ADDRESS, 80, "TCP"), ((first.address, 8080), (second.address, 8080)), ORIGIN
    )
    dns = LoadBalancer(Frontend(ADDRESS, 53, "UDP"), ((first.address, 5353),), ORIGIN)
    node.datapath.put_service(web)
    node.datapath.put_service(dns)
    answer = client.ask("tcp", ADDRESS, "80")
    assert answer == f"server {client.address} peer={ADDRESS}"
    assert client.ask("udp", ADDRESS, "53") == f"10 from {ADDRESS}:53"
    assert len(inspect.services(node.bpf_dir)) == 2
    node.datapath.prune_services([web.frontend])
    assert [row["port"] for row in inspect.services(node.bpf_dir)] == [80]


def test_a_service_without_backends_refuses(node: Node) -> None:
    client = node.add_pod()
    node.allow(client)
    node.datapath.put_service(LoadBalancer(Frontend(ADDRESS, 80, "TCP"), (), ORIGIN))
    assert client.ask("tcp", ADDRESS, "80") == "failed ConnectionRefusedError"


def test_the_host_cannot_loop_through_a_proxy_port(node: Node) -> None:
    pod = node.add_pod()
    node.allow(pod)
    node.datapath.set_proxy_ports({(1, 0): 15001})
    node.spawn(node.name, "tcp_server", "15001")
    pod.serve("tcp_server", "15001")
    assert node.ask_from_host("tcp", "127.0.0.1", "15001") == "failed ConnectionRefusedError"
    assert pod.ask("tcp", "127.0.0.1", "15001").startswith("server")
