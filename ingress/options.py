"""What annotations ask of an Ingress, as values; :mod:`ingress.annotations` reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lockgate.ir.http import (
    NO_EDITS,
    SAFE,
    Cors,
    ErrorPage,
    HashKey,
    HeaderEdits,
    RateLimit,
    Redirect,
    Retry,
)
from lockgate.ir.upstream import PLAIN, ClusterOptions
from lockgate.model.ingress import ServiceBackend

SecretKey = tuple[str, str]
"""(namespace, name); always of the Ingress's own namespace."""


@dataclass(frozen=True, slots=True)
class Canary:
    """This Ingress's backends get some of the requests of another one's paths.

    A header or cookie decides first: ``always`` and ``never``, or for the header a value or RE2
    expression that stands for ``always``. Of the rest, ``weight`` out of ``total`` go here.
    """

    weight: int = 0
    total: int = 100
    header: str = ""
    value: str = ""
    pattern: str = ""
    cookie: str = ""


@dataclass(frozen=True, slots=True)
class ExternalAuthOptions:
    """A service that is asked about each request; see :class:`lockgate.ir.http.ExternalAuth`."""

    url: str
    response_headers: tuple[str, ...] = ()
    signin: str = ""
    timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class JwtOptions:
    """A token that is required; its keys come from ``uri``, or from ``jwks`` of a Secret."""

    issuer: str
    audiences: tuple[str, ...] = ()
    uri: str = ""
    secret: SecretKey | None = None
    payload_header: str = ""
    forward: bool = True


@dataclass(frozen=True, slots=True)
class ClientCertificates:
    """Certificates that clients must, or may, show; signed by ``ca.crt`` of a Secret."""

    secret: SecretKey
    required: bool = True
    depth: int = 1
    """Intermediates between the client's certificate and the authority."""
    forward: bool = False
    """Whether the backend is told of the certificate, in ``x-forwarded-client-cert``."""


@dataclass(frozen=True, slots=True)
class BackendTls:
    """TLS to the backend; ``secret`` has ``ca.crt``, and may have ``tls.crt`` and ``tls.key``."""

    secret: SecretKey | None = None
    verify: bool = False
    server_name: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """All that the annotations of one Ingress say."""

    use_regex: bool = False
    """Paths are RE2 expressions, matched from the path's start and ignoring case."""
    rewrite: str | None = None
    """The new path, with ``\\1`` for captures."""
    app_root: str = ""
    redirect: Redirect | None = None
    force_https: Literal["", "always", "tls", "never"] = ""
    """``tls`` redirects hosts with TLS only; empty is the setting of the controller."""
    hsts: str = ""
    """Value of ``Strict-Transport-Security``, sent over HTTPS only."""
    request_timeout_s: float = 0.0
    idle_timeout_s: float = 0.0
    retry: Retry = SAFE
    max_body: int = 0
    cors: Cors | None = None
    allow_from: tuple[str, ...] = ()
    deny_from: tuple[str, ...] = ()
    rate: RateLimit | None = None
    basic_auth: SecretKey | None = None
    """Its key ``auth`` has lines ``name:{SHA}hash``."""
    external_auth: ExternalAuthOptions | None = None
    jwt: JwtOptions | None = None
    request_headers: HeaderEdits = NO_EDITS
    response_headers: HeaderEdits = NO_EDITS
    hash_on: tuple[HashKey, ...] = ()
    cluster: ClusterOptions = PLAIN
    """Without its ``tls``, which depends on Secrets: see ``backend_tls``."""
    protocol: Literal["", "http1", "http2"] = ""
    """Empty: what the Service's port says by ``appProtocol``."""
    backend_tls: BackendTls | None = None
    """None: what the Service's port says."""
    canary: Canary | None = None
    mirror: ServiceBackend | None = None
    mirror_percent: float = 100.0
    compress: bool = False
    error_pages: tuple[ErrorPage, ...] = ()
    host: str = ""
    """The authority that the backend sees."""
    passthrough: bool = False
    client_certificates: ClientCertificates | None = None
    closed: str = ""
    """Why the paths are answered 503: a protection that is asked for cannot be had."""


DEFAULT = Options()
