"""What an Envoy must serve: ingress listeners, routes, clusters, and L7 rule sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from lockgate.model.meta import ObjectRef


@dataclass(frozen=True, slots=True)
class ClientAuth:
    """Certificates that clients show: by whom they must be signed, and whether one is required.

    ``depth`` is how many intermediates there may be; with ``forward`` the backend is told of it.
    """

    authority: str
    required: bool = True
    depth: int = 1
    forward: bool = False


@dataclass(frozen=True, slots=True)
class TlsHost:
    """How a TLS connection for a server name is taken; ``*`` is for all that have no other.

    With ``passthrough``, a cluster, the backend ends TLS itself; otherwise one of
    ``certificates`` is shown, the best that the client understands.
    """

    host: str
    certificates: tuple[str, ...] = ()
    client: ClientAuth | None = None
    passthrough: str = ""


@dataclass(frozen=True, slots=True)
class ClientAddress:
    """Whom the ingress believes what it says of the client's address.

    Without any of these the client is who connects, and what it says of itself is removed.
    """

    proxy_protocol: bool = False
    """Every connection begins with a PROXY protocol header, version 1 or 2."""
    trusted_hops: int = 0
    """Proxies in front of us, each of which appends to ``X-Forwarded-For``."""
    trusted_prefixes: tuple[str, ...] = ()
    """Addresses of proxies; only connections from there are believed."""


UNTRUSTED = ClientAddress()


@dataclass(frozen=True, slots=True)
class IngressProxy:
    """The public listeners. No TLS host: the HTTPS listener is not opened."""

    http_port: int
    https_port: int
    hosts: tuple[TlsHost, ...] = ()
    address: str = "0.0.0.0"  # an ingress is there to be reached
    client: ClientAddress = UNTRUSTED
    http3: bool = False
    public_https_port: int = 0
    """Under which clients reach the HTTPS listener; 0: its own."""
    max_header_kib: int = 96
    max_connections: int = 0
    """At once, for each listener; 0 is no limit."""
    connections_per_s: int = 0
    access_log: str = ""
    """A file for the JSON access log, ``-`` for standard output, or empty."""


@dataclass(frozen=True, slots=True, order=True)
class HeaderMatch:
    """A header and the value it should have; ``value`` None means any.

    What becomes of a request whose header differs: with ``mismatch`` FAIL it does not match. With
    the others it does, and the header is left (LOG), added (ADD), removed (DELETE) or set
    (REPLACE). ``secret`` is ``namespace/name`` of the Secret that holds the value, or empty.
    """

    name: str
    value: str | None = None
    mismatch: Literal["FAIL", "LOG", "ADD", "DELETE", "REPLACE"] = "FAIL"
    secret: str = ""


@dataclass(frozen=True, slots=True, order=True)
class HttpMatch:
    """A request that is allowed. Expressions are RE2 and match the whole text; empty: anything."""

    method: str = ""
    path: str = ""
    host: str = ""
    headers: tuple[HeaderMatch, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpRuleSet:
    """Requests that pass: those that any match allows. ``name`` is a hash of the matches.

    No match at all denies every request; one empty match allows every request.
    """

    name: str
    matches: tuple[HttpMatch, ...]
    origins: tuple[ObjectRef, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class DnsRuleSet:
    """DNS queries that pass: for names that any pattern matches; see ``NamePattern``."""

    name: str
    patterns: tuple[str, ...]
    origins: tuple[ObjectRef, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, order=True)
class KafkaMatch:
    """A Kafka request that is allowed; empty members (None for the version) mean anything."""

    api_keys: tuple[int, ...] = ()
    api_version: int | None = None
    client_id: str = ""
    topic: str = ""


@dataclass(frozen=True, slots=True)
class KafkaRuleSet:
    """Kafka requests that pass: those all of whose topics some match allows."""

    name: str
    matches: tuple[KafkaMatch, ...]
    origins: tuple[ObjectRef, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class TlsRuleSet:
    """TLS connections that pass: those whose server name any pattern matches."""

    name: str
    server_names: tuple[str, ...]
    origins: tuple[ObjectRef, ...] = field(default=(), compare=False)


DNS_PREFIX = "dns-"
"""How the names of DNS rule sets begin; those are the agent's to serve, not Envoy's."""
RuleSet = HttpRuleSet | DnsRuleSet | KafkaRuleSet | TlsRuleSet


@dataclass(frozen=True, slots=True)
class L7Listener:
    """A transparent listener on ``127.0.0.1:port`` that enforces up to two rule sets in turn.

    Connections reach it only by the kernel's redirect. ``egress`` and ``ingress`` name rule sets;
    an empty name enforces nothing there.
    """

    port: int
    egress: str
    ingress: str

    @property
    def name(self) -> str:
        """Stable and derived from what it enforces."""
        return f"l7/{self.egress or 'none'}/{self.ingress or 'none'}"
