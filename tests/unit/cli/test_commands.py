"""The command line against a real HTTP server on a Unix socket."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from lockgate.cli import main
from lockgate.cli.observe import flow_line, matches

ENDPOINT = {
    "endpoint": "shop/web", "id": 7, "identity": 256, "labels": {"app": "web"},
    "address": "10.77.0.2", "ingress_enforced": True, "egress_enforced": False,
    "state": "running", "restarts": 0,
}  # fmt: skip
PROBLEM = {
    "object": "Ingress shop/shop", "field": "spec.tls[0]", "reason": "SecretMissing",
    "message": "there is no Secret shop/shop-tls", "fix": "declare it", "origin": "shop.yaml",
}  # fmt: skip
FLOW: dict[str, Any] = {
    "time": 1.5, "type": "http", "verdict": "DROPPED", "reason": "policy", "source": "shop/web",
    "source_port": 4000, "source_identity": 256, "destination": "shop/catalogue",
    "destination_port": 80, "destination_identity": 257, "protocol": "TCP",
    "direction": "ingress",
    "http": {"method": "GET", "path": "/[admin]", "host": "catalogue", "status": 403},
}  # fmt: skip


def report(*, healthy: bool) -> dict[str, Any]:
    parts = [{"name": "envoy", "ok": healthy, "detail": "serving" if healthy else "not started"}]
    return {"healthy": healthy, "parts": parts, "problems": [PROBLEM], "addresses": {}}


@contextmanager
def agent(directory: Path, answers: dict[str, Any]) -> Iterator[str]:
    """Serve answers by target; lists of flows as JSON lines."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path in answers
            value = answers[self.path] if found else {"detail": f"there is no {self.path}"}
            lines = self.path.startswith("/v1/flows")
            body = b"".join(json.dumps(one).encode() + b"\n" for one in value) if lines else b""
            body = body or json.dumps(value).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self) -> str:
            return "unix"

        def log_message(self, *_: object) -> None:
            pass

    path = directory / "agent.sock"
    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield str(path)
        finally:
            server.shutdown()
            thread.join()


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words)


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("endpoint", "nonsense"),
        ("up", "/no/such/folder"),
        ("up", ".", "--http-port", "70000"),
        ("policy", "validate"),
        ("status", "--output", "xml"),
        ("identity", "get", "web"),
    ],
)
def test_wrong_usage_exits_with_2(words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2


def test_without_an_agent_it_says_so_and_exits_with_3(tmp_path: Path) -> None:
    result = run("status", "--socket", str(tmp_path / "agent.sock"))
    assert result.exit_code == 3
    assert "no agent answers" in result.stderr
    assert "lockgate up DIR" in result.stderr


def test_the_run_directory_names_the_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCKGATE_RUN_DIR", str(tmp_path))
    with agent(tmp_path, {"/v1/endpoints": [ENDPOINT]}):
        assert "shop/web" in run("endpoint", "list").stdout


@pytest.mark.parametrize(("healthy", "code"), [(True, 0), (False, 1)])
def test_status_exits_by_health_and_shows_problems(
    tmp_path: Path, healthy: bool, code: int
) -> None:
    with agent(tmp_path, {"/v1/status": report(healthy=healthy)}) as path:
        result = run("status", "--socket", path)
    assert result.exit_code == code
    assert "Ingress shop/shop (shop.yaml): spec.tls[0]: there is no Secret" in result.stdout


def test_status_wait_gives_up_with_1_when_time_is_up(tmp_path: Path) -> None:
    with agent(tmp_path, {"/v1/status": report(healthy=False)}) as path:
        assert run("status", "--wait", "--timeout", "0", "--socket", path).exit_code == 1


@pytest.mark.parametrize(("form", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_programs_get_exactly_what_the_agent_said(tmp_path: Path, form: str, load: Any) -> None:
    with agent(tmp_path, {"/v1/endpoints": [ENDPOINT]}) as path:
        result = run("endpoint", "list", "--output", form, "--socket", path)
    assert load(result.stdout) == [ENDPOINT]


def test_tables_are_plain_and_whole_without_a_terminal(tmp_path: Path) -> None:
    long = {**ENDPOINT, "endpoint": "shop/" + "w" * 200}
    with agent(tmp_path, {"/v1/endpoints": [long]}) as path:
        lines = run("endpoint", "list", "--socket", path).stdout.splitlines()
    assert lines[0].split()[:2] == ["ENDPOINT", "ID"]
    assert lines[1].split()[:4] == [long["endpoint"], "7", "256", "10.77.0.2"]


def test_an_unknown_endpoint_exits_with_1(tmp_path: Path) -> None:
    with agent(tmp_path, {}) as path:
        result = run("endpoint", "get", "shop/nobody", "--socket", path)
    assert result.exit_code == 1
    assert "there is no" in result.stderr


def test_endpoint_get_shows_its_policy(tmp_path: Path) -> None:
    entry = {"direction": "ingress", "peer": 256, "port": 80}
    with agent(tmp_path, {"/v1/endpoints/shop/web": {**ENDPOINT, "policy": [entry]}}) as path:
        result = run("endpoint", "get", "shop/web", "--socket", path)
    assert result.exit_code == 0
    assert "DIRECTION" in result.stdout


def test_envoy_clusters_list_their_hosts(tmp_path: Path) -> None:
    address = {"socket_address": {"address": "10.77.0.2", "port_value": 80}}
    hosts = [{"address": address, "health_status": {"eds_health_status": "HEALTHY"}}]
    answer = {"cluster_statuses": [{"name": "shop/web", "host_statuses": hosts}, {"name": "none"}]}
    with agent(tmp_path, {"/v1/envoy/clusters": answer}) as path:
        lines = run("envoy", "clusters", "--socket", path).stdout.splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["shop/web", "10.77.0.2:80", "HEALTHY"],
        ["none", "-", "-"],
    ]


def test_observe_counts_the_last_after_filtering(tmp_path: Path) -> None:
    forwarded = {**FLOW, "verdict": "FORWARDED"}
    answers = {"/v1/flows?last=4095": [FLOW, {**FLOW, "source_port": 1}, forwarded]}
    with agent(tmp_path, answers) as path:
        words = ("--verdict", "dropped", "--last", "1", "-o", "json", "--socket", path)
        result = run("observe", *words)
    assert [json.loads(line)["source_port"] for line in result.stdout.splitlines()] == [1]


def test_a_flow_is_matched_by_pod_namespace_port_and_kind() -> None:
    assert matches(FLOW, pod=("shop/web",), namespace=("shop",), port=(80,), kind="http")
    assert not matches(FLOW, pod=("shop/orders",))
    assert not matches(FLOW, namespace=("bank",))
    assert not matches(FLOW, port=(81,))
    assert not matches(FLOW, kind="l3_l4")


def test_a_path_in_brackets_is_not_taken_for_markup() -> None:
    assert "catalogue/\\[admin] 403" in flow_line(FLOW)


SHOP = str(Path(__file__).parents[3] / "examples" / "shop")


@pytest.mark.parametrize(
    ("source", "to", "words", "said"),
    [
        ("shop/web", "shop/catalogue", ["80/TCP"], "l7"),
        ("shop/web", "shop/catalogue", ["80", "--http", "GET /books/1"], "allow"),
        ("shop/web", "shop/catalogue", ["80", "--http", "POST /books"], "deny"),
        ("shop/web", "shop/catalogue", ["81"], "deny"),
        ("shop/web", "shop/catalogue", ["80/udp"], "deny"),
        ("world", "shop/catalogue", ["80"], "deny"),
        ("192.0.2.7", "shop/web", ["80"], "deny"),
        ("ingress", "shop/web", ["80"], "allow"),
        ("host", "shop/web", ["22"], "allow"),
        ("app=orders", "app=payment", ["80"], "allow"),
        ("shop/payment", "shop/catalogue", ["80"], "deny"),
    ],
)
def test_trace_over_a_folder(source: str, to: str, words: list[str], said: str) -> None:
    ends = ("--from", source, "--to", to)
    result = run("policy", "trace", "--manifests", SHOP, *ends, "-o", "json", "--port", *words)
    assert json.loads(result.stdout)["outcome"] == said
    assert result.exit_code == (1 if said == "deny" else 0)


def test_trace_names_the_rules_and_what_was_missing() -> None:
    ends = ("--from", "shop/orders", "--to", "shop/catalogue", "--port", "80")
    result = run("policy", "trace", "--manifests", SHOP, *ends)
    assert result.exit_code == 1
    assert "shop/catalogue denies ingress by default and no rule allows this" in result.stdout
    rule = "LockgateNetworkPolicy shop/catalogue spec.ingress[0].toPorts[0]"
    assert f"passed over: {rule}: shop/orders is not among its peers" in result.stdout


def test_trace_matrix_has_every_ordered_pair_and_port() -> None:
    words = ("--matrix", "--port", "80/TCP", "--port", "81/UDP", "-o", "json")
    found = json.loads(run("policy", "trace", "--manifests", SHOP, *words).stdout)
    assert found["shop/web"]["shop/catalogue"] == {"80/TCP": "l7", "81/UDP": "deny"}
    assert found["shop/orders"]["shop/payment"] == {"80/TCP": "allow", "81/UDP": "deny"}
    assert found["shop/payment"]["shop/orders"]["80/TCP"] == "deny"
    assert {len(row) for row in found.values()} == {len(found)} == {4}


def test_trace_refuses_a_port_that_is_none() -> None:
    assert run("policy", "trace", "--from", "world", "--to", "a/b", "--port", "0").exit_code == 2


INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  ingressClassName: lockgate
  tls: [{hosts: [shop.local], secretName: none}]
"""


def test_validate_checks_a_folder_as_a_whole_and_a_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "ingress.yaml"
    file.write_text(INGRESS)
    assert run("policy", "validate", str(file)).exit_code == 0
    result = run("policy", "validate", str(tmp_path))
    assert result.exit_code == 1
    assert "Ingress shop/web: spec.tls[0].secretName: there is no valid TLS Secret" in result.stdout


def test_validate_refuses_an_unknown_kind_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        "{apiVersion: lockgate.io/v1, kind: LockgateNetworkPolicies, metadata: {name: a}}"
    )
    result = run("policy", "validate", str(file))
    assert result.exit_code == 1
    assert "did you mean LockgateNetworkPolicy?" in result.stdout


USELESS = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nobody}
spec: {podSelector: {matchLabels: {app: wbe}}}
---
apiVersion: lockgate.io/v1
kind: LockgateNetworkPolicy
metadata: {name: web}
spec:
  endpointSelector: {matchLabels: {app: web}}
  ingress:
  - fromEndpoints: [{matchLabels: {app: gone}}]
  - fromEntities: [world]
    toPorts: [{ports: [{port: "81", protocol: TCP}]}]
  - fromCIDR: [192.0.2.0/24]
    toPorts: [{ports: [{port: "80", protocol: TCP}]}]
  ingressDeny:
  - fromCIDR: [192.0.0.0/16]
"""


def test_validate_warns_of_rules_that_do_nothing(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(USELESS)
    result = run("policy", "validate", str(tmp_path), "-o", "json")
    assert result.exit_code == 0
    found = {(row["object"], row["field"], row["reason"]) for row in json.loads(result.stdout)}
    web = "LockgateNetworkPolicy default/web"
    assert found == {
        ("NetworkPolicy default/nobody", "spec", "SelectsNothing"),
        (web, "spec.ingress[0]", "SelectsNothing"),
        (web, "spec.ingress[1].toPorts[0]", "NothingListens"),
        (web, "spec.ingress[2].toPorts[0]", "Shadowed"),
    }


def test_trace_judges_what_is_said(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(
        """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: c}]}
---
apiVersion: lockgate.io/v1
kind: LockgateNetworkPolicy
metadata: {name: web}
spec:
  endpointSelector: {matchLabels: {app: web}}
  egress:
  - toEntities: [world]
    toPorts:
    - ports: [{port: "9092", protocol: TCP}]
      rules: {kafka: [{role: produce, topic: orders}]}
    - ports: [{port: "53"}]
      rules: {dns: [{matchPattern: "*.test"}]}
    - ports: [{port: "443", protocol: TCP}]
      serverNames: [a.test]
  - icmps: [{fields: [{type: EchoRequest}]}]
"""
    )

    def outcome(port: str, *said: str) -> int:
        words = ("--manifests", str(tmp_path), "--from", "default/web", "--to", "world")
        return run("policy", "trace", *words, "--port", port, *said).exit_code

    assert outcome("9092/TCP", "--kafka", "produce orders") == 0
    assert outcome("9092/TCP", "--kafka", "produce secrets") == 1
    assert outcome("9092/TCP", "--kafka", "fetch orders") == 1
    assert outcome("53/UDP", "--dns", "a.test") == 0
    assert outcome("53/UDP", "--dns", "a.b.test") == 1
    assert outcome("443/TCP", "--tls", "a.test") == 0
    assert outcome("443/TCP", "--tls", "b.test") == 1
    assert outcome("8/ICMP") == 0
    assert outcome("0/ICMP") == 1
