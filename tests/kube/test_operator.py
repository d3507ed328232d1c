"""The operator against a real API server: who leads, what is installed, how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from lockgate.sources.crd import KINDS, NUMBER, SCHEMA_VERSION, definition
from tests.kube.apiserver import ApiServer, free_port
from tests.kube.following import LIMIT_S, run
from tests.kube.objects import cidrs, node
from tests.kube.operating import ask, metric, operating, settings, until, until_leading
from tests.kube.unreliable import Unreliable

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


pytestmark = pytest.mark.usefixtures("no_nodes")


def lease(api: ApiServer, namespace: str) -> dict[str, Any]:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/lockgate-operator"
    found: dict[str, Any] = api.request("GET", path)["spec"]
    return found


def test_our_kinds_are_installed_and_brought_up_to_date(api: ApiServer, namespace: str) -> None:
    old = definition(KINDS[-1])
    old["metadata"]["annotations"] = {SCHEMA_VERSION: str(NUMBER - 1)}
    old["spec"]["names"]["shortNames"] = []
    newer = definition(KINDS[0])
    newer["metadata"]["annotations"] = {SCHEMA_VERSION: str(NUMBER + 1)}
    newer["spec"]["names"]["categories"] = ["later"]
    api.apply(old)
    api.apply(newer)

    async def body() -> None:
        async with operating(settings(api, namespace)) as operator:
            await until_leading(operator)

    run(body())
    for kind in KINDS[1:]:
        found = api.request("GET", f"{DEFINITIONS}/{kind.plural}.lockgate.io")
        assert found["metadata"]["annotations"][SCHEMA_VERSION] == str(NUMBER)
        assert found["spec"]["names"]["shortNames"] == [kind.short]
    kept = api.request("GET", f"{DEFINITIONS}/{KINDS[0].plural}.lockgate.io")
    assert kept["spec"]["names"]["categories"] == ["later"]
    api.apply(definition(KINDS[0]))


def test_one_of_two_leads_and_the_other_takes_over_where_it_was(
    api: ApiServer, namespace: str
) -> None:
    pools = {"pod_cidr_pools": ("10.61.0.0/16:24", "fd61::/48:64")}
    first, second, third = (f"{namespace}-{name}" for name in ("a", "b", "c"))
    api.create(node(first))

    async def body() -> None:
        async with Unreliable(api) as between:
            one = settings(api, namespace, instance="one", **pools)
            one = one.model_copy(update={"kubeconfig": str(between.kubeconfig)})
            two = settings(api, namespace, instance="two", **pools)
            async with operating(one) as leader:
                await until(lambda: cidrs(api, first), ["10.61.0.0/24", "fd61::/64"])
                async with operating(two) as other:
                    assert await ask(other, "/readyz") == (200, "ok\n")
                    api.create(node(second))
                    await until(lambda: cidrs(api, second), ["10.61.1.0/24", "fd61:0:0:1::/64"])
                    assert await metric(other, "lockgate_operator_leads") == 0
                    assert lease(api, namespace)["holderIdentity"] == "one"
                    await between.__aexit__(None, None, None)  # cut off, it cannot give it back
                    await until_leading(other)
                    assert lease(api, namespace)["holderIdentity"] == "two"
                    api.create(node(third))
                    await until(lambda: cidrs(api, third), ["10.61.2.0/24", "fd61:0:0:2::/64"])
                    assert await metric(leader, "lockgate_operator_leads") == 0

    run(body())


def test_work_goes_on_when_the_api_server_is_back(api: ApiServer, namespace: str) -> None:
    first, second = f"{namespace}-a", f"{namespace}-b"
    api.create(node(first))

    async def body() -> None:
        told = settings(api, namespace, pod_cidr_pools=("10.62.0.0/16:24",))
        async with operating(told) as operator:
            await until(lambda: cidrs(api, first), ["10.62.0.0/24"])
            await asyncio.to_thread(api.stop)
            async with asyncio.timeout(LIMIT_S):
                while await metric(operator, "lockgate_operator_leads"):
                    await asyncio.sleep(0.1)
            assert (await ask(operator, "/healthz"))[0] == 200
            await asyncio.to_thread(api.start)
            api.create(node(second))
            await until(lambda: cidrs(api, second), ["10.62.1.0/24"])
            assert cidrs(api, first) == ["10.62.0.0/24"]

    run(body())


def test_the_command_ends_on_sigterm_and_gives_the_lease_back(
    api: ApiServer, namespace: str
) -> None:
    port = free_port()
    command = [
        str(Path(sys.executable).with_name("lockgate")), "operator", "run", "--leader-elect",
        "--namespace", namespace, "--port", str(port), "--pod-cidr-pool", "10.63.0.0/16:24",
    ]  # fmt: skip
    environment = {**os.environ, "LOCKGATE_KUBECONFIG": str(api.kubeconfig)}
    api.create(node(f"{namespace}-a"))

    async def body() -> None:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stderr=asyncio.subprocess.PIPE
        )
        try:
            await until(lambda: cidrs(api, f"{namespace}-a"), ["10.63.0.0/24"])
            assert lease(api, namespace)["holderIdentity"]
            process.send_signal(signal.SIGTERM)
            _, log = await asyncio.wait_for(process.communicate(), LIMIT_S)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, log.decode()
        assert not lease(api, namespace).get("holderIdentity")

    run(body())
