"""Secrets copied by the operator, and an agent that may read nothing but the copies."""

from __future__ import annotations

from typing import Any
from urllib.error import HTTPError

import pytest

from lockgate.model.meta import ObjectRef
from lockgate.model.service import Secret
from lockgate.sources.kube.access import ApiServer as Access
from lockgate.sources.kube.secret_copies import COPY_OF, copy_name
from lockgate.sources.kube.source import KubernetesSource
from tests.kube.apiserver import ApiServer
from tests.kube.following import Following, following_source, run
from tests.kube.objects import ingress, secret
from tests.kube.operating import operating, settings, until

COPIES = "lg-copies"


@pytest.fixture(scope="module", autouse=True)
def copies_namespace(api: ApiServer) -> None:
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": COPIES}})


def copies(api: ApiServer, namespace: str) -> list[str]:
    """Return of which Secrets of a namespace there are copies."""
    found = api.request("GET", f"/api/v1/namespaces/{COPIES}/secrets")["items"]
    names = (row["metadata"].get("annotations", {}).get(COPY_OF, "") for row in found)
    return sorted(name for name in names if name.startswith(f"{namespace}/"))


def copy(api: ApiServer, namespace: str, name: str) -> dict[str, Any]:
    path = f"/api/v1/namespaces/{COPIES}/secrets/{copy_name((namespace, name))}"
    found: dict[str, Any] = api.request("GET", path)
    return found


def reader(api: ApiServer, name: str) -> Any:
    """Return a kubeconfig that may read everything but Secrets, and those of the copies."""
    kinds: dict[str, list[str]] = {
        "": ["namespaces", "nodes", "pods", "services"],
        "discovery.k8s.io": ["endpointslices"],
        "networking.k8s.io": ["ingresses", "ingressclasses", "networkpolicies"],
        "lockgate.io": ["*"],
    }
    rules = [
        {"apiGroups": [group], "resources": names, "verbs": ["list", "watch"]}
        for group, names in kinds.items()
    ]
    secrets = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "watch"]}]
    version, group = "rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io"
    subject = {"kind": "User", "name": name, "apiGroup": group}
    inside = {"name": name, "namespace": COPIES}
    cluster_role = {"kind": "ClusterRole", "name": name, "apiGroup": group}
    role = {"kind": "Role", "name": name, "apiGroup": group}
    metadata = {"name": name}
    api.create(
        {"apiVersion": version, "kind": "ClusterRole", "metadata": metadata, "rules": rules},
        {"apiVersion": version, "kind": "ClusterRoleBinding", "metadata": metadata,
         "subjects": [subject], "roleRef": cluster_role},
        {"apiVersion": version, "kind": "Role", "metadata": inside, "rules": secrets},
        {"apiVersion": version, "kind": "RoleBinding", "metadata": inside,
         "subjects": [subject], "roleRef": role},
    )  # fmt: skip
    return api.kubeconfig_for(name)


def with_tls(document: dict[str, Any], name: str) -> dict[str, Any]:
    tls = [{"hosts": ["shop.test"], "secretName": name}]
    return {**document, "spec": {**document["spec"], "tls": tls}}


def test_copies_follow_what_is_referred_to(api: ApiServer, namespace: str) -> None:
    users = ingress(namespace, "users", basic_auth_secret="users")
    theirs = with_tls(ingress(namespace, "theirs"), "theirs")
    theirs["spec"]["ingressClassName"] = "other"
    api.create(
        secret(namespace, "users", auth="a"),
        secret(namespace, "theirs", key="a"),
        secret(namespace, "unused", key="a"),
        users,
        theirs,
    )
    told = settings(api, namespace, ingress_secrets_namespace=COPIES)

    async def body() -> None:
        async with operating(told):
            await until(lambda: copies(api, namespace), [f"{namespace}/users"])
            assert copy(api, namespace, "users")["data"] == {"auth": "YQ=="}
            api.apply(secret(namespace, "users", auth="b"))
            await until(lambda: copy(api, namespace, "users")["data"], {"auth": "Yg=="})
            # A copy that somebody removes or changes comes back.
            path = f"/api/v1/namespaces/{COPIES}/secrets/{copy_name((namespace, 'users'))}"
            api.request("DELETE", path)
            await until(lambda: copies(api, namespace), [f"{namespace}/users"])
            api.apply(ingress(namespace, "users", basic_auth_secret="later"))
            await until(lambda: copies(api, namespace), [])
            api.create(secret(namespace, "later", auth="c"))
            await until(lambda: copies(api, namespace), [f"{namespace}/later"])
        api.delete(ingress(namespace, "users"))
        api.create(ingress(namespace, "again", basic_auth_secret="users"))
        # What nothing refers to any more goes when an operator is back.
        async with operating(told):
            await until(lambda: copies(api, namespace), [f"{namespace}/users"])
        api.delete(ingress(namespace, "again"))
        async with operating(told):
            await until(lambda: copies(api, namespace), [])

    run(body())


def test_a_type_that_changed_is_copied_too(api: ApiServer, namespace: str) -> None:
    api.create(
        secret(namespace, "users", auth="a"), ingress(namespace, "a", basic_auth_secret="users")
    )

    async def body() -> None:
        async with operating(settings(api, namespace, ingress_secrets_namespace=COPIES)):
            await until(lambda: copies(api, namespace), [f"{namespace}/users"])
            api.delete(secret(namespace, "users"))
            api.create({**secret(namespace, "users", auth="b"), "type": "example.com/users"})
            await until(lambda: of_type(api, namespace), ("example.com/users", {"auth": "Yg=="}))

    run(body())


def of_type(api: ApiServer, namespace: str) -> tuple[str, dict[str, str]] | None:
    try:
        found = copy(api, namespace, "users")
    except HTTPError:
        return None
    return found["type"], found["data"]


def test_an_agent_reads_the_copies_as_if_they_were_the_secrets(
    api: ApiServer, namespace: str
) -> None:
    kubeconfig = reader(api, f"{namespace}-agent")
    api.create(
        secret(namespace, "users", auth="a"),
        secret(namespace, "unused", auth="a"),
        secret(COPIES, f"{namespace}-mere", auth="a"),
        ingress(namespace, "a", basic_auth_secret="users"),
    )
    forged = secret(COPIES, f"{namespace}-forged", auth="forged")
    forged["metadata"]["annotations"] = {COPY_OF: f"{namespace}/unused"}
    api.create(forged)

    async def body() -> None:
        source = KubernetesSource(Access(str(kubeconfig)), secrets_namespace=COPIES)
        async with following_source(source) as seen:
            assert not seen.source.faults
            async with operating(settings(api, namespace, ingress_secrets_namespace=COPIES)):
                await seen.until(lambda: value(seen, namespace) == b"a")
                api.apply(secret(namespace, "users", auth="b"))
                await seen.until(lambda: value(seen, namespace) == b"b")
                assert seen.names("Secret", namespace) == {"users"}
                assert not seen.names("Secret", COPIES)
                api.delete(secret(namespace, "users"))
                await seen.until(lambda: not seen.names("Secret", namespace))

    run(body())


def value(seen: Following, namespace: str) -> bytes | None:
    row = seen.rows.get(ObjectRef("Secret", namespace, "users"))
    assert row is None or isinstance(row, Secret)
    return None if row is None else row.value("auth")
