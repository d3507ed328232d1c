"""Who may connect, and what they get."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc

from xds.requests import BadRequest
from xds.snapshot import SnapshotCache


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of a listener that takes TCP connections, all with mutual TLS."""

    certificate: Path
    private_key: Path
    client_ca: Path
    """Issuers of client certificates."""


@dataclass(frozen=True, slots=True)
class TcpListener:
    """Where and how remote nodes reach the server, and what each may have."""

    address: str
    """``host:port``."""
    tls: TlsFiles
    caches: Mapping[str, SnapshotCache]
    """By node id."""


def certificate_nodes(auth_context: Mapping[str, Iterable[bytes]]) -> frozenset[str]:
    """Return the node ids that a client's certificate speaks for.

    A subject alternative name is one itself, or is ``spiffe://<trust domain>/node/<id>``. The
    common name counts only where there is no alternative name (RFC 6125, section 6.4.4).
    """
    names = [name.decode() for name in auth_context.get("x509_subject_alternative_name", ())]
    if not names:
        names = [name.decode() for name in auth_context.get("x509_common_name", ())]
    found = set()
    for name in names:
        scheme, separator, rest = name.partition("spiffe://")
        if separator and not scheme:
            _domain, marker, node = rest.partition("/node/")
            if marker and node and "/" not in node:
                found.add(node)
        else:
            found.add(name)
    return frozenset(found)


def cache_for(
    node_id: str, nodes: frozenset[str], caches: Mapping[str, SnapshotCache]
) -> SnapshotCache:
    """Return what a client on TCP may see.

    Raises: BadRequest: its certificate is not of that node, or there is nothing for that node.
    """
    if node_id not in nodes:
        raise BadRequest(
            "PERMISSION_DENIED", f"the client certificate is not of the node {node_id!r}"
        )
    cache = caches.get(node_id)
    if cache is None:
        raise BadRequest("PERMISSION_DENIED", f"there is nothing to serve to the node {node_id!r}")
    return cache


def server_credentials(files: TlsFiles) -> grpc.ServerCredentials:
    """Return credentials that demand a client certificate and follow the files.

    A certificate renewed on disk is used from the next connection on.

    Raises: OSError: a file cannot be read.
    """
    seen = _read(files)

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        nonlocal seen
        try:
            now = _read(files)
        except OSError:
            return None  # in the middle of being replaced: the last ones stay
        if now == seen:
            return None
        seen = now
        return _configuration(now)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(seen), fetch, require_client_authentication=True
    )


def _read(files: TlsFiles) -> tuple[bytes, bytes, bytes]:
    return (
        files.private_key.read_bytes(),
        files.certificate.read_bytes(),
        files.client_ca.read_bytes(),
    )


def _configuration(pem: tuple[bytes, bytes, bytes]) -> grpc.ServerCertificateConfiguration:
    key, chain, roots = pem
    return grpc.ssl_server_certificate_configuration([(key, chain)], root_certificates=roots)
