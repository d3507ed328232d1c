"""How TLS connections are taken, in the real Envoy."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lockgate.ir.http import Filters
from lockgate.ir.proxy import ClientAuth, IngressProxy, TlsHost
from lockgate.ir.upstream import Certificate, CertificateAuthority
from lockgate.model.meta import ObjectRef
from tests.certificates import Pair, issue
from tests.envoy.ingress import HOST, Setting
from tests.envoy.live import backend, envoy, free_port, run
from xds.envoy import EnvoyProcess
from xds.resource import Resource
from xds.translate.clusters import authority, certificate

__all__ = ["backend", "envoy"]
SECRET = ObjectRef("Secret", "shop", "tls")


def served(name: str, pair: Pair) -> Resource:
    """Return a certificate as a resource."""
    return certificate(Certificate(name, pair.chain, pair.key, SECRET))


def secured(backend: int, *hosts: TlsHost) -> Setting:
    """Return a setting with TLS hosts in front of one route of every host."""
    setting = Setting(backend, proxy=IngressProxy(free_port(), free_port(), hosts, "127.0.0.1"))
    setting.host(setting.route(), name="*")
    return setting


def serve(setting: Setting, envoy: EnvoyProcess, test: Callable[[], None]) -> None:
    """Serve a setting and run a test in a thread."""

    async def body() -> None:
        await asyncio.to_thread(test)

    run(setting.serve(envoy, body))


def shown(setting: Setting, name: str | None, context: ssl.SSLContext) -> ssl.SSLSocket:
    """Return a TLS connection with a server name."""
    plain = socket.create_connection(("127.0.0.1", setting.proxy.https_port), 10)
    return context.wrap_socket(plain, server_hostname=name)


def certificate_for(setting: Setting, name: str | None, context: ssl.SSLContext) -> bytes:
    """Return the certificate shown for a server name, in DER."""
    with shown(setting, name, context) as connection:
        return connection.getpeercert(binary_form=True) or b""


def der(pair: Pair) -> bytes:
    """Return a certificate in DER."""
    return ssl.PEM_cert_to_DER_cert(pair.chain.decode())


def test_the_server_name_chooses_the_certificate(backend: int, envoy: EnvoyProcess) -> None:
    one, wild, default = issue("one.test"), issue("*.wild.test"), issue("default.test")
    setting = secured(
        backend,
        TlsHost("one.test", ("one",)),
        TlsHost("*.wild.test", ("wild",)),
        TlsHost("*", ("default",)),
    )
    setting.more += [served("one", one), served("wild", wild), served("default", default)]
    anybody = one.client()

    def test() -> None:
        wanted = {"one.test": one, "a.wild.test": wild, "other.test": default, None: default}
        for name, pair in wanted.items():
            assert certificate_for(setting, name, anybody) == der(pair), name
        assert setting.get("/x", host="one.test", tls=one.client(trusts=one)).status == 200

    serve(setting, envoy, test)


def test_clients_get_the_key_type_they_understand(backend: int, envoy: EnvoyProcess) -> None:
    modern, old = issue(HOST), issue(HOST, rsa_key=True)
    setting = secured(backend, TlsHost(HOST, ("modern", "old")))
    setting.more += [served("modern", modern), served("old", old)]
    only_rsa = old.client()
    only_rsa.maximum_version = ssl.TLSVersion.TLSv1_2
    only_rsa.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")

    def test() -> None:
        assert certificate_for(setting, HOST, modern.client()) == der(modern)
        assert certificate_for(setting, HOST, only_rsa) == der(old)

    serve(setting, envoy, test)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_protocols_and_ciphers_are_refused(backend: int, envoy: EnvoyProcess) -> None:
    pair = issue(HOST, rsa_key=True)
    setting = secured(backend, TlsHost(HOST, ("one",)))
    setting.more.append(served("one", pair))

    def client(version: ssl.TLSVersion, ciphers: str) -> ssl.SSLContext:
        context = pair.client()
        context.minimum_version = context.maximum_version = version
        context.set_ciphers(ciphers)
        return context

    def test() -> None:
        for refused in (
            client(ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"),
            client(ssl.TLSVersion.TLSv1_2, "AES128-SHA:@SECLEVEL=0"),
        ):
            with pytest.raises(ssl.SSLError):
                shown(setting, HOST, refused)
        with shown(setting, HOST, pair.client()) as connection:
            assert connection.version() == "TLSv1.3"

    serve(setting, envoy, test)


def test_http2_is_offered(backend: int, envoy: EnvoyProcess) -> None:
    pair = issue(HOST)
    setting = secured(backend, TlsHost(HOST, ("one",)))
    setting.more.append(served("one", pair))
    context = pair.client()
    context.set_alpn_protocols(["h2", "http/1.1"])

    def test() -> None:
        with shown(setting, HOST, context) as connection:
            assert connection.selected_alpn_protocol() == "h2"

    serve(setting, envoy, test)


def test_clients_show_certificates_and_cannot_go_around(
    backend: int, envoy: EnvoyProcess, tmp_path: Path
) -> None:
    pair, ca = issue(HOST), issue(authority=True)
    known, stranger = issue("ann", by=ca), issue("eve")
    demanding = TlsHost(HOST, ("one",), ClientAuth("ca", forward=True))
    setting = secured(backend, demanding, TlsHost("open.test", ("one",)))
    setting.hosts.clear()
    setting.host(setting.route(filters=Filters(server_name=HOST)))
    setting.host(setting.route(), name="open.test")
    setting.more += [
        served("one", pair),
        authority(CertificateAuthority("ca", ca.chain, SECRET)),
    ]

    def client(of: Pair | None) -> ssl.SSLContext:
        context = pair.client()
        if of is not None:
            context.load_cert_chain(*of.written(tmp_path, "client"))
        return context

    def test() -> None:
        headers = {"X-Show": "X-Forwarded-Client-Cert", "X-Forwarded-Client-Cert": "forged"}
        passed = setting.get("/x", tls=client(known), headers=headers)
        assert passed.status == 200
        assert "DNS=ann" in passed.body
        assert "forged" not in passed.body
        for refused in (client(None), client(stranger)):
            with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
                setting.get("/x", tls=refused)
        # By another name, that demands nothing, and without TLS.
        around = _Around(setting, "open.test", client(None))
        assert around.ask(HOST) == 403
        assert around.ask("open.test") == 200
        assert setting.get("/x").status == 403

    serve(setting, envoy, test)


class _Around:
    """Asks for one host on connections to another."""

    def __init__(self, setting: Setting, name: str, context: ssl.SSLContext) -> None:
        self._setting, self._name, self._context = setting, name, context

    def ask(self, host: str) -> int:
        with shown(self._setting, self._name, self._context) as connection:
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            return int(connection.recv(100).split()[1])


def test_tls_is_passed_through_by_name(backend: int, envoy: EnvoyProcess, tmp_path: Path) -> None:
    inside, outside = issue("deep.test"), issue("one.test")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*inside.written(tmp_path, "inside"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        setting = secured(
            backend, TlsHost("deep.test", passthrough="deep"), TlsHost("one.test", ("one",))
        )
        setting.add_cluster("deep", listener.getsockname()[1])
        setting.more.append(served("one", outside))

        def answer() -> None:
            connection, _ = listener.accept()
            with server.wrap_socket(connection, server_side=True) as secured_connection:
                secured_connection.recv(1)

        def test() -> None:
            answering = threading.Thread(target=answer, daemon=True)
            answering.start()
            assert certificate_for(setting, "deep.test", inside.client()) == der(inside)
            answering.join(10)
            assert certificate_for(setting, "one.test", outside.client()) == der(outside)

        serve(setting, envoy, test)


def test_http3_is_served_beside_https(backend: int, envoy: EnvoyProcess) -> None:
    pair = issue(HOST)
    setting = secured(backend, TlsHost(HOST, ("one",)))
    setting.proxy = replace(setting.proxy, http3=True)
    setting.more.append(served("one", pair))

    def test() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(5)
            # A packet of a version that nobody speaks is answered with those that are spoken.
            packet = (
                bytes([0xC0])
                + b"\x1a\x2a\x3a\x4a"
                + bytes([8])
                + b"lockgate"
                + bytes([8])
                + b"gatelock"
            )
            probe.sendto(packet.ljust(1200, b"\0"), ("127.0.0.1", setting.proxy.https_port))
            answer = probe.recv(2000)
        told = setting.get(tls=pair.client()).headers["alt-svc"]
        assert told == f'h3=":{setting.proxy.https_port}"; ma=86400'
        assert "alt-svc" not in setting.get().headers
        assert answer[1:5] == b"\0\0\0\0"
        assert b"\x00\x00\x00\x01" in answer[5:]

    serve(setting, envoy, test)
