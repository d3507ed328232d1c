"""The two control planes, each with an Envoy of its own, as processes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ingress.objects import CLASS
from lockgate.settings import Settings
from tests.kube.apiserver import ApiServer, free_port
from xds.envoy import find_envoy

LOCKGATE = Path(sys.executable).with_name("lockgate")
WORKERS = "1"
CONTOUR_VERSION = "1.33.8"


@dataclass(frozen=True)
class Running:
    """A control plane that runs, and the port of its Envoy's HTTP listener."""

    pid: int
    port: int

    def cpu_s(self) -> float:
        """Return the processor time of the control plane, without Envoy."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self) -> float:
        """Return its resident memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(row for row in status.splitlines() if row.startswith("VmRSS"))
        return round(int(line.split()[1]) / 1024, 1)


@contextlib.contextmanager
def lockgate(folder: Path, api: ApiServer) -> Iterator[Running]:
    """Run our agent, which starts its Envoy."""
    port = free_port()
    settings = {
        "SOURCE": "kubernetes",
        "ON_STOP": "clean",
        "KUBECONFIG": str(api.kubeconfig),
        "CONTROLLER_CLASS": CLASS,
        "RUN_DIR": str(folder / "run"),
        "STATE_DIR": str(folder / "state"),
        "HTTP_PORT": str(port),
        "HTTPS_PORT": str(free_port()),
        "ENVOY_CONCURRENCY": WORKERS,
        "INGRESS_ADDRESSES": '["192.0.2.1"]',
        "LOG_LEVEL": "error",
    }
    environment = {**os.environ, **{f"LOCKGATE_{name}": text for name, text in settings.items()}}
    with (folder / "agent.log").open("ab") as log:
        process = subprocess.Popen(
            [LOCKGATE, "agent", "run"], env=environment, stdout=log, stderr=log
        )
    try:
        yield Running(process.pid, port)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@contextlib.contextmanager
def contour(folder: Path, api: ApiServer, binary: Path) -> Iterator[Running]:
    """Run Contour, and an Envoy with the bootstrap that Contour writes."""
    port, xds = free_port(), free_port()
    log = (folder / "contour.log").open("ab")  # closed with the processes that write to it
    flags = [
        "--kubeconfig", str(api.kubeconfig), "--insecure", "--xds-address", "127.0.0.1",
        "--xds-port", str(xds), "--envoy-service-http-address", "0.0.0.0",
        "--envoy-service-http-port", str(port), "--envoy-service-https-port", str(free_port()),
        "--stats-address", "127.0.0.1", "--stats-port", str(free_port()),
        "--http-address", "127.0.0.1", "--http-port", str(free_port()),
        "--health-address", "127.0.0.1", "--health-port", str(free_port()),
        "--debug-http-address", "127.0.0.1", "--debug-http-port", str(free_port()),
        "--disable-leader-election", "--ingress-class-name", CLASS,
        "--ingress-status-address", "192.0.2.1",
        "--kubernetes-client-qps", "1000", "--kubernetes-client-burst", "2000",
        "--envoy-http-access-log", "/dev/null", "--envoy-https-access-log", "/dev/null",
    ]  # fmt: skip
    boot = folder / "envoy.json"
    where = ["--xds-address", "127.0.0.1", "--xds-port", str(xds)]
    admin = ["--admin-address", str(folder / "admin.sock")]
    subprocess.run([binary, "bootstrap", boot, *where, *admin], check=True, capture_output=True)
    server = subprocess.Popen([binary, "serve", *flags], stdout=log, stderr=log)
    words = [str(find_envoy(Settings())), "-c", str(boot), "--concurrency", WORKERS, "-l", "error"]
    words += ["--service-node", "lg-bench", "--service-cluster", "lg-bench"]
    proxy = subprocess.Popen([*words, "--disable-hot-restart"], stdout=log, stderr=log)
    try:
        yield Running(server.pid, port)
    finally:
        for process in (proxy, server):
            process.kill()
            process.wait()
        log.close()


class Client:
    """One connection that asks again and again; cheap enough to poll with."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def status(self, host: str) -> int:
        """Return the status of a request, 0 if there was no answer."""
        try:
            if self._socket is None:
                self._socket = socket.create_connection(("127.0.0.1", self._port), 5)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            return self._answer(self._socket)
        except OSError:
            self.close()
            return 0

    def _answer(self, connection: socket.socket) -> int:
        read = b""
        while b"\r\n\r\n" not in read:
            more = connection.recv(4096)
            if not more:
                raise ConnectionResetError
            read += more
        head, _, body = read.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        found = (row for row in lines if row.startswith(b"content-length:"))
        length = int(next(found, b":0").partition(b":")[2])
        while len(body) < length:
            body += connection.recv(4096)
        return int(lines[0].split()[1])

    def wait(self, host: str, limit_s: float = 300.0) -> None:
        """Ask until the answer is 200."""
        deadline = time.perf_counter() + limit_s
        while self.status(host) != 200:
            if time.perf_counter() > deadline:
                msg = f"{host} was not served within {limit_s} s"
                raise TimeoutError(msg)
            time.sleep(0.0005 if self._socket else 0.02)

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
