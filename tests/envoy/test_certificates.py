"""Certificates in the real Envoy: connections outlive their rotation and new ones beside them."""

from __future__ import annotations

import asyncio
import datetime as dt
import http.client
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lockgate.ir.proxy import IngressProxy, TlsHost
from lockgate.ir.upstream import Certificate
from lockgate.model.meta import ObjectRef
from tests.envoy.live import TIMEOUT, backend, envoy, free_port, run, serving, started
from tests.envoy.test_live import ingress
from xds.envoy import EnvoyProcess
from xds.snapshot import SnapshotCache
from xds.translate.clusters import certificate
from xds.translate.ingress.listeners import ingress_listeners

__all__ = ["backend", "envoy"]


def issued(name: str, subject: str) -> Certificate:
    """Return a new self-signed certificate as a Secret would hold it."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain = made.public_bytes(serialization.Encoding.PEM)
    return Certificate(name, chain, private, ObjectRef("Secret", "shop", name))


class Visitor:
    """One TLS connection."""

    def __init__(self, port: int, host: str) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self._secure = context.wrap_socket(plain, server_hostname=host)
        self._connection = http.client.HTTPConnection(host)
        self._connection.sock = self._secure

    def subject(self) -> str:
        """Return the common name that the server has shown."""
        shown = self._secure.getpeercert(binary_form=True)
        assert shown is not None
        names = x509.load_der_x509_certificate(shown).subject
        return str(names.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)

    def status(self) -> int:
        """Ask once more on the same connection."""
        self._connection.request("GET", "/a")
        answer = self._connection.getresponse()
        answer.read()
        assert self._connection.sock is self._secure
        return answer.status

    def close(self) -> None:
        """End the connection."""
        self._secure.close()


async def shows(port: int, host: str, subject: str) -> Visitor:
    """Wait until a new connection is shown a certificate."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            try:
                visitor = await asyncio.to_thread(Visitor, port, host)
                if visitor.subject() == subject:
                    return visitor
                visitor.close()
            except OSError:
                pass  # not yet listening, or without this certificate
            await asyncio.sleep(0.05)


@pytest.mark.envoy
def test_a_connection_outlives_rotation_and_new_certificates(
    envoy: EnvoyProcess, backend: int
) -> None:
    port = free_port()
    proxy = IngressProxy(port, port + 1, (TlsHost("shop.test", ("one",)),), address="127.0.0.1")

    async def body() -> None:
        cache = SnapshotCache()
        cache.update([*ingress(port, backend, "/a"), *ingress_listeners(proxy)])
        cache.update([certificate(issued("one", "old"))])
        cache.ready()
        async with serving(envoy, cache):
            await started(envoy)
            visitor = await shows(port + 1, "shop.test", "old")
            assert visitor.status() == 200
            cache.update([certificate(issued("one", "new"))])
            (await shows(port + 1, "shop.test", "new")).close()
            assert visitor.status() == 200
            uses = (*proxy.hosts, TlsHost("other.test", ("two",)))
            more = IngressProxy(port, port + 1, uses, address="127.0.0.1")
            cache.update([certificate(issued("two", "other")), *ingress_listeners(more)])
            (await shows(port + 1, "other.test", "other")).close()
            assert visitor.status() == 200
            stats = envoy.admin.stats("^listener_manager")
            assert stats["listener_manager.listener_in_place_updated"] == 1
            assert stats["listener_manager.total_listeners_draining"] == 0
            visitor.close()

    run(body())
