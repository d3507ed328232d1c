"""The objects of the test: two clients, three servers, what leads to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Document = dict[str, Any]
IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.66.1"
PORT, UDP_PORT = 8080, 8081
CLIENT, STRANGER, HERE, THERE, BOTH = "client", "stranger", "echo-here", "echo-there", "echo"
PODS = (CLIENT, STRANGER, HERE, THERE)
INGRESS_HOST = "connectivity.lockgate.test"


def deployed(namespace: str, nodes: Sequence[str], image: str) -> list[Document]:
    """Return all objects but the policies.

    Args:
        namespace: where they are.
        nodes: the clients' node, and another one if there is another.
        image: of the pods; its ``netexec`` serves, and runs commands for us.
    """
    here, there = nodes[0], nodes[-1]
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        _pod(CLIENT, here, image, {"role": "client"}),
        _pod(STRANGER, here, image, {"role": "stranger"}),
        _pod(HERE, here, image, {"role": "echo", "place": "here"}),
        _pod(THERE, there, image, {"role": "echo", "place": "there"}),
        _service(BOTH, {"role": "echo"}, type="NodePort"),
        _service("echo-headless", {"role": "echo"}, clusterIP="None"),
        _service("echo-local", {"role": "echo"}, internalTrafficPolicy="Local"),
        _service("echo-sticky", {"role": "echo"}, sessionAffinity="ClientIP"),
        _service("client-self", {"role": "client"}),
        _service("nobody", {"role": "nobody"}),
        _ingress(),
    ]


def _pod(name: str, node: str, image: str, labels: Mapping[str, str]) -> Document:
    container = {
        "name": "agnhost",
        "image": image,
        "args": ["netexec", f"--http-port={PORT}", f"--udp-port={UDP_PORT}"],
        "ports": [
            {"name": "http", "containerPort": PORT},
            {"name": "udp", "containerPort": UDP_PORT, "protocol": "UDP"},
        ],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": PORT}, "periodSeconds": 1},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name, **labels}},
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": node},
            "tolerations": [{"operator": "Exists"}],
            "terminationGracePeriodSeconds": 1,
            "containers": [container],
        },
    }


def _service(name: str, selector: Mapping[str, str], **spec: Any) -> Document:
    ports = [
        {"name": "http", "port": 80, "targetPort": PORT},
        {"name": "udp", "port": 90, "targetPort": UDP_PORT, "protocol": "UDP"},
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": dict(selector), "ports": ports, **spec},
    }


def _ingress() -> Document:
    backend = {"service": {"name": BOTH, "port": {"name": "http"}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": BOTH},
        "spec": {
            "ingressClassName": "lockgate",
            "rules": [{"host": INGRESS_HOST, "http": {"paths": [path]}}],
        },
    }


def policy(name: str, pods: Mapping[str, str], **spec: Any) -> Document:
    """Return a policy of ours for the pods of some labels."""
    return {
        "apiVersion": "lockgate.io/v1",
        "kind": "LockgateNetworkPolicy",
        "metadata": {"name": name},
        "spec": {"endpointSelector": {"matchLabels": dict(pods)}, **spec},
    }


def network_policy(name: str, pods: Mapping[str, str], **spec: Any) -> Document:
    """Return a policy of Kubernetes."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": {"matchLabels": dict(pods)}, **spec},
    }
