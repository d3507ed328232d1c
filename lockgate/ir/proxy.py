"""What an Envoy must serve: ingress listeners, routes, clusters, and L7 rule sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from lockgate.model.meta import ObjectRef


@dataclass(frozen=True, slots=True, order=True)
class PathMatch:
    """How a route matches a path.

    ``prefix`` is by path element: ``/foo`` matches ``/foo`` and ``/foo/bar``, not ``/foobar``.
    ``regex`` is RE2 and must match the whole path.
    """

    kind: Literal["exact", "prefix", "regex"]
    value: str


@dataclass(frozen=True, slots=True)
class Route:
    """Requests that match go to ``cluster``; an empty cluster answers with ``status``."""

    match: PathMatch
    cluster: str
    origin: ObjectRef
    status: int = 0


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """Routes of one host, in order of precedence; the first match wins.

    ``host`` is a name, ``*.name`` for exactly one label before it, or ``*`` for every other host.
    """

    host: str
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Cluster:
    """A group of backends; ``name`` is ``namespace/service/port`` as declared."""

    name: str
    origin: ObjectRef


@dataclass(frozen=True, slots=True)
class ClusterEndpoints:
    """Backends of a cluster as (address, port), sorted; none answers 503."""

    cluster: str
    endpoints: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate chain with its key, in PEM; ``name`` is ``namespace/secret``."""

    name: str
    chain: bytes
    private_key: bytes = field(repr=False)
    origin: ObjectRef


@dataclass(frozen=True, slots=True, order=True)
class CertificateUse:
    """A certificate is shown for these server names; ``*`` is the default."""

    host: str
    certificate: str


@dataclass(frozen=True, slots=True)
class IngressProxy:
    """The two public listeners. No certificate: the HTTPS listener is not opened."""

    http_port: int
    https_port: int
    certificates: tuple[CertificateUse, ...] = ()
    address: str = "0.0.0.0"  # an ingress is there to be reached


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
