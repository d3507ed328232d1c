"""What may be said to the world: server names, and headers that are changed on the way."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

from tests.e2e.conftest import Shop
from tests.e2e.world import WORLD

POLICY = """
apiVersion: lockgate.io/v1
kind: LockgateNetworkPolicy
metadata: {name: web-world, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: web}}
  egress:
  - toCIDR: [198.51.100.0/24]
    toPorts:
    - ports: [{port: "8443", protocol: TCP}]
      serverNames: [a.test, "*.b.test"]
    - ports: [{port: "8000", protocol: TCP}]
      rules:
        http:
        - path: /team
          headerMatches:
          - {name: X-Team, value: store, mismatch: REPLACE}
          - {name: X-Old, value: fine, mismatch: DELETE}
        - path: /seen
          headerMatches: [{name: X-Seen, value: "100%", mismatch: ADD}]
        - path: /asked
          headerMatches: [{name: X-Token, secret: {name: token}}]
---
apiVersion: v1
kind: Secret
metadata: {name: token, namespace: shop}
stringData: {token: t}
"""


def curl(*words: str) -> str:
    """Return what the pod web gets, empty if it is nothing."""
    command = ["nsenter", "--net=/run/netns/lg-shop-web", "curl", "-sk", "-m", "3", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def secure(name: str) -> bool:
    """Say whether the world answers under a server name."""
    where = ("--resolve", f"{name}:8443:{WORLD}", f"https://{name}:8443/")
    return bool(curl(*where))


def headers(path: str, *sent: str) -> dict[str, list[str]]:
    """Return the headers that the world got."""
    words = [word for header in sent for word in ("-H", header)]
    found: dict[str, list[str]] = json.loads(curl(*words, f"http://{WORLD}:8000{path}"))
    return found


@pytest.mark.usefixtures("world")
def test_server_names_are_judged_and_headers_are_changed(shop: Shop) -> None:
    assert secure("c.test")
    (shop.folder / "world.yaml").write_text(POLICY)
    deadline = time.monotonic() + 10
    while secure("c.test"):
        assert time.monotonic() < deadline
    assert secure("a.test")
    assert secure("x.b.test")
    assert not secure("x.y.b.test")
    assert not curl(f"https://{WORLD}:8443/")
    assert not curl(f"http://{WORLD}:8443/")
    assert headers("/team")["x-team"] == ["store"]
    changed = headers("/team", "X-Team: else", "X-Old: bad")
    assert (changed["x-team"], "x-old" in changed) == (["store"], False)
    assert headers("/team", "X-Old: fine")["x-old"] == ["fine"]
    assert headers("/seen")["x-seen"] == ["100%"]
    assert headers("/seen", "X-Seen: 100%")["x-seen"] == ["100%"]
    assert "x-team" not in headers("/seen")
    denied = ("-o", "/dev/null", "-w", "%{http_code}", f"http://{WORLD}:8000/asked")
    assert curl(*denied) == "403"
    assert curl("-H", "X-Token: t", *denied) == "200"
    (shop.folder / "world.yaml").write_text(POLICY.replace("token: t}", "token: other}"))
    while curl("-H", "X-Token: t", *denied) != "403":
        assert time.monotonic() < deadline + 10
    assert curl("-H", "X-Token: other", *denied) == "200"
