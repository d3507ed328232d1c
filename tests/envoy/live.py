"""What tests with a real Envoy share: a backend, an Envoy in a directory of its own, requests."""

from __future__ import annotations

import asyncio
import http.client
import http.server
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lockgate.settings import Settings
from xds.access_log import HttpLogEntry
from xds.envoy import EnvoyPaths, EnvoyProcess, find_envoy
from xds.server import XdsServer
from xds.snapshot import SnapshotCache

TIMEOUT = 10.0


class _Backend(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._read_body()
        asked = self.headers.get("X-Show", "X-Forwarded-For")
        body = f"{self.path} for {self.headers.get(asked, '')}".encode()
        wanted = self.path.rpartition("/status/")[2]
        self.send_response(int(wanted) if wanted.isdigit() else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_OPTIONS = do_GET  # noqa: N815  # the base's names

    def _read_body(self) -> None:
        if self.headers.get("Transfer-Encoding") != "chunked":
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            return
        while size := int(self.rfile.readline(), 16):
            self.rfile.read(size + 2)
        self.rfile.readline()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        del format, args


@pytest.fixture
def backend() -> Iterator[int]:
    """Return the port of an HTTP server."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Backend)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture
def envoy(tmp_path: Path) -> Iterator[EnvoyProcess]:
    """Return an Envoy that is not started yet; it is stopped at the end."""
    paths = EnvoyPaths(tmp_path, tmp_path / "xds.sock", tmp_path / "admin.sock")
    process = EnvoyProcess(find_envoy(Settings()), paths, concurrency=1)
    yield process
    process.stop()


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def get(port: int, path: str, host: str = "shop.test") -> tuple[int, str]:
    """Return status and body of one request to loopback."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.request("GET", path, headers={"Host": host})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


@asynccontextmanager
async def serving(
    envoy: EnvoyProcess,
    cache: SnapshotCache,
    on_log: Callable[[HttpLogEntry], None] = lambda _entry: None,
) -> AsyncIterator[XdsServer]:
    """Serve a cache on the socket that an Envoy was told."""
    server = XdsServer(envoy.paths.xds_socket, cache, on_log)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(TIMEOUT):
        while not condition():
            await asyncio.sleep(0.02)


async def started(envoy: EnvoyProcess) -> None:
    """Start an Envoy and wait until it has what is served."""
    await asyncio.to_thread(envoy.ensure)
    await asyncio.to_thread(envoy.wait_ready)


def run(test: Coroutine[object, object, None]) -> None:
    """Run a test with a limit, so that a lost wake-up fails and does not hang."""
    asyncio.run(asyncio.wait_for(test, 60))
