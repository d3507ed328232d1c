"""Objects of the tests' namespace."""

from __future__ import annotations

import base64
from typing import Any

from tests.certificates import Pair
from tests.e2e.ingress.gate import NAMESPACE, Cluster, Gate

Document = dict[str, Any]


class Shop:
    """What tests declare, and the agent that serves it."""

    def __init__(self, gate: Gate, ports: dict[str, int]) -> None:
        self.gate = gate
        self.ports = ports

    @property
    def is_cluster(self) -> bool:
        """Whether the objects are those of an API server."""
        return isinstance(self.gate.objects, Cluster)

    def declare_backends(self) -> None:
        """Declare a Service with its endpoint for each backend."""
        for name in self.ports:
            self.gate.objects.put(service(name), self.endpoints(name))

    def endpoints(self, name: str, **conditions: bool) -> Document:
        """Return the endpoint of a backend."""
        address = self.gate.objects.endpoint_address
        return {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": metadata(f"{name}-1", {"kubernetes.io/service-name": name}),
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": self.ports[name], "protocol": "TCP"}],
            "endpoints": [{"addresses": [address], "conditions": {"ready": True, **conditions}}],
        }

    def serve(self, *documents: Document) -> None:
        """Declare objects."""
        self.gate.objects.put(*documents)


def metadata(name: str, labels: dict[str, str] | None = None) -> Document:
    """Return metadata in the tests' namespace."""
    return {"name": name, "namespace": NAMESPACE, "labels": labels or {}}


def service(name: str, **spec: Any) -> Document:
    """Return a Service of port 80."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(name),
        "spec": {"ports": [{"name": "http", "port": 80}], **spec},
    }


def path(text: str, kind: str = "Prefix", backend: str = "web", port: int = 80) -> Document:
    """Return a path to a Service."""
    found = {"service": {"name": backend, "port": {"number": port}}}
    return {"path": text, "pathType": kind, "backend": found}


def ingress(name: str, host: str, *paths: Document, **more: Any) -> Document:
    """Return an Ingress of one rule.

    Args:
        name: of the Ingress.
        host: of the rule.
        paths: ``/`` of Service ``web`` if none.
        more: ``tls``, ``annotations`` with full names, ``default`` (a Service's name).
    """
    spec: Document = {
        "ingressClassName": more.get("class_name", "lockgate"),
        "rules": [{"host": host, "http": {"paths": [*(paths or (path("/"),))]}}],
    }
    if not host:
        del spec["rules"][0]["host"]
    if "tls" in more:
        spec["tls"] = more["tls"]
    if "default" in more:
        spec["defaultBackend"] = path("/", backend=more["default"])["backend"]
    said = {
        f"ingress.lockgate.io/{key}" if "/" not in key else key: text
        for key, text in more.get("annotations", {}).items()
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {**metadata(name), "annotations": said},
        "spec": spec,
    }


def secret(name: str, **values: bytes | str) -> Document:
    """Return a Secret; ``_`` in a key is a dot."""
    data = {
        key.replace("_", "."): base64.b64encode(
            value.encode() if isinstance(value, str) else value
        ).decode()
        for key, value in values.items()
    }
    is_tls = {"tls.crt", "tls.key"} <= data.keys()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(name),
        "type": "kubernetes.io/tls" if is_tls else "Opaque",
        "data": data,
    }


def tls_secret(name: str, pair: Pair) -> Document:
    """Return a Secret with a certificate."""
    return secret(name, tls_crt=pair.chain, tls_key=pair.key)
