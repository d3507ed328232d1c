"""What agents publish to a real API server, and what the operator collects of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.error import HTTPError

from agent.desired import Desired
from agent.pods import PodStatus
from agent.published import Publisher
from agent.saved_state import SavedState
from controllers.definitions import install_definitions
from lockgate.model.meta import labels_of
from lockgate.model.workload import Container, Node, Pod
from lockgate.settings import read_settings
from lockgate.sources.kube.access import ApiServer as Access
from tests.kube.apiserver import ApiServer, is_absent
from tests.kube.following import run
from tests.kube.objects import node
from tests.kube.operating import metric, operating, settings, until


def pod(namespace: str, name: str) -> dict[str, Any]:
    container = {"name": "a", "image": "a"}
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": "web"}},
        "spec": {"containers": [container], "priority": 0},
    }  # fmt: skip


def account(namespace: str) -> dict[str, Any]:
    metadata = {"name": "default", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def published(namespace: str, kind: str, name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "lockgate.io/v1", "kind": kind, "metadata": metadata}


def status(api: ApiServer, document: dict[str, Any]) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = api.get(document)["status"]
    except HTTPError:
        return None
    return found


def identities(api: ApiServer, namespace: str) -> list[str]:
    """Return the names of the identities of a namespace's pods."""
    rows = api.request("GET", "/apis/lockgate.io/v1/lockgateidentities")["items"]
    return [
        row["metadata"]["name"] for row in rows if namespace in row["status"]["labels"].values()
    ]


class Agent:
    """The part of an agent that publishes."""

    def __init__(self, api: ApiServer, namespace: str) -> None:
        told = read_settings({}, node_name=f"{namespace}-node")
        self.desired = Desired(told, SavedState(api.directory / "none"))
        self.server = Access(str(api.kubeconfig))
        self.publisher = Publisher(self.desired, self.server)

    def run_pod(self, document: dict[str, Any], address: str, **labels: str) -> None:
        metadata = document["metadata"]
        row = Pod(
            metadata["namespace"], metadata["name"], labels_of({"app": "web", **labels}),
            containers=(Container("a", ("sleep",)),), uid=metadata["uid"],
        )  # fmt: skip
        self.desired.declared.pods.put(row.ref.path, row)
        running = PodStatus(row.ref.path, "Running", ready=True, addresses=(address,))
        self.desired.topology.pod_status.put(row.ref.path, running)
        self.tick()

    def tick(self) -> None:
        self.desired.tick()
        self.publisher.collect()


@contextlib.asynccontextmanager
async def publishing(api: ApiServer, namespace: str) -> AsyncIterator[Agent]:
    """Have an agent publish; our kinds are installed."""
    agent = Agent(api, namespace)
    await agent.server.connect()
    await install_definitions(agent.server)
    work = asyncio.create_task(agent.publisher.run())
    try:
        yield agent
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await agent.server.close()


def app_of(api: ApiServer, document: dict[str, Any]) -> str:
    return (status(api, document) or {"labels": {}})["labels"].get("app", "")


def test_endpoints_are_published_on_change_and_collected_with_their_pod(
    api: ApiServer, namespace: str
) -> None:
    api.create(account(namespace), pod(namespace, "a"), pod(namespace, "b"))
    first, second = api.get(pod(namespace, "a")), api.get(pod(namespace, "b"))
    one = published(namespace, "LockgateEndpoint", "a")
    two = published(namespace, "LockgateEndpoint", "b")

    async def body() -> None:
        told = settings(api, namespace, publish_endpoints=True, identity_grace_s=0.2)
        async with publishing(api, namespace) as agent, operating(told) as operator:
            agent.run_pod(first, "10.0.0.1")
            agent.run_pod(second, "10.0.0.2")
            await until(lambda: (status(api, one) or {}).get("addresses"), ["10.0.0.1"])
            await until(lambda: (status(api, two) or {}).get("addresses"), ["10.0.0.2"])
            shown = status(api, one)
            assert shown is not None
            assert shown["node"] == f"{namespace}-node"
            assert shown["labels"]["app"] == "web"
            assert not shown["policy"]["ingressEnforced"]
            await until(lambda: identities(api, namespace), [shown["identity"]])
            written = agent.publisher.queue.written
            agent.run_pod(first, "10.0.0.1")
            agent.run_pod(second, "10.0.0.2", app="api")
            await until(lambda: app_of(api, two), "api")
            assert agent.publisher.queue.written == written + 1
            await until(lambda: len(identities(api, namespace)), 2)
            api.request("DELETE", f"/api/v1/namespaces/{namespace}/pods/b?gracePeriodSeconds=0")
            await until(lambda: is_absent(api, two), True)
            await until(lambda: identities(api, namespace), [shown["identity"]])
            assert status(api, one) == shown
            assert await metric(operator, "lockgate_operator_collected_total") == 1

    run(body())


def test_a_node_is_published_and_collected_while_no_operator_ran(
    api: ApiServer, namespace: str
) -> None:
    name = f"{namespace}-node"
    shown = published("", "LockgateNode", name)
    api.create(node(name))

    async def body() -> None:
        async with publishing(api, namespace) as agent:
            agent.desired.declared.nodes.put(name, Node(name, addresses=("192.0.2.1",)))
            agent.tick()
            await until(lambda: (status(api, shown) or {}).get("addresses"), ["192.0.2.1"])
        told = settings(api, namespace, publish_endpoints=True)
        async with operating(told):
            await asyncio.sleep(0.5)
            assert status(api, shown) is not None
        api.delete(node(name))
        async with operating(told):
            await until(lambda: is_absent(api, shown), True)

    run(body())
