"""Rule sets of the shape that kube-proxy installs, by its modes."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

CLUSTER_IPS = ipaddress.IPv4Address("10.96.0.0")
ENDPOINTS = ipaddress.IPv4Address("10.245.0.0")
ENDPOINT_PREFIX = "10.245.0.0/16"
POD_PREFIX = "10.99.1.0/24"
MASQUERADE = "0x4000"
PORT = 80


@dataclass(frozen=True)
class Service:
    """A Service with one port and one endpoint."""

    name: str
    cluster_ip: str
    endpoint: str
    endpoint_port: int

    def digest(self, what: str) -> str:
        """Return 16 letters for chain names, as kube-proxy derives them from the port's name."""
        found = hashlib.sha256(f"{self.name}:{what}tcp{self.endpoint}".encode()).digest()
        return base64.b32encode(found).decode()[:16]


def services(count: int, port: int, endpoint: str | None = None) -> Iterator[Service]:
    """Make Services at ascending addresses, each with an endpoint of its own or all with one."""
    for number in range(1, count + 1):
        at = endpoint or str(ENDPOINTS + number)
        yield Service(f"shop/service-{number}:http", str(CLUSTER_IPS + number), at, port)
