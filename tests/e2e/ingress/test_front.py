"""Settings of what stands before the Ingress, each with an agent of its own."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from tests.certificates import issue
from tests.e2e.ingress import quic
from tests.e2e.ingress.declared import NAMESPACE, Shop, ingress, path, tls_secret
from tests.e2e.ingress.echo import echo
from tests.e2e.ingress.gate import Folder, Gate, until
from tests.e2e.ingress.test_security import der, shown, tls_of

Start = Callable[..., Shop]
FORWARDED = {"X-Forwarded-For": "203.0.113.1, 203.0.113.2, 203.0.113.3"}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return what starts an agent of some settings, with a backend and its Ingress."""
    with contextlib.ExitStack() as stack:

        def started(**settings: str) -> Shop:
            gate = Gate(tmp_path, Folder(tmp_path / "manifests"), **settings)
            shop = Shop(gate, {"web": stack.enter_context(echo("web"))})
            shop.declare_backends()
            shop.serve(ingress("front", "front.test"))
            gate.start()
            stack.callback(gate.stop)
            return shop

        yield started


def test_hops_in_front_are_believed_so_far(start: Start) -> None:
    shop = start(ingress_trusted_hops="2")
    shop.gate.wait("front.test")
    seen = shop.gate.ask("front.test", headers=FORWARDED).seen["headers"]
    assert seen["x-real-ip"] == "203.0.113.2"


@pytest.mark.parametrize(
    ("prefix", "client"), [("127.0.0.0/8", "203.0.113.3"), ("192.0.2.0/24", "127.0.0.1")]
)
def test_proxies_of_a_prefix_are_believed(start: Start, prefix: str, client: str) -> None:
    shop = start(ingress_trusted_prefixes=f'["{prefix}"]')
    shop.gate.wait("front.test")
    seen = shop.gate.ask("front.test", headers=FORWARDED).seen["headers"]
    assert seen["x-real-ip"] == client


def test_the_proxy_protocol_names_the_client(start: Start) -> None:
    shop = start(ingress_proxy_protocol="true")

    def ask(first: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", shop.gate.http_port), 10) as connection:
            request = b"GET / HTTP/1.1\r\nHost: front.test\r\nConnection: close\r\n\r\n"
            connection.sendall(first + request)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    answer = ask(b"PROXY TCP4 203.0.113.9 127.0.0.1 4000 80\r\n")
    assert answer.startswith(b"HTTP/1.1 200")
    assert b'"x-real-ip":"203.0.113.9"' in answer
    with pytest.raises(ConnectionResetError):
        ask(b"")


def test_http3_is_served(start: Start) -> None:
    shop = start(ingress_http3="true")
    pair = issue("front.test", "closed.test")
    shop.serve(
        tls_secret("front", pair),
        ingress("front", "front.test", tls=tls_of("front", "front.test")),
        ingress(
            "closed",
            "closed.test",
            tls=tls_of("front", "closed.test"),
            annotations={"allow-source-range": "192.0.2.0/24"},
        ),
    )
    shop.gate.wait("closed.test", status=403)
    for host in ("front.test", "closed.test"):
        until(lambda host=host: shown(shop, host, pair) == der(pair))
    status, body = quic.ask(shop.gate.https_port, "front.test", "/over?quic")
    assert (status, orjson.loads(body)["path"]) == (200, "/over?quic")
    assert quic.ask(shop.gate.https_port, "closed.test")[0] == 403


def test_the_folder_is_explained_without_an_agent(tmp_path: Path) -> None:
    objects = Folder(tmp_path / "manifests")
    shop = Shop(Gate(tmp_path, objects), {"web": 1, "new": 2})
    shop.declare_backends()
    shop.serve(
        ingress("shop", "shop.test", path("/a"), path("/a/b", backend="new")),
        ingress("twin", "shop.test", path("/a", backend="new")),
    )
    folder = objects.source.removeprefix("manifests:")
    done = shop.gate.command(
        "ingress", "explain", "http://shop.test/a/x", "--manifests", folder, "-o", "json"
    )
    assert done.returncode == 0, done.stderr
    found = orjson.loads(done.stdout)
    assert found["object"] == f"Ingress {NAMESPACE}/shop"
    assert {row["object"] for row in found["considered"]} >= {f"Ingress {NAMESPACE}/twin"}
    listed = shop.gate.command("ingress", "list", "--manifests", folder, "-o", "json")
    assert {row["ingress"] for row in orjson.loads(listed.stdout)} == {
        f"{NAMESPACE}/{name}" for name in ("shop", "twin")
    }
    nobody = shop.gate.command("ingress", "explain", "http://nobody.test/", "--manifests", folder)
    assert nobody.returncode == 1
