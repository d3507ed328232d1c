"""Manifests by hand, for cases that say one thing each."""

from __future__ import annotations

from typing import Any

from tests.property.policy.naive import Doc


def namespace(name: str, **labels: str) -> Doc:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def pod(path: str, address: str, labels: Doc | None = None, **ports: int) -> Doc:
    """Return a pod at ``namespace/name``, with TCP ports by name."""
    space, name = path.split("/")
    containers = [{"name": "c", "ports": [_port(key, port) for key, port in ports.items()]}]
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": space, "labels": labels or {}},
        "spec": {"containers": containers},
        "status": {"podIP": address},
    }  # fmt: skip


def _port(name: str, number: int) -> Doc:
    return {"name": name, "containerPort": number}


def kubernetes(space: str, **spec: Any) -> Doc:
    """Return a NetworkPolicy; of every pod of its namespace if not said otherwise."""
    return {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "rule", "namespace": space}, "spec": {"podSelector": {}, **spec},
    }  # fmt: skip


def lockgate(space: str, **spec: Any) -> Doc:
    """Return a LockgateNetworkPolicy, or a cluster-wide one where ``space`` is empty."""
    kind = "LockgateNetworkPolicy" if space else "LockgateClusterwideNetworkPolicy"
    place = {"namespace": space} if space else {}
    return {
        "apiVersion": "lockgate.io/v1", "kind": kind,
        "metadata": {"name": "rule", **place}, "spec": {"endpointSelector": {}, **spec},
    }  # fmt: skip


def http(port: str, **rule: str) -> Doc:
    """Return an entry of ``toPorts`` with one rule for requests."""
    return {"ports": [{"port": port, "protocol": "TCP"}], "rules": {"http": [rule]}}
