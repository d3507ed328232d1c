"""What is written back to a real API server: by one of several, once, and only on change."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from agent.desired import Desired
from agent.ingress_status import IngressStatus
from agent.saved_state import SavedState
from lockgate.settings import read_settings
from lockgate.sources.kube.access import ApiServer as Access
from lockgate.sources.kube.lease import Lease
from lockgate.sources.kube.source import KubernetesSource
from tests.kube.apiserver import ApiServer
from tests.kube.following import LIMIT_S, run
from tests.kube.objects import ingress, service
from tests.kube.unreliable import Unreliable


class Agent:
    """The part of an agent that follows an API server and writes to it."""

    def __init__(self, api: ApiServer, name: str, **settings: object) -> None:
        self.source = KubernetesSource(Access(str(api.kubeconfig)))
        told = read_settings({}, node_name=name, namespace="default", **settings)
        self.desired = Desired(told, SavedState(api.directory / "none"))
        self.status = IngressStatus(
            self.desired, self.source.server, ["192.0.2.9"], self.desired.problems
        )

    async def follow(self) -> None:
        """Follow until cancelled."""
        tasks: list[asyncio.Task[None]] = []
        try:
            self._take(await self.source.start())
            tasks.append(asyncio.create_task(self.status.run()))
            async for delta in self.source.watch():
                self._take(delta)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.source.close()

    def _take(self, delta: Any) -> None:
        self.desired.declared.delete(delta.delete)
        self.desired.declared.put(delta.put)
        self.desired.tick()
        told = [problem for row in delta.problems.values() for problem in row]
        self.status.collect([*self.desired.new_problems(), *told])

    @property
    def written(self) -> int:
        """How often it wrote."""
        return self.status.writer.written


@contextlib.asynccontextmanager
async def working(agent: Agent) -> AsyncIterator[Agent]:
    """Have an agent follow and write."""
    task = asyncio.create_task(agent.follow())
    try:
        yield agent
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(api: ApiServer, document: dict[str, Any], shown: list[dict[str, str]]) -> None:
    """Wait until an Ingress shows addresses."""
    async with asyncio.timeout(LIMIT_S):
        while await asyncio.to_thread(addresses, api, document) != shown:
            await asyncio.sleep(0.05)


def addresses(api: ApiServer, document: dict[str, Any]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = api.get(document)["status"]["loadBalancer"].get("ingress", [])
    return found


def events(api: ApiServer, namespace: str) -> list[dict[str, Any]]:
    path = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
    found: list[dict[str, Any]] = api.request("GET", path)["items"]
    return found


def test_addresses_are_shown_by_our_ingresses_only(api: ApiServer, namespace: str) -> None:
    ours, theirs = ingress(namespace, "ours"), ingress(namespace, "theirs")
    theirs["spec"]["ingressClassName"] = "other"
    api.create(ours, theirs, service(namespace))
    path = f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses/theirs/status"
    held = {"status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.7"}]}}}
    api.request("PATCH", path, held, "application/merge-patch+json")

    async def body() -> None:
        settings = {"ingress_addresses": ("192.0.2.1", "gate.test")}
        async with working(Agent(api, namespace, **settings)) as agent:
            shown = [{"ip": "192.0.2.1"}, {"hostname": "gate.test"}]
            await until(api, ours, shown)
            written = agent.written
            api.apply(ingress(namespace, "ours", "other.test"))
            later = ingress(namespace, "later")
            api.create(later)
            await until(api, later, shown)
            assert agent.written == written + 1
            assert addresses(api, theirs) == [{"ip": "198.51.100.7"}]
            away = ingress(namespace, "ours")
            away["spec"]["ingressClassName"] = "other"
            api.apply(away)
            await until(api, ours, [])

    run(body())


def test_problems_become_events_once(api: ApiServer, namespace: str) -> None:
    broken = ingress(namespace, "broken", compression="perhaps")
    api.create(broken)

    async def body() -> None:
        for _ in range(2):
            async with working(Agent(api, namespace)):
                async with asyncio.timeout(LIMIT_S):
                    while len(events(api, namespace)) < 2:
                        await asyncio.sleep(0.05)
                await until(api, broken, [{"ip": "192.0.2.9"}])
        told = {event["reason"]: event for event in events(api, namespace)}
        assert set(told) == {"ServiceNotFound", "InvalidAnnotation"}
        assert len(events(api, namespace)) == 2
        about = told["InvalidAnnotation"]
        assert about["regarding"]["uid"] == api.get(broken)["metadata"]["uid"]
        assert "write true or false" in about["note"]
        api.create(service(namespace))

    run(body())


def test_one_of_two_writes_and_the_other_takes_over(api: ApiServer, namespace: str) -> None:
    first = ingress(namespace, "first")
    api.create(first)

    async def body() -> None:
        one = Agent(api, f"{namespace}-one", ingress_addresses=("192.0.2.1",))
        two = Agent(api, f"{namespace}-two", ingress_addresses=("192.0.2.2",))
        async with contextlib.AsyncExitStack() as stack:
            async with working(one):
                await until(api, first, [{"ip": "192.0.2.1"}])
                await stack.enter_async_context(working(two))
                second = ingress(namespace, "second")
                api.create(second)
                await until(api, second, [{"ip": "192.0.2.1"}])
                assert two.written == 0
            # The first has given the Lease back, so the second need not wait.
            await until(api, first, [{"ip": "192.0.2.2"}])

    run(body())


def test_a_lease_is_taken_when_its_holder_is_gone(api: ApiServer, namespace: str) -> None:
    async def body() -> None:
        order: list[str] = []

        async def lead(name: str, kubeconfig: object) -> None:
            async def work() -> None:
                order.append(name)
                try:
                    await asyncio.Event().wait()
                finally:
                    order.append(f"{name} stopped")

            access = Access(str(kubeconfig))
            await access.connect()
            try:
                await Lease(access, namespace, "lg", name, 1.0).lead(work)
            finally:
                await access.close()

        async with Unreliable(api) as between:
            first = asyncio.create_task(lead("one", between.kubeconfig))
            await wait(lambda: order == ["one"])
            second = asyncio.create_task(lead("two", api.kubeconfig))
            await asyncio.sleep(1.5)
            assert order == ["one"]
        # Cut off, the first stops by itself, and before the second begins.
        await wait(lambda: len(order) == 3)
        assert order == ["one", "one stopped", "two"]
        for task in (first, second):
            task.cancel()
        await asyncio.gather(first, second, return_exceptions=True)

    run(body())


async def wait(condition: Any) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not condition():
            await asyncio.sleep(0.02)
