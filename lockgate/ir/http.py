"""What becomes of an HTTP request at the ingress: how it is matched, judged, changed, answered."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Literal

from lockgate.model.meta import ObjectRef

ANY_HOST = "*"
_REWRITTEN = re.compile(r"%(?:(?:UPSTREAM|DYNAMIC)_METADATA|PER_REQUEST_STATE)\(")


def is_rewritten(header: str) -> bool:
    """Tell whether a header's value cannot be written as it is.

    Envoy brings three variables of old into their new form before it reads the escapes.
    """
    return _REWRITTEN.search(header) is not None


@dataclass(frozen=True, slots=True, order=True)
class PathMatch:
    """How a route matches a path.

    ``prefix`` is by path element: ``/foo`` matches ``/foo`` and ``/foo/bar``, not ``/foobar``.
    ``regex`` is RE2 and must match the whole path.
    """

    kind: Literal["exact", "prefix", "regex"]
    value: str


@dataclass(frozen=True, slots=True, order=True)
class FieldTest:
    """A header or cookie that must be there.

    ``value`` None takes any value; with ``regex`` it is an RE2 expression that must match the
    whole value. ``negate`` turns the test around.
    """

    name: str
    value: str | None = None
    regex: bool = False
    negate: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """A cluster and its part of the requests, out of the sum of all shares of a route."""

    cluster: str
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Rewrite:
    r"""The path, without its query, that the backend is asked for.

    ``pattern`` is RE2 and matches the whole path; ``substitution`` has ``\1`` for its captures.
    """

    pattern: str
    substitution: str


SAFE_RETRIES = ("connect-failure", "refused-stream", "reset-before-request")
"""Conditions under which the backend cannot have begun with the request."""


@dataclass(frozen=True, slots=True)
class Retry:
    """When a request is tried again on another endpoint.

    ``on`` has Envoy's names for the conditions; ``statuses`` are those of answers to be replaced.
    """

    on: tuple[str, ...] = SAFE_RETRIES
    attempts: int = 2
    """Beyond the first; 0 never retries."""
    statuses: tuple[int, ...] = ()
    try_timeout_s: float = 0.0
    """How long one try may take; 0 is as long as the request."""


SAFE = Retry()


@dataclass(frozen=True, slots=True, order=True)
class HashKey:
    """What of a request chooses the endpoint; equal values go to the same one while it is there.

    A ``cookie`` that the client lacks is given to it if ``cookie_ttl_s`` is set; 0 is a session
    cookie, None gives none.
    """

    kind: Literal["cookie", "header", "query", "client"]
    name: str = ""
    cookie_ttl_s: float | None = None
    cookie_path: str = "/"


@dataclass(frozen=True, slots=True)
class Mirror:
    """A cluster that gets a copy of requests, and whose answers are thrown away."""

    cluster: str
    percent: float = 100.0


@dataclass(frozen=True, slots=True)
class Forward:
    """Pass the request on. A timeout of 0 is none."""

    shares: tuple[Share, ...]
    rewrite: Rewrite | None = None
    host: str = ""
    """The authority that the backend sees; empty leaves the client's."""
    timeout_s: float = 0.0
    idle_timeout_s: float = 0.0
    retry: Retry = SAFE
    hash_on: tuple[HashKey, ...] = ()
    mirror: Mirror | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send the client elsewhere; what is empty, 0 or None stays as it was asked for."""

    status: Literal[301, 302, 303, 307, 308]
    scheme: Literal["", "http", "https"] = ""
    host: str = ""
    port: int = 0
    path: str | None = None
    """Path and query."""


@dataclass(frozen=True, slots=True)
class Respond:
    """Answer from the ingress itself."""

    status: int
    body: str = ""


Action = Forward | Redirect | Respond


@dataclass(frozen=True, slots=True)
class HeaderEdits:
    """Headers to overwrite or create, to add beside what is there, and to remove."""

    set: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


NO_EDITS = HeaderEdits()


@dataclass(frozen=True, slots=True)
class RateLimit:
    """``requests`` in every ``per_s`` seconds for each client address; then 429.

    ``burst`` is how many may come at once.
    """

    requests: int
    per_s: int
    burst: int


@dataclass(frozen=True, slots=True)
class Cors:
    """Answers to cross-origin requests.

    An origin is exact, ``*``, or has one ``*`` for any number of labels: ``https://*.shop.test``.
    """

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...] = ()
    credentials: bool = True
    max_age_s: int = 1_728_000


@dataclass(frozen=True, slots=True)
class ExternalAuth:
    """A service that is asked about each request: 2xx lets it pass, anything else is the answer.

    ``cluster`` reaches it. ``response_headers`` of its answer are passed on to the backend.
    ``signin`` is where the client is sent instead of being told 401, or empty.
    """

    url: str
    """Scheme, host and port."""
    path: str
    """Path and query that are asked for, whatever the request's are."""
    cluster: str
    response_headers: tuple[str, ...] = ()
    signin: str = ""
    timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class JwtProvider:
    """Who issues tokens, and the keys they are checked with: inline, or fetched from ``uri``."""

    issuer: str
    audiences: tuple[str, ...] = ()
    uri: str = ""
    cluster: str = ""
    """Reaches the host of ``uri``."""
    keys: bytes = b""
    """A JSON Web Key Set, where there is no ``uri``."""
    payload_header: str = ""
    """Where the backend finds the token's payload in base64url, or empty."""
    forward: bool = True
    """Whether the backend gets the token too."""


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """The body that replaces that of answers with a status; ``status`` may be a class: ``5xx``."""

    status: str
    body: str
    content_type: str = "text/html"


