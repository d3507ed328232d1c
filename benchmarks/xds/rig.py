"""What the measurements share: servers as processes, an Envoy, a backend, requests."""

from __future__ import annotations

import http.client
import json
import os
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from lockgate.settings import Settings
from xds import codec
from xds.bootstrap import bootstrap
from xds.envoy import find_envoy

LIMIT_S = 180.0


class Server:
    """A control plane in a process of its own, told what to do on its standard input."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ready = self._answer()

    def tell(self, line: str) -> dict[str, Any]:
        """Say a line and return the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.process.kill()
        self.process.wait()


@contextmanager
def envoy(folder: Path, xds_socket: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run an Envoy with one worker."""
    path = folder / "envoy.json"
    path.write_text(codec.to_json(bootstrap("bench", xds_socket, folder / "admin.sock")))
    words = [str(find_envoy(Settings())), "-c", str(path), "--concurrency", "1", "-l", "error"]
    with (folder / "envoy.log").open("wb") as log:
        process = subprocess.Popen([*words, "--disable-hot-restart"], stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


class _Backend(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self) -> None:
        port = str(self.server.server_address[1]).encode()
        answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(port), port)
        while (line := self.rfile.readline()) not in (b"", b"\r\n"):
            while line not in (b"", b"\r\n"):
                line = self.rfile.readline()
            self.wfile.write(answer)  # one write: a second would wait for an acknowledgement


@contextmanager
def backend() -> Iterator[int]:
    """Run a backend that answers its own port."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Backend) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Requests:
    """One connection that asks again and again."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.stack = ExitStack()
        self._connection = self._connect()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)

    def get(self, host: int) -> tuple[int, str]:
        """Return status and body, status 0 without an answer."""
        try:
            self._connection.request("GET", "/", headers={"Host": f"h{host:05}.example.test"})
            answer = self._connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self._connection = self._connect()
            return 0, ""

    def until(self, host: int, status: int, body: str) -> float:
        """Ask until the answer is as wanted; return the seconds it took."""
        wanted = (status, body)
        begin = time.perf_counter()
        while (answer := self.get(host)) != wanted:
            if time.perf_counter() - begin > LIMIT_S:
                raise TimeoutError(f"{answer} is not {wanted}")
            time.sleep(0.0003)
        return time.perf_counter() - begin


def memory_mib(pid: int) -> float:
    """Return a process's resident memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_s(pid: int) -> float:
    """Return a process's CPU seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
