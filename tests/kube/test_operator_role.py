"""The permissions that the documentation names are enough for everything the operator does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kube.apiserver import ApiServer
from tests.kube.following import run
from tests.kube.objects import cidrs, ingress, load_balancer, node, pool, secret
from tests.kube.operating import metric, operating, settings, until

DOCUMENT = Path(__file__).parents[2] / "docs" / "operator.md"
GROUP = "rbac.authorization.k8s.io"
pytestmark = pytest.mark.usefixtures("no_nodes")


def roles() -> list[dict[str, Any]]:
    """Return the roles as the documentation has them."""
    blocks = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    documents = [one for block in blocks for one in yaml.safe_load_all(block)]
    return [one for one in documents if one["kind"] in ("ClusterRole", "Role")]


def grant(api: ApiServer, user: str, namespace: str) -> None:
    """Give a user the roles; both namespaced ones in one namespace."""
    subject = {"kind": "User", "name": user, "apiGroup": GROUP}
    for role in roles():
        metadata = {"name": f"{namespace}-{role['metadata']['name']}"}
        if role["kind"] == "Role":
            metadata["namespace"] = namespace
        reference = {"kind": role["kind"], "name": metadata["name"], "apiGroup": GROUP}
        binding = {
            "apiVersion": role["apiVersion"], "kind": f"{role['kind']}Binding",
            "metadata": metadata, "subjects": [subject], "roleRef": reference,
        }  # fmt: skip
        api.create({**role, "metadata": metadata}, binding)


def endpoint(namespace: str, name: str) -> dict[str, Any]:
    policy = {"ingressEnforced": False, "egressEnforced": False, "audit": False}
    return {
        "apiVersion": "lockgate.io/v1", "kind": "LockgateEndpoint",
        "metadata": {"name": name, "namespace": namespace},
        "status": {
            "node": "n", "identity": namespace, "labels": {"app": "a"}, "addresses": [],
            "policy": policy,
        },
    }  # fmt: skip


def left(api: ApiServer, namespace: str) -> list[str]:
    path = f"/apis/lockgate.io/v1/namespaces/{namespace}/lockgateendpoints"
    return [row["metadata"]["name"] for row in api.request("GET", path)["items"]]


def test_the_roles_are_enough(api: ApiServer, namespace: str) -> None:
    user = f"{namespace}-operator"
    grant(api, user, namespace)
    told = settings(
        api, namespace, kubeconfig=str(api.kubeconfig_for(user)), address_pools=True,
        pod_cidr_pools=("10.66.0.0/24:25",), ingress_secrets_namespace=namespace,
        publish_endpoints=True, identity_grace_s=0.1, compat_cilium=True,
    )  # fmt: skip
    balancer = load_balancer(namespace, "lb")
    first, second, third = (f"{namespace}-{letter}" for letter in "abc")

    async def body() -> None:
        async with operating(told) as operator:
            api.create(node(first), node(second), node(third), balancer)
            await until(lambda: sorted(cidrs(api, one) for one in (first, second, third)),
                        [[], ["10.66.0.0/25"], ["10.66.0.128/25"]])  # fmt: skip
            api.apply(pool(namespace, "p", "192.0.2.128/28"))
            await until(lambda: api.get(balancer)["status"]["loadBalancer"].get("ingress"),
                        [{"ip": "192.0.2.128", "ipMode": "VIP"}])  # fmt: skip
            valid = pool(namespace, "p")
            await until(lambda: "conditions" in api.get(valid).get("status", {}), expected=True)
            api.create(secret(namespace, "users", auth="a"))
            api.create(ingress(namespace, "i", basic_auth_secret="users"))
            await until(lambda: len(secrets(api, namespace)), 2)
            api.delete(ingress(namespace, "i"))
            await until(lambda: secrets(api, namespace), ["users"])
            api.create(endpoint(namespace, "gone"))
            await until(lambda: left(api, namespace), [])
            for name in ("lockgate_operator_write_faults_total", "lockgate_operator_watch_faults"):
                assert await metric(operator, name) == 0
        # These would concern the operators of other tests.
        api.request("DELETE", f"/apis/lockgate.io/v1/lockgateaddresspools/{namespace}-p")
        api.delete(balancer)

    run(body())
    found = api.request("GET", "/apis/events.k8s.io/v1/namespaces/default/events")["items"]
    assert {first, second, third} & {row["regarding"]["name"] for row in found}


def secrets(api: ApiServer, namespace: str) -> list[str]:
    rows = api.request("GET", f"/api/v1/namespaces/{namespace}/secrets")["items"]
    return sorted(row["metadata"]["name"] for row in rows)
