"""What the ingress connects to: clusters, their endpoints, certificates and authorities."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from lockgate.model.meta import ObjectRef

Balance = Literal["round_robin", "least_request", "random", "ring_hash", "maglev"]
Protocol = Literal["http1", "http2"]
SYSTEM = "system"
"""Instead of the name of an authority: those that the host trusts."""


@dataclass(frozen=True, slots=True)
class UpstreamTls:
    """TLS to the backend.

    ``authority`` and ``certificate`` name a :class:`CertificateAuthority` and a
    :class:`Certificate`, or are empty: the backend is then not verified, and shown none.
    """

    server_name: str = ""
    authority: str = ""
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """How the backends of a cluster are talked to. A limit of 0 is Envoy's own."""

    protocol: Protocol = "http1"
    tls: UpstreamTls | None = None
    proxy_protocol: Literal[0, 1, 2] = 0
    """Version of the PROXY protocol to begin each connection with; 0 is none."""
    balance: Balance = "round_robin"
    connect_timeout_s: float = 5.0
    max_connections: int = 0
    max_pending_requests: int = 0
    max_requests: int = 0
    max_retries: int = 0
    eject_after_errors: int = 0
    """Consecutive 5xx answers after which an endpoint is left alone for a while; 0 is never."""


PLAIN = ClusterOptions()


@dataclass(frozen=True, slots=True)
class Cluster:
    """A group of backends with one way of talking to them.

    Its endpoints are those of ``service``, a name of :class:`ClusterEndpoints` (empty: its own
    name), or those that DNS has for ``dns``, a host and a port.
    """

    name: str
    origin: ObjectRef
    service: str = ""
    dns: tuple[str, int] | None = None
    options: ClusterOptions = PLAIN


@dataclass(frozen=True, slots=True)
class ClusterEndpoints:
    """Backends of a Service's port as (address, port), sorted; none answers 503."""

    cluster: str
    endpoints: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate chain with its key, in PEM; ``name`` is ``namespace/secret``."""

    name: str
    chain: bytes
    private_key: bytes = field(repr=False)
    origin: ObjectRef
    key_type: Literal["rsa", "ecdsa"] = "rsa"
    names: tuple[str, ...] = ()
    """Hosts that it is for."""
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class CertificateAuthority:
    """Who may have signed the other end's certificate; ``name`` is ``namespace/secret/ca``."""

    name: str
    certificates: bytes
    origin: ObjectRef
    revoked: bytes = b""
    """Revocation lists, in PEM."""
