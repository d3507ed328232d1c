"""The DNS proxy between a pod and a DNS server, over both IP families."""

from __future__ import annotations

import asyncio
import socket

import dns.message
import dns.rrset
import pytest

from agent.dns_proxy import DnsProxy
from lockgate.ir.node import IDENTITY_HOST
from tests.e2e.ingress.gate import address_of_our_own
from tests.kernel.conftest import Node, egress

ANSWER = "2001:db8::7"
Learnt = list[tuple[str, list[tuple[str, float]]]]


@pytest.mark.parametrize("family", [0, 1], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize(("by", "protocol"), [("udp", 17), ("tcp", 6)])
def test_a_server_of_either_family_is_asked_for_what_rules_allow(
    node: Node, family: int, by: str, protocol: int
) -> None:
    client, server = node.add_pod(), node.add_pod()
    server.serve("dns_server", ANSWER)
    node.allow(server)
    node.datapath.set_proxy_ports({(1, 0): 15053})
    rule = egress(server, 53, protocol, verdict="redirect", rule_set="dns-1")
    node.allow(client, rule, egress=True, classes={"dns-1": 1})
    address = server.addresses[family]
    learnt: Learnt = []

    async def learn(name: str, answers: list[tuple[str, float]]) -> None:
        learnt.append((name, answers))

    async def scenario() -> list[str]:
        proxy = DnsProxy(learn, "refused")
        await proxy.serve({"dns-1": (15053, ("*.world.test",))})
        assert proxy.failures == ()
        try:
            return [
                await asyncio.to_thread(client.ask, "resolve", address, name, by)
                for name in ("www.world.test", "other.test")
            ]
        finally:
            await proxy.close()

    assert asyncio.run(scenario()) == [f"NOERROR {ANSWER}", "REFUSED"]
    assert learnt == [("www.world.test", [(ANSWER, 30.0)])]


def test_a_server_of_this_host_keeps_its_socket(node: Node) -> None:
    """The answer leaves in the server's name, although the server itself is bound to that."""
    client = node.add_pod()
    node.datapath.set_proxy_ports({(1, 0): 15053})
    with address_of_our_own() as address, socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind((address, 53))
        node.datapath.put_ipcache(f"{address}/32", IDENTITY_HOST)
        rule = egress(IDENTITY_HOST, 53, 17, verdict="redirect", rule_set="dns-1")
        node.allow(client, rule, egress=True, classes={"dns-1": 1})

        server.settimeout(10)

        def serve() -> None:
            wire, asker = server.recvfrom(4096)
            answer = dns.message.make_response(dns.message.from_wire(wire))
            answer.answer.append(dns.rrset.from_text("www.world.test.", 30, "IN", "AAAA", ANSWER))
            server.sendto(answer.to_wire(), asker)

        async def scenario() -> str:
            proxy = DnsProxy(_ignore, "refused")
            await proxy.serve({"dns-1": (15053, ("*.world.test",))})
            serving = asyncio.create_task(asyncio.to_thread(serve))
            try:
                return await asyncio.to_thread(
                    client.ask, "resolve", address, "www.world.test", "udp"
                )
            finally:
                await proxy.close()
                await serving

        assert asyncio.run(scenario()) == f"NOERROR {ANSWER}"


async def _ignore(name: str, answers: list[tuple[str, float]]) -> None:
    del name, answers
