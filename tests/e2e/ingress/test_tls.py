"""Certificates, TLS to the backend and HTTP/3, by the real agent and Envoy, from both sources."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

from tests.backends import saying, server
from tests.certificates import Pair, issue
from tests.e2e.ingress.declared import Shop, ingress, path, secret, service, tls_secret
from tests.e2e.ingress.gate import until
from tests.e2e.ingress.test_security import der, shown, tls_of


def test_a_name_chooses_among_certificates(shop: Shop) -> None:
    wild, exact = issue("*.many.test"), issue("one.many.test")
    shop.serve(
        tls_secret("many", wild),
        tls_secret("one", exact),
        ingress("many", "*.many.test", tls=tls_of("many", "*.many.test")),
        ingress("one", "one.many.test", tls=tls_of("one", "one.many.test")),
    )
    until(lambda: shown(shop, "one.many.test", exact) == der(exact))
    assert shown(shop, "two.many.test", wild) == der(wild)


def test_each_client_gets_the_key_it_understands(shop: Shop) -> None:
    modern, old = issue("keys.test"), issue("keys.test", rsa_key=True)
    shop.serve(
        tls_secret("modern", modern),
        tls_secret("old", old),
        ingress(
            "keys",
            "keys.test",
            tls=tls_of("modern", "keys.test") + tls_of("old", "keys.test"),
        ),
    )
    until(lambda: shown(shop, "keys.test", modern) == der(modern))
    only_rsa = old.client()
    only_rsa.maximum_version = ssl.TLSVersion.TLSv1_2
    only_rsa.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    with _connected(shop, "keys.test", only_rsa) as connection:
        assert connection.getpeercert(binary_form=True) == der(old)
    both = modern.client()
    both.set_alpn_protocols(["h2", "http/1.1"])
    with _connected(shop, "keys.test", both) as connection:
        assert (connection.version(), connection.selected_alpn_protocol()) == ("TLSv1.3", "h2")


def test_a_connection_outlives_rotation(shop: Shop) -> None:
    old, new = issue("kept.test"), issue("kept.test")
    shop.serve(
        tls_secret("kept", old),
        ingress("kept", "kept.test", tls=tls_of("kept", "kept.test")),
    )
    until(lambda: shown(shop, "kept.test", old) == der(old))
    connection = http.client.HTTPConnection("127.0.0.1", shop.gate.https_port, timeout=10)
    with contextlib.closing(connection), _connected(shop, "kept.test", old.client()) as secured:
        connection.sock = secured
        assert _status(connection) == 200
        shop.serve(tls_secret("kept", new))
        until(lambda: shown(shop, "kept.test", new) == der(new))
        assert _status(connection) == 200
        assert connection.sock is secured


def test_a_host_may_be_left_to_its_backend(shop: Shop, tmp_path: Path) -> None:
    inside = issue("deep.test")
    with _tls_backend(inside, tmp_path) as shop.ports["deep"]:
        shop.serve(
            service("deep"),
            shop.endpoints("deep"),
            ingress(
                "deep",
                "deep.test",
                path("/", backend="deep"),
                annotations={"tls-passthrough": "true"},
            ),
        )
        until(lambda: shown(shop, "deep.test", inside) == der(inside))


def test_a_backend_is_spoken_to_by_tls_and_known(shop: Shop, tmp_path: Path) -> None:
    authority = issue(authority=True)
    inside = issue("inner.test", by=authority)
    checked = {
        "backend-protocol": "HTTPS",
        "backend-tls-secret": "inner-ca",
        "backend-tls-verify": "true",
    }
    with _tls_backend(inside, tmp_path) as shop.ports["inner"]:
        shop.serve(
            service("inner"),
            shop.endpoints("inner"),
            secret("inner-ca", ca_crt=authority.chain),
            *(
                ingress(
                    f"inner-{name}",
                    f"{name}.inner.test",
                    path("/", backend="inner"),
                    annotations={**checked, "backend-tls-server-name": wanted},
                )
                for name, wanted in (("known", "inner.test"), ("wrong", "other.test"))
            ),
        )
        assert shop.gate.wait("known.inner.test").body == b"secured"
        assert shop.gate.wait("wrong.inner.test", status=503)


@contextlib.contextmanager
def _connected(shop: Shop, host: str, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    with (
        socket.create_connection(("127.0.0.1", shop.gate.https_port), 10) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        yield secured


def _status(connection: http.client.HTTPConnection) -> int:
    connection.request("GET", "/", headers={"Host": "kept.test"})
    response = connection.getresponse()
    response.read()
    return response.status


@contextlib.contextmanager
def _tls_backend(pair: Pair, directory: Path) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair.written(directory, "inside"))
    plainly = saying(b"secured")

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            plainly(secured)

    with server(answer, "") as port:
        yield port
