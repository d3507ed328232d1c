"""Addresses of load balancers of a real API server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from controllers.load_balanced import ADDRESSES, CONDITION, SHARING_KEY
from tests.kube.apiserver import ApiServer
from tests.kube.following import LIMIT_S, run
from tests.kube.objects import load_balancer, pool, service
from tests.kube.operating import metric, operating, settings, until, until_leading


@pytest.fixture(autouse=True)
def none_left(api: ApiServer, namespace: str) -> Iterator[None]:
    """Remove pools and Services when a test has ended."""
    yield
    api.request("DELETE", f"/api/v1/namespaces/{namespace}/services")
    api.request("DELETE", "/apis/lockgate.io/v1/lockgateaddresspools")


def shown(api: ApiServer, document: dict[str, Any]) -> list[str]:
    """Return the addresses in a Service's status."""
    balancer = api.get(document)["status"].get("loadBalancer", {})
    return [row["ip"] for row in balancer.get("ingress", [])]


def reason(api: ApiServer, document: dict[str, Any]) -> str:
    """Return the reason in our condition, or nothing."""
    rows = api.get(document)["status"].get("conditions", [])
    return next((row["reason"] for row in rows if row["type"] == CONDITION), "")


def noted(document: dict[str, Any], **notes: str) -> dict[str, Any]:
    names = {"ips": ADDRESSES, "key": SHARING_KEY}
    said = {names[key]: text for key, text in notes.items()}
    metadata = {**document["metadata"], "annotations": said}
    return {**document, "metadata": metadata}


def test_services_get_addresses_keep_them_over_a_restart_and_give_them_back(
    api: ApiServer, namespace: str
) -> None:
    first, second, third = (load_balancer(namespace, name) for name in ("a", "b", "c"))
    told = settings(api, namespace, address_pools=True)

    async def body() -> None:
        async with operating(told) as operator:
            await until_leading(operator)
            api.create(first)
            await until(lambda: reason(api, first), "NoAddressPool")
            api.create(pool(namespace, "p", "192.0.2.4/31"), second, third)
            await until(lambda: [shown(api, first)], [["192.0.2.4"]])
            await until(lambda: sorted(shown(api, one) for one in (second, third)),
                        [[], ["192.0.2.5"]])  # fmt: skip
            await until(lambda: sorted(reason(api, one) for one in (first, second, third)),
                        ["AddressPoolExhausted", "Assigned", "Assigned"])  # fmt: skip
            assert await metric(operator, "lockgate_operator_services_without_address") == 1
        before = {name: shown(api, one) for name, one in (("b", second), ("c", third))}
        api.create(pool(namespace, "a", "198.51.100.0/24"))
        async with operating(told):
            lacking, served = (second, third) if not before["b"] else (third, second)
            await until(lambda: shown(api, lacking), ["198.51.100.0"])
            assert [shown(api, first), shown(api, served)] == [["192.0.2.4"], ["192.0.2.5"]]
            plain = service(namespace, "a", type="ClusterIP")
            api.request(
                "PATCH", f"/api/v1/namespaces/{namespace}/services/a",
                {"spec": {"type": "ClusterIP", "loadBalancerClass": None}},
                "application/merge-patch+json",
            )  # fmt: skip
            await until(lambda: (shown(api, plain), reason(api, plain)), ([], ""))
            wanting = load_balancer(namespace, "d", loadBalancerIP="192.0.2.4")
            api.create(wanting)
            await until(lambda: shown(api, wanting), ["192.0.2.4"])

    run(body())


