"""Pods with an address of each IP family, under an agent with the real Envoy and the kernel."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Shop

pytestmark = [pytest.mark.kernel, pytest.mark.envoy]
PORT = 8000
POD = f"""
apiVersion: v1
kind: Pod
metadata: {{name: both, namespace: shop, labels: {{app: both}}}}
spec:
  containers:
  - name: both
    command: [python3, -m, http.server, "{PORT}", --bind, "::"]
    readinessProbe: {{tcpSocket: {{port: {PORT}}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: both, namespace: shop}}
spec:
  ipFamilyPolicy: RequireDualStack
  selector: {{app: both}}
  ports: [{{port: {PORT}, targetPort: {PORT}}}]
"""
POLICY = f"""
apiVersion: lockgate.io/v1
kind: LockgateNetworkPolicy
metadata: {{name: both, namespace: shop}}
spec:
  endpointSelector: {{matchLabels: {{app: both}}}}
  ingress:
  - fromEndpoints: [{{matchLabels: {{app: web}}}}]
    toPorts:
    - ports: [{{port: "{PORT}", protocol: TCP}}]
      rules: {{http: [{{method: GET, path: /etc/.*}}]}}
---
apiVersion: lockgate.io/v1
kind: LockgateNetworkPolicy
metadata: {{name: web-to-both, namespace: shop}}
spec:
  endpointSelector: {{matchLabels: {{app: web}}}}
  egress: [{{toEndpoints: [{{matchLabels: {{app: both}}}}]}}]
"""


def addresses_of(shop: Shop, pod: str) -> list[str]:
    """Wait until a pod is ready, and return its addresses."""
    deadline = time.monotonic() + 20
    while True:
        rows = json.loads(shop.command("endpoint", "list", "--output", "json").stdout)
        found = [row for row in rows if row["endpoint"] == pod and row["state"] == "ready"]
        if found:
            return list(found[0]["addresses"])
        assert time.monotonic() < deadline, rows
        time.sleep(0.1)


def frontends_of(shop: Shop, service: str) -> list[str]:
    """Return a Service's addresses, IPv4 first."""
    rows = json.loads(shop.command("service", "list", "--output", "json").stdout)
    found = (row["frontend"].rpartition(":")[0] for row in rows if row["service"] == service)
    return sorted((address.strip("[]") for address in found), key=lambda one: ":" in one)


def url(address: str, path: str) -> str:
    return f"http://{f'[{address}]' if ':' in address else address}:{PORT}{path}"


def test_requests_are_judged_over_both_families_and_addresses_outlive_the_agent(
    shop: Shop,
) -> None:
    (shop.folder / "both.yaml").write_text(POD)
    addresses = addresses_of(shop, "shop/both")
    assert [":" in address for address in addresses] == [False, True]
    (shop.folder / "both-policy.yaml").write_text(POLICY)
    for address in addresses:
        shop.wait_from_web("GET", url(address, "/etc/hosts"), "200")
        shop.wait_from_web("GET", url(address, "/proc/version"), "403")
    frontends = frontends_of(shop, "shop/both")
    assert [":" in address for address in frontends] == [False, True]
    for address in frontends:
        assert shop.from_web("GET", url(address, "/etc/hosts")) == "200"
    hosts = Path(f"{shop.run_dir}/pods/shop_both/hosts").read_text()
    assert all(f"{address} both\n" in hosts for address in addresses)
    shop.kill()
    for address in addresses:
        assert shop.from_web("GET", url(address, "/etc/hosts")) == "200"
        assert shop.from_web("GET", url(address, "/proc/version")) == "403"
    shop.start()
    assert addresses_of(shop, "shop/both") == addresses
    assert frontends_of(shop, "shop/both") == frontends
    for address in addresses:
        assert shop.from_web("GET", url(address, "/etc/hosts")) == "200"
        assert shop.from_web("GET", url(address, "/proc/version")) == "403"


def test_a_stopped_agent_leaves_nothing_of_either_family(shop: Shop) -> None:
    addresses = addresses_of(shop, "shop/web")
    shop.stop()
    for family in ("-4", "-6"):
        command = ["ip", family, "route", "show", "table", "all"]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert not any(f"{address} " in shown for address in addresses)
        assert "table 2004" not in shown


def test_pods_have_ipv4_alone_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCKGATE_POD_CIDR6", "")
    shop = Shop(tmp_path)
    shop.start()
    try:
        assert [":" in address for address in addresses_of(shop, "shop/web")] == [False]
        parts = json.loads(shop.command("status", "--output", "json").stdout)["parts"]
        assert [row["detail"] for row in parts if row["name"] == "addresses"] == ["10.77.0.0/24"]
    finally:
        shop.stop()
