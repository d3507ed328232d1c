"""Pod CIDRs of the nodes of a real API server: adopted, given, used up, given again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kube.apiserver import ApiServer
from tests.kube.following import run
from tests.kube.objects import cidrs, node
from tests.kube.operating import metric, operating, settings, until, until_leading

pytestmark = pytest.mark.usefixtures("no_nodes")


def reasons(api: ApiServer, name: str) -> list[str]:
    found = api.request("GET", "/apis/events.k8s.io/v1/namespaces/default/events")["items"]
    about: Any = [row for row in found if row["regarding"]["name"] == name]
    assert all(row["regarding"]["kind"] == "Node" for row in about)
    return sorted(row["reason"] for row in about)


def test_what_nodes_have_is_kept_and_what_is_free_is_given_until_nothing_is_left(
    api: ApiServer, namespace: str
) -> None:
    names = [f"{namespace}-{letter}" for letter in "abcdef"]
    old, alike, foreign, *new = names
    api.create(
        node(old, podCIDR="10.64.0.64/26", podCIDRs=["10.64.0.64/26"]),
        node(alike, podCIDR="10.64.0.64/26", podCIDRs=["10.64.0.64/26"]),
        node(foreign, podCIDR="10.99.0.0/24", podCIDRs=["10.99.0.0/24"]),
    )

    async def body() -> None:
        told = settings(api, namespace, pod_cidr_pools=("10.64.0.0/25:26", "10.64.1.0/26:26"))
        async with operating(told) as operator:
            await until_leading(operator)
            await until(lambda: [*reasons(api, old), *reasons(api, alike)], ["PodCIDRConflict"] * 2)
            for name in new:
                api.create(node(name))
            await until(lambda: sorted(cidrs(api, name) for name in new),
                        [[], ["10.64.0.0/26"], ["10.64.1.0/26"]])  # fmt: skip
            [lacking] = [name for name in new if not cidrs(api, name)]
            await until(lambda: reasons(api, lacking), ["PodCIDRsExhausted"])
            assert await metric(operator, "lockgate_operator_nodes_without_pod_cidrs") == 1
            assert await metric(operator, "lockgate_operator_nodes_in_conflict") == 2
            assert await metric(operator, "lockgate_operator_pod_cidrs") == 3
            api.delete(node(old))
            gone = next(name for name in new if name != lacking)
            [freed] = cidrs(api, gone)
            api.delete(node(gone))
            await until(lambda: cidrs(api, lacking), [freed])
            assert await metric(operator, "lockgate_operator_nodes_without_pod_cidrs") == 0
            assert await metric(operator, "lockgate_operator_nodes_in_conflict") == 0
        assert cidrs(api, alike) == ["10.64.0.64/26"]
        assert cidrs(api, foreign) == ["10.99.0.0/24"]

    run(body())


def test_a_node_that_registers_anew_under_its_name_gets_a_prefix_again(
    api: ApiServer, namespace: str
) -> None:
    name = f"{namespace}-a"

    async def body() -> None:
        told = settings(api, namespace, pod_cidr_pools=("fd65::/48:64",))
        async with operating(told):
            api.create(node(name))
            await until(lambda: cidrs(api, name), ["fd65::/64"])
            api.delete(node(name))
            api.create(node(name))
            await until(lambda: cidrs(api, name), ["fd65:0:0:1::/64"])

    run(body())
