"""The whole path, with the real Envoy and the real kernel: declarations in, traffic enforced."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Shop

pytestmark = [pytest.mark.kernel, pytest.mark.envoy]
CATALOGUE = "http://10.78.0.11"
LATE = """
apiVersion: v1
kind: Pod
metadata: {name: late, namespace: shop, labels: {app: late}}
spec:
  containers:
  - name: late
    command: [python3, -m, http.server, "8000"]
    ports: [{name: web, containerPort: 8000}]
    readinessProbe: {tcpSocket: {port: web}}
---
apiVersion: v1
kind: Service
metadata: {name: late, namespace: shop}
spec: {clusterIP: 10.78.0.99, selector: {app: late}, ports: [{port: 81, targetPort: web}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: late, namespace: shop}
spec:
  podSelector: {matchLabels: {app: late}}
  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]
"""


def test_a_policy_file_changes_the_outcome_and_a_broken_one_does_not(shop: Shop) -> None:
    assert shop.get("/books") == 200
    assert shop.from_web("GET", f"{CATALOGUE}/books") == "200"
    assert shop.from_web("GET", f"{CATALOGUE}/admin") == "403"

    policies = shop.folder / "policies.yaml"
    good = policies.read_text()
    policies.write_text(good.replace("path: /books(/.*)?", "path: /admin"))
    shop.wait_from_web("GET", f"{CATALOGUE}/admin", "200")
    assert shop.from_web("GET", f"{CATALOGUE}/books") == "403"

    policies.write_text(good.replace("path: /books(/.*)?", "path: '/books('"))
    deadline = time.monotonic() + 10
    while "InvalidRegex" not in (told := shop.command("status", "--output", "json").stdout):
        assert time.monotonic() < deadline, told
        time.sleep(0.05)
    assert "spec.ingress[0].toPorts[0].rules.http[0].path" in told
    assert shop.from_web("GET", f"{CATALOGUE}/admin") == "200"

    policies.write_text(good)
    shop.wait_from_web("GET", f"{CATALOGUE}/books", "200")


def test_a_pod_comes_and_goes_with_its_manifest(shop: Shop) -> None:
    manifest = shop.folder / "late.yaml"
    manifest.write_text(LATE)
    shop.wait_from_web("GET", "http://10.78.0.99:81/", "200")
    assert shop.command("endpoint", "get", "shop/late").returncode == 0

    manifest.unlink()
    deadline = time.monotonic() + 15
    while Path("/run/netns/lg-shop-late").exists():
        assert time.monotonic() < deadline, "the pod's namespace stays"
        time.sleep(0.05)
    assert shop.command("endpoint", "get", "shop/late").returncode == 1
    assert "late" not in shop.command("service", "list").stdout


def test_trace_says_what_the_datapath_does(shop: Shop) -> None:
    ends = ("--from", "shop/web", "--to", "shop/catalogue", "--port", "80")
    for method, path, status in (("GET", "/books", "200"), ("GET", "/admin", "403")):
        told = shop.command("policy", "trace", *ends, "--http", f"{method} {path}")
        assert shop.from_web(method, CATALOGUE + path) == status
        assert told.returncode == (0 if status == "200" else 1), told.stdout + told.stderr
    matrix = shop.command("policy", "trace", "--matrix", "--port", "80", "--output", "json")
    outcomes = json.loads(matrix.stdout)["shop/web"]
    assert {name: row["80/TCP"] for name, row in outcomes.items()} == {
        "shop/web": "allow",
        "shop/catalogue": "l7",
        "shop/orders": "l7",
        "shop/payment": "deny",
    }
    assert shop.from_web("GET", "http://10.78.0.13/") == "000"


def test_an_agent_told_to_stop_leaves_nothing(shop: Shop) -> None:
    assert shop.stop(signal.SIGTERM) == 0
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True)
    rules = subprocess.run(["ip", "rule"], capture_output=True, text=True, check=True)
    assert ": lg" not in links.stdout
    assert "2004" not in rules.stdout
    assert not Path("/sys/fs/bpf/lockgate").exists()
    assert list(Path("/run/netns").glob("lg-shop-*")) == []
    ours = subprocess.run(
        ["pgrep", "-af", shop.run_dir], capture_output=True, text=True, check=False
    )
    assert ours.stdout == ""


def test_what_a_killed_agent_left_can_be_removed(shop: Shop) -> None:
    running = shop.command("agent", "cleanup")
    assert running.returncode == 3
    assert "another agent runs" in running.stderr
    shop.kill()
    assert Path("/sys/fs/bpf/lockgate").exists()
    for _ in range(2):
        done = shop.command("agent", "cleanup")
        assert done.returncode == 0, done.stderr
    assert not Path("/sys/fs/bpf/lockgate").exists()
    rules = subprocess.run(["ip", "rule"], capture_output=True, text=True, check=True)
    assert "2004" not in rules.stdout
    assert not (shop.run_dir / "envoy.pid").exists()
    assert list(Path("/run/netns").glob("lg-shop-*")) != [], "pods stay"


def test_a_port_in_use_is_named_with_the_flag_to_change(tmp_path: Path) -> None:
    made = Shop(tmp_path)
    with socket.create_server(("127.0.0.1", made.port)):
        told = made.command(
            "up", str(made.folder), "--http-port", str(made.port), "--state", str(made.state)
        )
    assert told.returncode == 3
    assert f"cannot bind '0.0.0.0:{made.port}'" in told.stderr
    assert "--http-port" in told.stderr
    assert not Path("/sys/fs/bpf/lockgate").exists()


def test_a_second_agent_says_so_and_exits(shop: Shop) -> None:
    second = shop.command("up", str(shop.folder))
    assert second.returncode == 3
    assert "another agent runs on this host" in second.stderr


def load(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen([*command, "-t1", "-c4", "-d12s"], stdout=subprocess.PIPE, text=True)


def test_killing_and_starting_the_agent_loses_no_request(shop: Shop) -> None:
    ingress = f"http://127.0.0.1:{shop.port}/"
    loads = (
        load("wrk", "-H", "Host: shop.local", ingress),
        load("nsenter", "--net=/run/netns/lg-shop-web", "wrk", f"{CATALOGUE}/books"),
    )
    time.sleep(2)
    shop.kill()
    time.sleep(2)
    assert shop.from_web("GET", f"{CATALOGUE}/books") == "200"
    assert shop.from_web("GET", f"{CATALOGUE}/admin") == "403"
    shop.start()
    for wrk in loads:
        report, _ = wrk.communicate(timeout=30)
        served = re.search(r"(\d+) requests in", report)
        assert served is not None
        assert int(served[1]) > 100
        assert "Socket errors" not in report, report
        assert "Non-2xx" not in report, report
    assert shop.from_web("GET", f"{CATALOGUE}/admin") == "403"


def test_audit_lets_pass_what_it_reports(shop: Shop) -> None:
    payment = "http://10.78.0.13/"
    assert shop.from_web("GET", payment) == "000"
    assert shop.command("endpoint", "audit", "shop/payment", "on").returncode == 0
    deadline = time.monotonic() + 10
    while shop.from_web("GET", payment) == "000":
        assert time.monotonic() < deadline
    assert "would be dropped" in shop.command("observe", "--last", "200").stdout
    assert shop.command("endpoint", "audit", "shop/payment", "off").returncode == 0
    shop.wait_from_web("GET", payment, "000")
    assert shop.command("endpoint", "audit", "shop/none", "on").returncode == 1


def test_envoy_holds_what_was_published_and_the_metrics_say_so(shop: Shop) -> None:
    """``envoy diff`` finds nothing, ``envoy refused`` is empty, the scraper gets its counters."""
    differing = shop.command("envoy", "diff")
    assert differing.returncode == 0, differing.stdout
    assert json.loads(shop.command("envoy", "refused", "-o", "json").stdout) == []
    connection = http.client.HTTPConnection("agent")
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.connect(str(shop.run_dir / "agent.sock"))
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    assert "lockgate_xds_streams 1.0" in text
    assert "lockgate_xds_refused_resources 0.0" in text


def test_http_rules_hold_over_ipv6_too(shop: Shop) -> None:
    pods = json.loads(shop.command("endpoint", "list", "-o", "json").stdout)
    [catalogue] = [pod for pod in pods if pod["endpoint"].endswith("catalogue")]
    [address] = [one for one in catalogue["addresses"] if ":" in one]
    shop.wait_from_web("GET", f"http://[{address}]/books", "200")
    assert shop.from_web("GET", f"http://[{address}]/admin") == "403"