@dataclass(frozen=True, slots=True, order=True)
class ClientScreen:
    """Which clients policy lets through: the longest prefix that holds an address decides."""

    allowed: tuple[str, ...]
    denied: tuple[str, ...] = ()

    def admits(self, address: str) -> bool:
        """Say whether a client may pass; one that no prefix holds may not."""
        asked = ip_address(address)
        holding = [
            (network.prefixlen, verdict)
            for verdict, prefixes in ((True, self.allowed), (False, self.denied))
            for network in map(ip_network, prefixes)
            if asked in network
        ]
        return max(holding, default=(0, False))[1]


@dataclass(frozen=True, slots=True)
class Filters:
    """What a request must pass, and how it and its answer are changed on the way."""

    allow_from: tuple[str, ...] = ()
    """Prefixes of client addresses; empty allows all that ``deny_from`` does not hold."""
    deny_from: tuple[str, ...] = ()
    screens: tuple[ClientScreen, ...] = ()
    """What the policies of the backends, and of the Ingress, say of clients; each must admit."""
    server_name: str = ""
    """The TLS name the client must have asked for, because that name demands its certificate."""
    max_body: int = 0
    """Bytes of a request's body; 0 is no limit. More is answered 413."""
    rate: RateLimit | None = None
    cors: Cors | None = None
    basic_auth: bytes = field(default=b"", repr=False)
    """Lines ``name:{SHA}hash``; empty asks for no password."""
    external_auth: ExternalAuth | None = None
    jwt: JwtProvider | None = None
    """Whose token is required."""
    request_headers: HeaderEdits = NO_EDITS
    response_headers: HeaderEdits = NO_EDITS
    compress: bool = False
    error_pages: tuple[ErrorPage, ...] = ()


PLAIN = Filters()


@dataclass(frozen=True, slots=True)
class Route:
    """A kind of request and what becomes of it."""

    match: PathMatch
    action: Action
    origin: ObjectRef
    filters: Filters = PLAIN
    scheme: Literal["", "http", "https"] = ""
    """How the client came; empty: either way."""
    headers: tuple[FieldTest, ...] = ()
    cookies: tuple[FieldTest, ...] = ()


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """Routes of one host, in order of precedence; the first match wins.

    ``host`` is a name, ``*.name`` for exactly one label before it, or ``*`` for every other host.
    """

    host: str
    routes: tuple[Route, ...]
