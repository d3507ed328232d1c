"""The cluster that is up, and a namespace of its own for each test."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.cluster.__main__ import FOLDER
from tests.cluster.cluster import Cluster
from tests.cluster.node import until

IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.66.1"
_numbers = itertools.count()
Document = dict[str, Any]


class Space:
    """A namespace of the cluster, and what tests do in it."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster = cluster
        self.name = name

    def apply(self, *documents: Document) -> None:
        """Create or change objects."""
        text = yaml.safe_dump_all(documents)
        self.cluster.kubectl("-n", self.name, "apply", "-f", "-", stdin=text)

    def delete(self, kind: str, name: str) -> None:
        """Remove an object."""
        self.cluster.kubectl("-n", self.name, "delete", kind, name)

    def serve(self, name: str, node: int, **port: Any) -> str:
        """Run a web server on a node; return its address."""
        container = {
            "name": "server",
            "image": IMAGE,
            "args": ["netexec", "--http-port=8080"],
            "ports": [{"containerPort": 8080, "name": "http", **port}],
            "readinessProbe": {"httpGet": {"path": "/hostname", "port": 8080}, "periodSeconds": 1},
        }
        spec = {
            "nodeName": f"lg-node-{node}",
            "containers": [container],
            "terminationGracePeriodSeconds": 0,
        }
        labels = {"app": name}
        self.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec})  # fmt: skip
        until(lambda: self._is_ready(name), f"pod {name} is ready")
        return str(self.get("pod", name)["status"]["podIP"])

    def _is_ready(self, name: str) -> bool:
        rows = self.get("pod", name)["status"].get("conditions", [])
        return any(row["type"] == "Ready" and row["status"] == "True" for row in rows)

    def get(self, kind: str, name: str) -> Any:
        """Return an object."""
        return json.loads(self.cluster.kubectl("-n", self.name, "get", kind, name, "-o", "json"))

    def status(self, pod: str, url: str) -> int:
        """Return the status that a pod gets of a URL, 0 if no answer."""
        words = ("curl", "-s", "-o", "/dev/null", "-m", "2", "-w", "%{http_code}", url)
        try:
            text = self.cluster.kubectl("-n", self.name, "exec", pod, "--", *words)
        except RuntimeError:
            return 0
        return int(text)


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """Return the cluster that ``make e2e`` brought up."""
    if not FOLDER.exists():
        pytest.fail("no cluster is up: run `make e2e`, or python -m tests.cluster up")
    return Cluster(FOLDER)


@pytest.fixture
def space(cluster: Cluster) -> Iterator[Space]:
    """Return a namespace that is removed with all that is in it."""
    name = f"lg-test-{next(_numbers)}"
    cluster.kubectl("create", "namespace", name)
    until(lambda: "default" in cluster.kubectl("-n", name, "get", "serviceaccounts"), "an account")
    yield Space(cluster, name)
    cluster.kubectl("delete", "namespace", name)
