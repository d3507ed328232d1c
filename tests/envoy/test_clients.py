"""What backends learn of the client, and whom the ingress believes, in the real Envoy."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
from collections.abc import Callable
from dataclasses import replace

import pytest

from lockgate.ir.http import Filters
from lockgate.ir.proxy import ClientAddress
from tests.envoy.ingress import Setting
from tests.envoy.live import TIMEOUT, backend, envoy, run
from xds.envoy import EnvoyProcess

__all__ = ["backend", "envoy"]
SPOOFED = {
    "X-Forwarded-For": "192.0.2.1",
    "X-Real-Ip": "192.0.2.1",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.test",
    "Forwarded": "for=192.0.2.1",
}


def setting_for(backend: int, client: ClientAddress) -> Setting:
    """Return a setting that believes some clients, with a path for one address only."""
    setting = Setting(backend)
    setting.proxy = replace(setting.proxy, client=client)
    only = Filters(allow_from=("192.0.2.1/32",))
    setting.host(setting.route("/only", filters=only), setting.route("/"))
    return setting


def serve(setting: Setting, envoy: EnvoyProcess, test: Callable[[], None]) -> None:
    """Serve a setting and run a test in a thread."""

    async def body() -> None:
        await asyncio.to_thread(test)

    run(setting.serve(envoy, body))


def told(setting: Setting, header: str, source: str = "127.0.0.1") -> str:
    """Return what the backend sees in a header when a client forges all of them."""
    answer = setting.get("/x", headers={**SPOOFED, "X-Show": header}, source=source)
    assert answer.status == 200
    return answer.body.partition(" for ")[2]


def test_what_a_client_says_of_itself_is_overwritten(backend: int, envoy: EnvoyProcess) -> None:
    setting = setting_for(backend, ClientAddress())

    def test() -> None:
        assert "192.0.2.1" not in told(setting, "X-Forwarded-For", "127.0.0.2")
        assert told(setting, "X-Real-IP", "127.0.0.2") == "127.0.0.2"
        assert told(setting, "X-Forwarded-Proto") == "http"
        assert told(setting, "X-Forwarded-Host") == "shop.test"
        assert told(setting, "Forwarded") == ""
        assert setting.get("/only", headers=SPOOFED).status == 403

    serve(setting, envoy, test)


def test_a_trusted_proxy_is_believed_and_others_are_not(backend: int, envoy: EnvoyProcess) -> None:
    setting = setting_for(backend, ClientAddress(trusted_prefixes=("127.0.0.9/32",)))

    def test() -> None:
        assert told(setting, "X-Real-IP", "127.0.0.9") == "192.0.2.1"
        assert told(setting, "X-Forwarded-For", "127.0.0.9").startswith("192.0.2.1")
        assert told(setting, "X-Forwarded-Proto", "127.0.0.9") == "https"
        assert setting.get("/only", headers=SPOOFED, source="127.0.0.9").status == 200
        assert told(setting, "X-Real-IP", "127.0.0.8") == "127.0.0.8"
        assert setting.get("/only", headers=SPOOFED, source="127.0.0.8").status == 403

    serve(setting, envoy, test)


def test_behind_hops_the_last_of_them_tells(backend: int, envoy: EnvoyProcess) -> None:
    setting = setting_for(backend, ClientAddress(trusted_hops=1))

    def test() -> None:
        forged = {**SPOOFED, "X-Forwarded-For": "198.51.100.1, 192.0.2.1", "X-Show": "X-Real-IP"}
        assert setting.get("/x", headers=forged).body.endswith(" for 192.0.2.1")
        assert setting.get("/only", headers=forged).status == 200

    serve(setting, envoy, test)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"PROXY TCP4 192.0.2.1 192.0.2.9 1234 80\r\n", id="version 1"),
        pytest.param(
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
            + bytes([192, 0, 2, 1, 192, 0, 2, 9])
            + b"\x04\xd2\0\x50",
            id="version 2",
        ),
    ],
)
def test_the_proxy_protocol_names_the_client(
    backend: int, envoy: EnvoyProcess, header: bytes
) -> None:
    setting = setting_for(backend, ClientAddress(proxy_protocol=True))
    request = (
        b"GET /only HTTP/1.1\r\nHost: shop.test\r\nX-Show: X-Real-IP\r\nConnection: close\r\n\r\n"
    )

    def ask(first: bytes) -> bytes:
        port = setting.proxy.http_port
        with socket.create_connection(("127.0.0.1", port), TIMEOUT) as connection:
            connection.sendall(first + request)
            return connection.makefile("rb").read()

    def test() -> None:
        answer = ask(header)
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.endswith(b" for 192.0.2.1")
        with contextlib.suppress(ConnectionResetError):
            assert ask(b"") == b""

    serve(setting, envoy, test)


def test_too_many_connections_are_closed(backend: int, envoy: EnvoyProcess) -> None:
    setting = setting_for(backend, ClientAddress())
    setting.proxy = replace(setting.proxy, max_connections=2)

    def test() -> None:
        held = [
            http.client.HTTPConnection("127.0.0.1", setting.proxy.http_port, timeout=TIMEOUT)
            for _ in range(3)
        ]
        outcomes = []
        for connection in held:
            try:
                connection.request("GET", "/", headers={"Host": "shop.test"})
                response = connection.getresponse()
                response.read()
                outcomes.append(response.status)
            except (ConnectionError, http.client.HTTPException):
                outcomes.append(0)
        for connection in held:
            connection.close()
        assert outcomes == [200, 200, 0]

    serve(setting, envoy, test)
