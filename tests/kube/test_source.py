"""Objects of a real API server, and its failures: nothing that exists is ever withdrawn."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lockgate.model.ingress import Ingress
from lockgate.model.meta import ObjectRef
from lockgate.model.workload import Pod
from lockgate.sources.crd import KINDS, definition
from tests.kube.apiserver import ApiServer
from tests.kube.following import Following, following, run
from tests.kube.objects import endpoints, ingress, service
from tests.kube.unreliable import Unreliable


def test_objects_are_listed_and_followed(api: ApiServer, namespace: str) -> None:
    api.create(ingress(namespace, "old"), service(namespace), endpoints(namespace, "10.0.0.1", 80))

    async def body() -> None:
        async with following(api.kubeconfig) as seen:
            assert seen.names("Ingress", namespace) == {"old"}
            assert seen.names("Service", namespace) == {"web"}
            assert seen.names("EndpointSlice", namespace) == {"web-1"}
            api.create(ingress(namespace, "new", "a.test"))
            await seen.until(lambda: "new" in seen.names("Ingress", namespace))
            api.apply(ingress(namespace, "new", "b.test"))
            await seen.until(lambda: host_of(seen, namespace, "new") == "b.test")
            api.delete(ingress(namespace, "old"))
            await seen.until(lambda: seen.names("Ingress", namespace) == {"new"})
            assert seen.problems == {}

    run(body())


def host_of(seen: Following, namespace: str, name: str) -> str:
    row = seen.rows[ObjectRef("Ingress", namespace, name)]
    assert isinstance(row, Ingress)
    return row.rules[0].host


def test_pods_of_a_cluster_are_not_run_here(api: ApiServer, namespace: str) -> None:
    container = {
        "name": "a",
        "image": "a",
        "command": ["sleep", "1"],
        "ports": [{"name": "http", "containerPort": 80}],
    }
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "default", "namespace": namespace},
    }
    pod = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": namespace},
        "spec": {"containers": [container], "priority": 0},
    }  # fmt: skip
    api.create(account, pod)
    status = {"status": {"podIP": "10.0.0.9", "phase": "Running"}}
    api.request(
        "PATCH",
        f"/api/v1/namespaces/{namespace}/pods/p/status",
        status,
        "application/merge-patch+json",
    )

    async def body() -> None:
        async with following(api.kubeconfig) as seen:
            row = seen.rows[ObjectRef("Pod", namespace, "p")]
            assert isinstance(row, Pod)
            assert not row.runs_here
            assert (row.address, row.named_ports()) == ("10.0.0.9", {"http": (80, "TCP")})

    run(body())


def test_an_object_that_is_refused_keeps_its_last_good_version(
    api: ApiServer, namespace: str
) -> None:
    install(api)
    api.apply(policy(namespace, "80"))

    async def body() -> None:
        async with following(api.kubeconfig) as seen:
            ref = ObjectRef("LockgateNetworkPolicy", namespace, "p")
            before = seen.rows[ref]
            api.apply(policy(namespace, "http-and-more-than-fifteen"))
            await seen.until(lambda: bool(seen.problems.get(str(ref))))
            assert seen.rows[ref] == before
            [problem] = seen.problems[str(ref)]
            assert problem.ref == ref
            api.apply(policy(namespace, "81"))
            await seen.until(lambda: seen.problems[str(ref)] == ())
            assert seen.rows[ref] != before

    run(body())


def policy(namespace: str, port: str) -> dict[str, Any]:
    rule = {"toPorts": [{"ports": [{"port": port, "protocol": "TCP"}]}]}
    return {
        "apiVersion": "lockgate.io/v1",
        "kind": "LockgateNetworkPolicy",
        "metadata": {"name": "p", "namespace": namespace},
        "spec": {"endpointSelector": {}, "ingress": [rule]},
    }


def install(api: ApiServer) -> None:
    """Install our kinds, and wait until they are served."""
    made = [definition(kind) for kind in KINDS]
    for document in made:
        api.apply(document)
    for name in (one["metadata"]["name"] for one in made):
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
        for _ in range(300):
            conditions = api.request("GET", path).get("status", {}).get("conditions", [])
            if any((one["type"], one["status"]) == ("Established", "True") for one in conditions):
                break
        else:
            pytest.fail(f"{name} was not established")


def test_a_server_that_is_away_withdraws_nothing(api: ApiServer, namespace: str) -> None:
    api.create(ingress(namespace, "stays"), ingress(namespace, "goes"))

    async def body() -> None:
        async with following(api.kubeconfig) as seen:
            api.stop()
            await seen.until(lambda: bool(seen.source.faults))
            assert seen.names("Ingress", namespace) == {"stays", "goes"}
            await asyncio.to_thread(api.start)
            api.delete(ingress(namespace, "goes"))
            api.create(ingress(namespace, "comes"))
            await seen.until(lambda: seen.names("Ingress", namespace) == {"stays", "comes"})
            assert ObjectRef("Ingress", namespace, "stays") not in seen.deleted
            await seen.until(lambda: not seen.source.faults)

    run(body())


@pytest.mark.parametrize("fault", ["429", "500", "410", "cut", "half a line"])
def test_faults_of_a_watch_are_got_over(api: ApiServer, namespace: str, fault: str) -> None:
    api.create(ingress(namespace, "stays"))

    async def body() -> None:
        async with Unreliable(api) as between, following(between.kubeconfig) as seen:
            between.break_watches(fault)
            api.create(ingress(namespace, "comes"))
            await seen.until(lambda: between.broken >= 2)
            between.heal()
            await seen.until(lambda: seen.names("Ingress", namespace) == {"stays", "comes"})
            assert seen.deleted == []

    run(body())


def test_what_may_no_longer_be_read_is_kept(api: ApiServer, namespace: str) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{namespace}-reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "User", "name": "lg-reader", "apiGroup": "rbac.authorization.k8s.io"}],
    }  # fmt: skip
    api.create(role, ingress(namespace, "stays"))

    async def body() -> None:
        config = api.kubeconfig_for("lg-reader")
        async with Unreliable(api, config) as between, following(between.kubeconfig) as seen:
            api.delete(role)
            between.break_watches("cut")
            await seen.until(lambda: between.broken >= 1)
            between.heal()
            await seen.until(lambda: any("403" in fault for fault in seen.source.faults))
            assert seen.names("Ingress", namespace) == {"stays"}
            api.create(role)
            api.create(ingress(namespace, "comes"))
            await seen.until(lambda: seen.names("Ingress", namespace) == {"stays", "comes"})

    run(body())
