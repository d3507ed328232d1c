"""Policy about clients that come through the Ingress: a real client outside, real pods behind."""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.e2e.conftest import Shop

GATE = "198.51.100.1"
POLICY = """
apiVersion: lockgate.io/v1
kind: LockgateNetworkPolicy
metadata: {{name: web, namespace: shop}}
spec:
  endpointSelector: {{matchLabels: {{app: web}}}}
  {rules}
"""
LOCKDOWN = """
apiVersion: lockgate.io/v1
kind: LockgateClusterwideNetworkPolicy
metadata: {name: lockdown}
spec:
  endpointSelector: {matchExpressions: [{key: "reserved:ingress", operator: Exists}]}
  ingress: [{fromCIDR: [203.0.113.0/24]}]
"""


def visit(shop: Shop) -> str:
    """Return the status that a client outside gets."""
    command = ["ip", "netns", "exec", "lg-world", "curl", "-s", "-o", "/dev/null", "-m", "3"]
    where = ["-w", "%{http_code}", "-H", "Host: shop.local", f"http://{GATE}:{shop.port}/"]
    return subprocess.run([*command, *where], capture_output=True, text=True, check=False).stdout


def wait(shop: Shop, status: str) -> None:
    deadline = time.monotonic() + 10
    while (got := visit(shop)) != status:
        assert time.monotonic() < deadline, f"{got}, not {status}"
        time.sleep(0.05)


@pytest.mark.usefixtures("world")
def test_rules_about_addresses_hold_for_clients_of_the_ingress(shop: Shop) -> None:
    assert visit(shop) == "200"  # by the entity ingress, as the example has it

    def set_rules(rules: str) -> None:
        policies = shop.folder / "policies.yaml"
        text = policies.read_text()
        documents = text.split("---\n")
        mine = [one for one in documents if "name: web\n" not in one and "name: web," not in one]
        policies.write_text("---\n".join([*mine, POLICY.format(rules=rules)]))

    set_rules("ingress: [{fromCIDR: [203.0.113.0/24]}]")
    wait(shop, "403")
    assert shop.get("/") == 403
    set_rules("ingress: [{fromCIDR: [198.51.100.0/24]}]")
    wait(shop, "200")
    assert shop.get("/") == 403, "who comes from elsewhere is not let in by that rule"
    set_rules(
        "ingress: [{fromEntities: [ingress]}]\n  ingressDeny: [{fromCIDR: [198.51.100.2/32]}]"
    )
    wait(shop, "403")
    assert shop.get("/") == 200
    set_rules("ingress: [{fromEntities: [world]}]")
    wait(shop, "200")
    lockdown = shop.folder / "lockdown.yaml"
    lockdown.write_text(LOCKDOWN)
    wait(shop, "403")
    lockdown.unlink()
    wait(shop, "200")
