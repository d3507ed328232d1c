"""DNS rules and names of the world, with a DNS server in a pod and a web server outside."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Shop
from tests.e2e.world import WORLD

SERVER = f"""
import socketserver
import threading
import dns.message, dns.rrset

def answer(wire):
    query = dns.message.from_wire(wire)
    found = dns.message.make_response(query)
    found.answer.append(dns.rrset.from_text(query.question[0].name, 30, "IN", "A", "{WORLD}"))
    return found.to_wire()

class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        wire, socket = self.request
        socket.sendto(answer(wire), self.client_address)

class Stream(socketserver.StreamRequestHandler):
    def handle(self):
        wire = answer(self.rfile.read(int.from_bytes(self.rfile.read(2), "big")))
        self.wfile.write(len(wire).to_bytes(2, "big") + wire)

streams = socketserver.ThreadingTCPServer(("0.0.0.0", 53), Stream)
threading.Thread(target=streams.serve_forever, daemon=True).start()
socketserver.UDPServer(("0.0.0.0", 53), Datagram).serve_forever()
"""
ASK = """
import sys
import dns.message, dns.query, dns.rcode
query = dns.message.make_query(sys.argv[2], "A")
answer = getattr(dns.query, sys.argv[3])(query, sys.argv[1], timeout=3)
print(dns.rcode.to_text(answer.rcode()), *(str(item) for rows in answer.answer for item in rows))
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {{name: dns, namespace: shop, labels: {{app: dns}}}}
spec: {{containers: [{{name: dns, command: [{python}, {script}]}}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: dns, namespace: shop}}
spec: {{podSelector: {{matchLabels: {{app: dns}}}}, ingress: [{{ports: [{{port: 53, protocol: UDP}}, {{port: 53}}]}}]}}
"""
POLICY = """
apiVersion: lockgate.io/v1
kind: LockgateNetworkPolicy
metadata: {name: web-names, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: web}}
  egress:
  - toEndpoints: [{matchLabels: {app: dns}}]
    toPorts:
    - ports: [{port: "53"}]
      rules: {dns: [{matchPattern: "*.world.test"}]}
  - toFQDNs: [{matchName: www.world.test}]
    toPorts: [{ports: [{port: "8000", protocol: TCP}]}]
"""


def ask(server: str, name: str, by: str = "udp") -> str:
    """Return the answer that the pod web gets."""
    command = ["nsenter", "--net=/run/netns/lg-shop-web", sys.executable, "-c", ASK]
    found = subprocess.run(
        [*command, server, name, by], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or found.stderr.strip().rsplit("\n", 1)[-1]


def address_of(shop: Shop, pod: str) -> str:
    rows = shop.command("endpoint", "list", "--output", "json").stdout
    return next(str(row["address"]) for row in json.loads(rows) if row["endpoint"] == pod)


def wait_for(server: str, name: str, answer: str) -> None:
    deadline = time.monotonic() + 15
    while (got := ask(server, name)) != answer:
        assert time.monotonic() < deadline, got
        time.sleep(0.2)


@pytest.mark.usefixtures("world")
def test_names_of_the_world_are_learnt_from_allowed_answers(shop: Shop, tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    (shop.folder / "dns.yaml").write_text(POD.format(python=sys.executable, script=script))
    deadline = time.monotonic() + 15
    while "shop/dns" not in shop.command("endpoint", "list").stdout:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    server = address_of(shop, "shop/dns")
    wait_for(server, "anything.test", f"NOERROR {WORLD}")
    (shop.folder / "names.yaml").write_text(POLICY)
    wait_for(server, "anything.test", "REFUSED")
    url = f"http://{WORLD}:8000/"
    assert shop.from_web("GET", url) == "000"
    assert ask(server, "other.world.test", "tcp") == f"NOERROR {WORLD}"
    assert ask(server, "anything.test", "tcp") == "REFUSED"
    assert ask(server, "other.world.test") == f"NOERROR {WORLD}"
    assert shop.from_web("GET", url) == "000"
    # The answer comes only when the kernel knows its address.
    assert ask(server, "WWW.world.test") == f"NOERROR {WORLD}"
    assert shop.from_web("GET", url) == "200"
    shop.kill()
    assert shop.from_web("GET", url) == "200"
    shop.start()
    assert shop.from_web("GET", url) == "200"
    assert ask(server, "anything.test") == "REFUSED"
    assert ask(server, "www.world.test") == f"NOERROR {WORLD}"