def test_what_is_asked_for_is_given_or_said_why_not(api: ApiServer, namespace: str) -> None:
    api.apply(pool(namespace, "p", "192.0.2.16/29"))
    named = noted(load_balancer(namespace, "named"), ips="192.0.2.18, 192.0.2.20")
    outside = noted(load_balancer(namespace, "outside"), ips="203.0.113.1")
    taken = noted(load_balancer(namespace, "taken"), ips="192.0.2.20")
    bad = noted(load_balancer(namespace, "bad"), ips="twenty")

    async def body() -> None:
        async with operating(settings(api, namespace, address_pools=True)):
            api.create(named)
            await until(lambda: shown(api, named), ["192.0.2.18", "192.0.2.20"])
            api.create(outside, taken, bad)
            await until(lambda: reason(api, outside), "AddressNotInPool")
            await until(lambda: reason(api, taken), "AddressInUse")
            await until(lambda: reason(api, bad), "InvalidAddress")
            path = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
            await until(
                lambda: {row["reason"] for row in api.request("GET", path)["items"]},
                {"AddressNotInPool", "AddressInUse", "InvalidAddress"},
            )
            api.delete(named)
            await until(lambda: shown(api, taken), ["192.0.2.20"])
            assert reason(api, taken) == "Assigned"

    run(body())


def test_services_of_one_sharing_key_share_where_their_ports_differ(
    api: ApiServer, namespace: str
) -> None:
    api.apply(pool(namespace, "p", "192.0.2.32/28"))
    http = noted(load_balancer(namespace, "http", 80), key="shop")
    https = noted(load_balancer(namespace, "https", 443), key="shop")
    alone = load_balancer(namespace, "alone", 8080)
    again = noted(load_balancer(namespace, "again", 80), key="shop")

    async def body() -> None:
        async with operating(settings(api, namespace, address_pools=True)):
            for document in (http, https, alone, again):
                api.create(document)
                await until(lambda document=document: reason(api, document), "Assigned")
            assert shown(api, http) == shown(api, https)
            assert len({*shown(api, http), *shown(api, alone), *shown(api, again)}) == 3

    run(body())


def test_what_others_gave_is_left_alone(api: ApiServer, namespace: str) -> None:
    api.apply(pool(namespace, "p", "192.0.2.48/28"))
    theirs = load_balancer(namespace, "theirs", loadBalancerClass="example.com/other")
    cloud = load_balancer(namespace, "cloud", loadBalancerClass=None)
    free = load_balancer(namespace, "free", loadBalancerClass=None)
    api.create(theirs, cloud, free)
    held = {"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.9"}]}}}
    path = f"/api/v1/namespaces/{namespace}/services/cloud/status"
    api.request("PATCH", path, held, "application/merge-patch+json")

    async def body() -> None:
        told = settings(api, namespace, address_pools=True, load_balancer_default=True)
        async with operating(told):
            await until(lambda: shown(api, free), ["192.0.2.48"])
        assert shown(api, cloud) == ["203.0.113.9"]
        assert (shown(api, theirs), reason(api, theirs)) == ([], "")

    run(body())


def test_addresses_stay_while_the_kind_of_the_pools_is_gone(api: ApiServer, namespace: str) -> None:
    api.apply(pool(namespace, "p", "192.0.2.64/28"))
    served = load_balancer(namespace, "served")
    api.create(served)
    told = settings(api, namespace, address_pools=True, install_crds=False)

    async def body() -> None:
        async with operating(told):
            await until(lambda: shown(api, served), ["192.0.2.64"])
        name = "lockgateaddresspools.lockgate.io"
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
        api.request("DELETE", path)
        async with operating(told) as operator:
            await until_leading(operator)
            later = load_balancer(namespace, "later", 81)
            api.create(later)
            async with asyncio.timeout(LIMIT_S):
                while not await metric(operator, "lockgate_operator_write_faults_total"):
                    await asyncio.sleep(0.05)
            assert shown(api, served) == ["192.0.2.64"]
            assert reason(api, served) == "Assigned"
        async with operating(settings(api, namespace, address_pools=True)) as operator:
            await until_leading(operator)
            api.apply(pool(namespace, "p", "192.0.2.64/28"))
            both = [["192.0.2.64"], ["192.0.2.65"]]
            await until(lambda: sorted(shown(api, one) for one in (served, later)), both)

    run(body())
