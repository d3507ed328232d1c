"""The pods of the test in a cluster, reached through its API server alone."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any

from connectivity.objects import BOTH, HERE, PODS, PORT, THERE, Document, deployed
from connectivity.scenarios import DENIED, OK, Probe
from lockgate.errors import LockgateError
from lockgate.sources.kube.access import APPLY, ApiFault, ApiServer

MANAGER = "lockgate-connectivity"
ANSWER_S = 2
"""How long a probe waits for an answer."""
_POLL_S = 0.3
_PATHS = {
    "Namespace": "/api/v1/namespaces",
    "Pod": "/api/v1/namespaces/{namespace}/pods",
    "Service": "/api/v1/namespaces/{namespace}/services",
    "Ingress": "/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies",
    "LockgateNetworkPolicy": "/apis/lockgate.io/v1/namespaces/{namespace}/lockgatenetworkpolicies",
}


class NotDeployed(LockgateError):
    """The pods of the test do not run."""


class World:
    """The test's namespace.

    Args:
        server: the API server, connected.
        namespace: which is made, and removed at the end.
        ingress_port: on which nodes serve Ingresses.
        domain: of the cluster's DNS.
    """

    def __init__(
        self, server: ApiServer, namespace: str, ingress_port: int, domain: str = "cluster.local"
    ) -> None:
        self._server = server
        self._namespace = namespace
        self._places: dict[str, Any] = {
            "namespace": namespace,
            "ingress_port": ingress_port,
            "domain": domain,
        }

    async def deploy(self, image: str, limit_s: float, say: Callable[[str], None]) -> None:
        """Create everything and wait until the pods are ready.

        Raises: NotDeployed: they are not in time, with what the cluster says of them.
        """
        nodes = await self._nodes()
        for document in deployed(self._namespace, nodes, image):
            await self.apply(document)
        deadline = time.monotonic() + limit_s
        while waiting := await self._not_ready():
            say(f"waiting for {', '.join(waiting)}")
            if time.monotonic() > deadline:
                why = "; ".join(f"{name}: {reason}" for name, reason in waiting.items())
                raise NotDeployed(f"pods are not ready after {limit_s:.0f} s: {why}")
            await asyncio.sleep(1)
        await self._find_places()

    async def _nodes(self) -> list[str]:
        listed = await self._server.get("/api/v1/nodes")
        ready = sorted(row["metadata"]["name"] for row in listed["items"] if _is_ready(row))
        if not ready:
            raise NotDeployed("no node of the cluster is ready")
        return ready[:2]

    async def _not_ready(self) -> dict[str, str]:
        waiting = {}
        for name in PODS:
            pod = await self._server.get(f"{self._path('Pod')}/{name}")
            if not _is_ready(pod):
                waiting[name] = _why(pod)
        return waiting

    async def _find_places(self) -> None:
        for place, name in (("here", HERE), ("there", THERE)):
            pod = await self._server.get(f"{self._path('Pod')}/{name}")
            self._places[place] = _host(pod["status"]["podIP"])
            self._places[f"node_{place}"] = _host(pod["status"]["hostIP"])
        service = await self._server.get(f"{self._path('Service')}/{BOTH}")
        self._places["node_port"] = service["spec"]["ports"][0]["nodePort"]

    async def apply(self, document: Document) -> None:
        """Create an object or change it."""
        path = f"{self._path(document['kind'])}/{document['metadata']['name']}"
        await self._server.patch(path, document, APPLY, fieldManager=MANAGER, force="true")

    async def delete(self, document: Document) -> None:
        """Remove an object; one that is not there is no error."""
        try:
            await self._server.delete(
                f"{self._path(document['kind'])}/{document['metadata']['name']}"
            )
        except ApiFault as fault:
            if fault.status != 404:
                raise

    async def remove(self) -> None:
        """Remove the namespace with all that is in it."""
        await self.delete({"kind": "Namespace", "metadata": {"name": self._namespace}})

    async def outcome(self, probe: Probe, limit_s: float) -> str:
        """Return what comes of a probe: as wanted at once or in time, else the last outcome."""
        deadline = time.monotonic() + limit_s
        while True:
            found = await self._ask(probe)
            if found == probe.wanted or time.monotonic() > deadline:
                return found
            await asyncio.sleep(_POLL_S)

    async def _ask(self, probe: Probe) -> str:
        url = probe.url.format(**self._places)
        output = await self._shell(probe.source, command(probe, url))
        return read(url, output.strip())

    async def _shell(self, pod: str, words: Sequence[str]) -> str:
        path = f"{self._path('Pod')}/{pod}:{PORT}/proxy/shell"
        answer = await self._server.get(path, cmd=shlex.join(words))
        return str(answer.get("output", ""))

    def _path(self, kind: str) -> str:
        return _PATHS[kind].format(namespace=self._namespace)


def command(probe: Probe, url: str) -> list[str]:
    """Return the words of the command by which a pod asks a URL."""
    kind, _, rest = url.partition("://")
    if kind == "dns":
        return ["timeout", str(ANSWER_S * 2), "getent", "hosts", rest]
    if kind == "udp":
        host, _, port = rest.rpartition(":")
        ask = f"echo hostname | nc -u -w {ANSWER_S} {shlex.quote(host.strip('[]'))} {port}"
        return ["sh", "-c", ask]
    words = ["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "-m", str(ANSWER_S)]
    words += ["-X", probe.method]
    for header in probe.headers:
        words += ["-H", header]
    return [*words, url]


def read(url: str, output: str) -> str:
    """Return the status that a command's output tells."""
    kind = url.partition("://")[0]
    if kind == "udp":
        return OK if output else DENIED
    if kind == "dns":  # a command that is ended for its time-out says so too
        return OK if _is_address(output.partition(" ")[0]) else DENIED
    return output[-3:] or DENIED


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_ready(row: Document) -> bool:
    conditions = row.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _why(pod: Document) -> str:
    status = pod.get("status", {})
    for row in status.get("containerStatuses", []):
        waiting = row.get("state", {}).get("waiting")
        if waiting:
            return f"{waiting.get('reason', '')} {waiting.get('message', '')}".strip()
    for row in status.get("conditions", []):
        if row["status"] != "True" and row.get("message"):
            return str(row["message"])
    return str(status.get("phase", "unknown"))


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address
