"""Objects for tests."""

from __future__ import annotations

from typing import Any


def ingress(
    namespace: str, name: str, host: str = "shop.test", **annotations: str
) -> dict[str, Any]:
    """Return an Ingress of one path to Service ``web``; annotations are of ours."""
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    said = {
        f"ingress.lockgate.io/{key.replace('_', '-')}": text for key, text in annotations.items()
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": namespace, "annotations": said},
        "spec": {
            "ingressClassName": "lockgate",
            "rules": [{"host": host, "http": {"paths": [path]}}],
        },
    }


def service(namespace: str, name: str = "web", **spec: Any) -> dict[str, Any]:
    """Return a Service of port 80 without a selector."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"ports": [{"name": "http", "port": 80}], **spec},
    }


def endpoints(namespace: str, address: str, port: int, name: str = "web") -> dict[str, Any]:
    """Return the EndpointSlice of a Service."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-1",
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
    }
