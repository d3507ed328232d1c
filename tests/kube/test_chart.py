"""The chart, by the real Helm and the real API server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
import yaml

from lockgate.chart_values import text
from lockgate.sources.kube.kinds import KINDS
from tests.kube.apiserver import ApiServer, collection
from tests.tools.build import built

ROOT = Path(__file__).parent.parent.parent
CHART = ROOT / "charts" / "lockgate"
NAMESPACE = "lg-chart"
LOCKGATE = Path(sys.executable).with_name("lockgate")
VARIANTS: dict[str, list[str]] = {
    "as it is": [],
    "no operator, no plugin": ["operator.enabled=false", "cni.install=false"],
    "everything": [
        "operator.settings.pod_cidr_pools={10.244.0.0/16:24}",
        f"settings.ingress_secrets_namespace={NAMESPACE}",
        "settings.publish_endpoints=true",
        "settings.compat_cilium=true",
        "settings.masquerade=false",
        "settings.cluster_cidrs={10.244.0.0/16}",
        "cni.exclusive=false",
        "ingressClass.default=true",
        "agent.podAnnotations.a=b",
        "image.pullSecrets[0].name=x",
    ],
}


def helm(*words: str) -> str:
    done = subprocess.run([built("helm"), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rendered(settings: list[str]) -> list[dict[str, Any]]:
    words = [word for one in settings for word in ("--set", one)]
    made = helm("template", "lockgate", str(CHART), "-n", NAMESPACE, "--kube-version=1.37", *words)
    return [document for document in yaml.safe_load_all(made) if document]


@pytest.fixture(scope="module")
def space(api: ApiServer) -> Iterator[ApiServer]:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    api.create(namespace)
    yield api
    api.delete(namespace)


def lockgate(api: ApiServer, *words: str) -> subprocess.CompletedProcess[str]:
    command = [LOCKGATE, *words, "--kubeconfig", str(api.kubeconfig), "--namespace", NAMESPACE]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_schema_is_that_of_the_models() -> None:
    assert (CHART / "values.schema.json").read_text() == text(), "run `make crds`"


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_server_takes_every_object(space: ApiServer, variant: str) -> None:
    words = [word for one in VARIANTS[variant] for word in ("--set", one)]
    helm("lint", "--strict", str(CHART), *words)
    for document in rendered(VARIANTS[variant]):
        path = f"{collection(document)}/{document['metadata']['name']}"
        space.request(
            "PATCH",
            f"{path}?fieldManager=lg&force=true&dryRun=All&fieldValidation=Strict",
            document,
            "application/apply-patch+yaml",
        )


def test_a_wrong_setting_is_named() -> None:
    words = [
        "template",
        "lockgate",
        str(CHART),
        "--kube-version=1.37",
        "--set",
        "settings.htp_port=1",
    ]
    done = subprocess.run([built("helm"), *words], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "htp_port" in done.stderr


def test_the_agent_may_do_what_it_does_and_no_more() -> None:
    """Its role lists and watches the kinds that are read, those of the cluster's settings too."""
    [role] = [
        row for row in rendered([])
        if row["kind"] == "ClusterRole" and row["metadata"]["name"] == "lockgate-agent"
    ]  # fmt: skip
    watched = {
        (group, resource)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        if set(rule["verbs"]) == {"list", "watch"}
    }
    wanted = {(kind.version.rpartition("/")[0], kind.plural) for kind in KINDS}
    assert watched == wanted
    rest = [rule for rule in role["rules"] if set(rule["verbs"]) != {"list", "watch"}]
    assert rest == [
        {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses/status"], "verbs": ["get", "patch"]},
        {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]},
    ]  # fmt: skip


def test_it_is_installed_upgraded_and_removed(space: ApiServer) -> None:
    binary = str(built("helm"))
    missing = lockgate(space, "install", "--no-wait", "--helm", "/nowhere/helm")
    assert missing.returncode == 3
    assert "get it from" in missing.stderr
    dry = lockgate(space, "install", "--dry-run", "--helm", binary)
    assert "kind: DaemonSet" in dry.stdout, dry.stderr
    agent = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "lockgate-agent", "namespace": NAMESPACE},
    }
    with pytest.raises(HTTPError):
        space.get(agent)

    done = lockgate(
        space, "install", "--no-wait", "--helm", binary, "--set", "settings.http_port=8081"
    )
    assert done.returncode == 0, done.stderr
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "lockgate-agent", "namespace": NAMESPACE},
    }
    assert space.get(settings)["data"]["LOCKGATE_HTTP_PORT"] == "8081"
    status = lockgate(space, "status", "--cluster")
    # Nobody here runs pods, so the operator's are missing.
    assert status.returncode == 1
    assert "0 of 2 ready" in status.stdout

    done = lockgate(
        space, "upgrade", "--no-wait", "--helm", binary, "--set", "settings.https_port=8444"
    )
    assert done.returncode == 0, done.stderr
    data = space.get(settings)["data"]
    assert (data["LOCKGATE_HTTP_PORT"], data["LOCKGATE_HTTPS_PORT"]) == ("8081", "8444")

    done = lockgate(space, "uninstall", "--helm", binary)
    assert done.returncode == 0, done.stderr
    with pytest.raises(HTTPError):
        space.get(agent)
    kinds = space.request("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
    assert any(row["metadata"]["name"].endswith(".lockgate.io") for row in kinds["items"])
