"""Objects for tests."""

from __future__ import annotations

from typing import Any

from tests.kube.apiserver import ApiServer


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


def node(name: str, **spec: Any) -> dict[str, Any]:
    """Return a Node."""
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": spec}


def cidrs(api: ApiServer, name: str) -> list[str]:
    """Return the pod CIDRs a node has."""
    found: list[str] = api.get(node(name))["spec"].get("podCIDRs", [])
    return found


def load_balancer(namespace: str, name: str, port: int = 80, **spec: Any) -> dict[str, Any]:
    """Return a Service of type LoadBalancer of our class."""
    ports = [{"name": "http", "port": port}]
    kind = {"type": "LoadBalancer", "loadBalancerClass": "lockgate.io/address-pool"}
    return service(namespace, name, **{**kind, "ports": ports, **spec})


def pool(namespace: str, name: str, *cidrs: str, **spec: Any) -> dict[str, Any]:
    """Return a LockgateAddressPool for Services of a namespace."""
    return {
        "apiVersion": "lockgate.io/v1",
        "kind": "LockgateAddressPool",
        "metadata": {"name": f"{namespace}-{name}"},
        "spec": {"cidrs": list(cidrs), "namespaces": [namespace], **spec},
    }


def secret(namespace: str, name: str, **data: str) -> dict[str, Any]:
    """Return a Secret of texts."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": data,
    }
