"""How backends are talked to, in the real Envoy."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lockgate.ir.http import Forward, HashKey, Mirror, Retry, Share
from lockgate.ir.upstream import Certificate, CertificateAuthority, ClusterOptions, UpstreamTls
from lockgate.model.meta import ObjectRef
from tests.backends import request_head, saying, server, speaking_h2
from tests.certificates import issue
from tests.envoy.ingress import BACKEND, TO_BACKEND, Setting
from tests.envoy.live import TIMEOUT, backend, envoy, run
from xds.envoy import EnvoyProcess
from xds.translate.clusters import authority, certificate

__all__ = ["backend", "envoy"]
SECRET = ObjectRef("Secret", "shop", "tls")


def serve(setting: Setting, envoy: EnvoyProcess, test: Callable[[], None]) -> None:
    """Serve a setting and run a test in a thread."""

    async def body() -> None:
        await asyncio.to_thread(test)

    run(setting.serve(envoy, body))


def test_http2_is_spoken_with_a_backend_that_says_so(envoy: EnvoyProcess) -> None:
    with server(speaking_h2) as port:
        setting = Setting(port, options=ClusterOptions(protocol="http2"))
        setting.host(setting.route())

        def test() -> None:
            assert setting.get().body == "over h2"

        serve(setting, envoy, test)


def test_tls_to_the_backend_checks_whom_it_talks_to(envoy: EnvoyProcess, tmp_path: Path) -> None:
    ca = issue(authority=True)
    shown, ours = issue("inside.test", by=ca), issue("proxy.test", by=ca)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*shown.written(tmp_path, "server"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=ca.chain.decode())

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            saying(b"secured")(secured)

    with server(answer) as port:
        good = ClusterOptions(tls=UpstreamTls("inside.test", "ca", "ours"))
        other = ClusterOptions(tls=UpstreamTls("other.test", "ca", "ours"))
        setting = Setting(port, options=other)
        setting.add_cluster("good", port, options=good)
        setting.more += [
            authority(CertificateAuthority("ca", ca.chain, SECRET)),
            certificate(Certificate("ours", ours.chain, ours.key, SECRET)),
        ]
        setting.host(
            setting.route("/good", Forward((Share("good"),))),
            setting.route("/", replace(TO_BACKEND, retry=Retry(attempts=0))),
        )

        def test() -> None:
            assert setting.get("/good").body == "secured"
            assert setting.get("/").status == 503

        serve(setting, envoy, test)


@pytest.mark.parametrize(
    ("version", "start"), [(1, b"PROXY TCP4 127.0.0.1"), (2, b"\r\n\r\n\0\r\nQUIT\n")]
)
def test_the_proxy_protocol_tells_the_backend(
    envoy: EnvoyProcess, version: int, start: bytes
) -> None:
    seen: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        seen.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with server(answer) as port:
        setting = Setting(port, options=ClusterOptions(proxy_protocol=1 if version == 1 else 2))
        setting.host(setting.route())

        def test() -> None:
            assert setting.get().status == 200
            assert seen[0].startswith(start)

        serve(setting, envoy, test)


def test_a_cookie_keeps_a_client_at_one_endpoint(envoy: EnvoyProcess) -> None:
    with server(saying(b"one")) as first, server(saying(b"two")) as second:
        setting = Setting(first)
        sticky = ClusterOptions(balance="ring_hash")
        setting.add_cluster("both", first, second, options=sticky)
        keys = (HashKey("cookie", "sid", 60.0),)
        setting.host(setting.route("/", Forward((Share("both"),), hash_on=keys)))

        def test() -> None:
            chosen: set[str] = set()
            for _ in range(60):
                if len(chosen) == 2:
                    break
                given = setting.get()
                cookie = given.headers["set-cookie"].partition(";")[0]
                assert cookie.startswith("sid=")
                again = {setting.get(headers={"Cookie": cookie}).body for _ in range(5)}
                assert again == {given.body}
                chosen.add(given.body)
            assert chosen == {"one", "two"}

        serve(setting, envoy, test)


def test_shares_mirrors_and_retries(backend: int, envoy: EnvoyProcess) -> None:
    seen: list[bytes] = []

    def copy(connection: socket.socket) -> None:
        seen.append(request_head(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with server(saying(b"new")) as new, server(copy) as mirror, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens there
        setting = Setting(backend)
        setting.add_cluster("new", new)
        setting.add_cluster("mirror", mirror)
        setting.add_cluster("half", closed.getsockname()[1], new)
        setting.host(
            setting.route("/share", Forward((Share(BACKEND, 50), Share("new", 50)))),
            setting.route("/mirror", replace(TO_BACKEND, mirror=Mirror("mirror"))),
            setting.route("/half", Forward((Share("half"),))),
        )

        def test() -> None:
            bodies = [setting.get("/share").body for _ in range(60)]
            assert 10 <= bodies.count("new") <= 50
            assert setting.get("/mirror").status == 200
            deadline = time.monotonic() + TIMEOUT
            while not seen and time.monotonic() < deadline:
                time.sleep(0.01)
            assert b"GET /mirror" in seen[0]
            assert {setting.get("/half").status for _ in range(10)} == {200}

        serve(setting, envoy, test)


def test_limits_break_the_circuit(envoy: EnvoyProcess) -> None:
    release = threading.Event()

    def slow(connection: socket.socket) -> None:
        request_head(connection)
        release.wait(TIMEOUT)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with server(slow) as port:
        options = ClusterOptions(max_connections=1, max_pending_requests=1, max_requests=1)
        setting = Setting(port, options=options)
        setting.host(setting.route("/", replace(TO_BACKEND, retry=Retry(attempts=0))))

        def test() -> None:
            statuses: list[int] = []
            asking = [
                threading.Thread(target=lambda: statuses.append(setting.get().status))
                for _ in range(6)
            ]
            for thread in asking:
                thread.start()
            deadline = time.monotonic() + TIMEOUT
            while len(statuses) < 4 and time.monotonic() < deadline:
                time.sleep(0.01)
            release.set()
            for thread in asking:
                thread.join()
            assert statuses.count(503) >= 4
            assert statuses.count(200) >= 1

        serve(setting, envoy, test)


class Streaming:
    """A backend that echoes backwards, sends one event at a time, and reads long headers."""

    def __init__(self) -> None:
        self.second_event = threading.Event()

    def answer(self, connection: socket.socket) -> None:
        head = request_head(connection)
        if b"websocket" in head.lower():
            connection.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\n\r\n"
            )
            while data := connection.recv(1000):
                connection.sendall(data[::-1])
        elif b"/events" in head:
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n7\r\ndata: 1\r\n"
            )
            self.second_event.wait(TIMEOUT)
            connection.sendall(b"7\r\ndata: 2\r\n0\r\n\r\n")
        elif head.count(b"h") > 60_000:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlong")


def test_streams_upgrades_and_large_requests_pass(envoy: EnvoyProcess) -> None:
    streaming = Streaming()
    with server(streaming.answer) as port:
        setting = Setting(port)
        setting.host(setting.route())

        def test() -> None:
            upgrade(setting)
            events(setting, streaming)
            long = {f"X-Long-{number}": "h" * 8000 for number in range(8)}
            assert setting.get(headers=long).body == "long"

        serve(setting, envoy, test)


def upgrade(setting: Setting) -> None:
    address = ("127.0.0.1", setting.proxy.http_port)
    with socket.create_connection(address, TIMEOUT) as connection:
        connection.sendall(
            b"GET /ws HTTP/1.1\r\nHost: shop.test\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: a\r\n\r\n"
        )
        assert b" 101 " in request_head(connection)
        connection.sendall(b"abc")
        assert connection.recv(10) == b"cba"


def events(setting: Setting, streaming: Streaming) -> None:
    address = ("127.0.0.1", setting.proxy.http_port)
    with socket.create_connection(address, TIMEOUT) as connection:
        connection.sendall(b"GET /events HTTP/1.1\r\nHost: shop.test\r\n\r\n")
        read = request_head(connection)
        while b"data: 1" not in read:
            read += connection.recv(1000)
        streaming.second_event.set()  # the first came while the second was not there yet
        while b"data: 2" not in read:
            read += connection.recv(1000)
