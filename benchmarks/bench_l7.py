"""An L7 listener of ours against the same Envoy with a hand-written static configuration.

A client pod asks a server pod, once through the kernel's redirect and the listener that enforces
its rule set, once through a static proxy on the host that does the same work without Lockgate.
Both in one run, in turn. Prints a JSON line a round and one with the median ratio.
"""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lockgate.settings import Settings
from xds.envoy import find_envoy

ENVOY = str(find_envoy(Settings()))
LOCKGATE = Path(sys.executable).with_name("lockgate")
PROXY, PROXY_PORT = "10.99.0.1", 18090
"""Where the static proxy listens: an address of the host that pods can reach."""

BACKEND = """
static_resources:
  listeners:
  - address: {socket_address: {address: 0.0.0.0, port_value: 80}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: backend
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {prefix: /}
                direct_response: {status: 200, body: {inline_string: "hello\\n"}}
          http_filters:
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
"""

STATIC = """
static_resources:
  clusters:
  - name: server
    type: STATIC
    load_assignment:
      cluster_name: server
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: %s, port_value: 80}}}
  listeners:
  - address: {socket_address: {address: %s, port_value: %d}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: static
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {prefix: /}
                route: {cluster: server}
          http_filters:
          - name: rbac
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
              rules:
                action: ALLOW
                policies:
                  books:
                    permissions:
                    - and_rules:
                        rules:
                        - header: {name: ":method", string_match: {safe_regex: {regex: GET}}}
                        - url_path: {path: {safe_regex: {regex: "/books(/.*)?"}}}
                    principals: [{any: true}]
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
"""

PODS = """
apiVersion: v1
kind: Pod
metadata: {name: server, namespace: bench, labels: {app: server}}
spec:
  containers:
  - name: server
    command: [%s, -c, %s, --concurrency, "1", --log-level, error, --disable-hot-restart]
    readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: bench, labels: {app: client}}
spec:
  containers:
  - {name: client, command: [sleep, infinity]}
---
apiVersion: lockgate.io/v1
kind: LockgateNetworkPolicy
metadata: {name: books, namespace: bench}
spec:
  endpointSelector: {matchLabels: {app: server}}
  ingress:
  - fromEndpoints: [{matchLabels: {app: client}}]
    toPorts:
    - ports: [{port: "80", protocol: TCP}]
      rules: {http: [{method: GET, path: "/books(/.*)?"}]}
"""


@contextmanager
def host_address() -> Iterator[None]:
    """Give the host an address that pods can reach; the agent learns of it at its start."""
    subprocess.run(["ip", "address", "add", f"{PROXY}/32", "dev", "lo"], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "address", "del", f"{PROXY}/32", "dev", "lo"], check=True)


@contextmanager
def static_proxy(folder: Path, server: str) -> Iterator[None]:
    """Run the hand-written proxy on the host."""
    config = folder / "static.yaml"
    config.write_text(STATIC % (server, PROXY, PROXY_PORT))
    flags = ["--concurrency", "2", "--log-level", "error", "--disable-hot-restart"]
    proxy = subprocess.Popen([ENVOY, "-c", str(config), *flags])
    try:
        yield
    finally:
        proxy.terminate()
        proxy.wait()


@contextmanager
def lockgate(folder: Path) -> Iterator[dict[str, str]]:
    """Run Lockgate over the pods; give the address of each."""
    manifests = folder / "manifests"
    manifests.mkdir()
    backend = folder / "backend.yaml"
    backend.write_text(BACKEND)
    (manifests / "bench.yaml").write_text(PODS % (ENVOY, backend))
    environment = {**os.environ, "LOCKGATE_RUN_DIR": str(folder / "run")}
    agent = subprocess.Popen(
        [LOCKGATE, "up", manifests, "--state", folder / "state", "--log-level", "error"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        if agent.stdout is None or not agent.stdout.readline().startswith("ready"):
            sys.exit("lockgate did not start")
        told = subprocess.run(
            [LOCKGATE, "endpoint", "list", "--output", "json"],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        yield {row["endpoint"]: row["address"] for row in json.loads(told.stdout)}
    finally:
        agent.send_signal(signal.SIGINT)
        agent.communicate()


def requests_per_second(url: str, seconds: int) -> float:
    """Return what wrk reaches from the client pod; a request that fails ends the benchmark."""
    command = ["nsenter", "--net=/run/netns/lg-bench-client", "wrk", "-t1", "-c16"]
    report = subprocess.run(
        [*command, f"-d{seconds}s", url], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"Requests/sec:\s+([0-9.]+)", report)
    if found is None or "Non-2xx" in report or "Socket errors" in report:
        sys.exit(report)
    return float(found[1])


def main(rounds: int, seconds: int) -> None:
    """Measure in pairs, the order swapped each round."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            host_address(),
            lockgate(folder) as addresses,
            static_proxy(folder, addresses["bench/server"]),
        ):
            urls = {
                "lockgate": f"http://{addresses['bench/server']}/books",
                "static": f"http://{PROXY}:{PROXY_PORT}/books",
            }
            time.sleep(1)
            ratios = []
            for number in range(rounds):
                order = sorted(urls, reverse=bool(number % 2))
                found = {name: requests_per_second(urls[name], seconds) for name in order}
                ratios.append(found["lockgate"] / found["static"])
                print(json.dumps({"benchmark": "l7", "round": number, **found}))
            ratio = round(statistics.median(ratios), 3)
            print(json.dumps({"benchmark": "l7", "peer": "static Envoy", "requests_ratio": ratio}))


if __name__ == "__main__":
    main(4, 3)
