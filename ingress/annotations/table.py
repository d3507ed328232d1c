"""Every annotation that is read, and those of ingress-nginx that mean the same.

A row gives our name, how its value is read, and for each annotation of nginx how that is read to
the same value. ``protects`` marks what keeps somebody out: if it cannot be read, the paths of the
Ingress are closed instead of left open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ingress.annotations import values as v

OURS = "ingress.lockgate.io/"
NGINX = "nginx.ingress.kubernetes.io/"
Reader = Callable[[str], Any]
"""Returns the value, or None for one that says nothing; raises ``ValueError`` with what to write."""


@dataclass(frozen=True, slots=True)
class Row:
    """One annotation."""

    name: str
    read: Reader
    about: str
    nginx: Mapping[str, Reader] = field(default_factory=dict)
    protects: bool = False


def _same(name: str, read: Reader, about: str, *nginx: str, protects: bool = False) -> Row:
    """Return a row whose names in nginx are read the same way."""
    return Row(name, read, about, dict.fromkeys(nginx, read), protects)


def _choice(texts: Mapping[str, object]) -> Reader:
    """Return a reader of some words, for the value that each stands for."""

    def read(text: str) -> object:
        wanted = text.strip().lower()
        if wanted not in texts:
            msg = f"write one of {', '.join(texts)}"
            raise ValueError(msg)
        return texts[wanted]

    return read


def _next_upstream(text: str) -> tuple[str, ...]:
    """Read nginx's conditions; those for statuses are in :func:`_next_statuses`."""
    found: list[str] = []
    for word in v.words(text):
        if word == "off":
            return ()
        if word not in _CONDITIONS and not word.startswith("http_"):
            msg = f"{word!r} is not known; write some of {', '.join(_CONDITIONS)}, http_503, off"
            raise ValueError(msg)
        found += _CONDITIONS.get(word, ("retriable-status-codes",))
    return v.unique(found)


def _conditions(text: str) -> tuple[str, ...]:
    found = v.words(text)
    if found == ("off",):
        return ()
    wrong = [word for word in found if word not in _ENVOY_CONDITIONS]
    if wrong:
        msg = f"{wrong[0]!r} is not known; write some of {', '.join(_ENVOY_CONDITIONS)}, or off"
        raise ValueError(msg)
    return v.unique(found)


def _next_statuses(text: str) -> tuple[int, ...] | None:
    found = [word.removeprefix("http_") for word in v.words(text) if word.startswith("http_")]
    return v.statuses(",".join(found)) if found else None


def _next_tries(text: str) -> int | None:
    tries = v.number(0, 100)(text)
    return tries - 1 if tries else None  # 0 is nginx's default, as many as there are


def _per(unit: str) -> Reader:
    return lambda text: v.rate(f"{text.strip()}/{unit}")


def _prefixed(name: str) -> Reader:
    return lambda text: ((name, v.header_value(text)),)


_CONDITIONS = {
    "error": ("connect-failure", "refused-stream", "reset"),
    "timeout": ("connect-failure", "reset"),
    "invalid_header": ("reset",),
    "non_idempotent": (),
}
_ENVOY_CONDITIONS = (
    "5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx",
    "refused-stream", "retriable-status-codes", "http3-post-connect-failure", "cancelled",
    "deadline-exceeded", "internal", "resource-exhausted", "unavailable",
)  # fmt: skip
_FORCE = {"true": "always", "always": "always", "enabled": "always", "tls": "tls"}
_NEVER = {"false": "never", "never": "never", "disabled": "never"}
_PROTOCOLS = {
    "http": ("http1", False), "http2": ("http2", False), "h2c": ("http2", False),
    "grpc": ("http2", False), "https": ("http1", True), "grpcs": ("http2", True),
}  # fmt: skip
_BALANCE = {
    name: name for name in ("round_robin", "least_request", "random", "ring_hash", "maglev")
}

ROUTING = (
    _same("use-regex", v.boolean, "Paths are RE2 expressions, from the path's start, ignoring case.", "use-regex"),
    _same("rewrite-target", v.rewrite, "The path that the backend is asked for; `$1` is a capture of the path, which is then read as with `use-regex`.", "rewrite-target"),
    _same("app-root", v.path, "Where requests for `/` are redirected to, with 302.", "app-root"),
    _same("permanent-redirect", v.redirect, "A URL or path that all requests are sent to; `$request_uri` at its end keeps path and query.", "permanent-redirect"),
    _same("permanent-redirect-code", v.redirect_status, "Its status; 301 if not given.", "permanent-redirect-code"),
    _same("temporal-redirect", v.redirect, "The same, for a while; wins over a permanent one.", "temporal-redirect"),
    _same("temporal-redirect-code", v.redirect_status, "Its status; 302 if not given.", "temporal-redirect-code"),
    Row("force-https", _choice({**_FORCE, **_NEVER}), "Redirect plain HTTP with 308: `true` always, `tls` for hosts with TLS, `false` never. Not given: as the controller is set.",
        {"force-ssl-redirect": _choice({"true": "always", "false": None}), "ssl-redirect": _choice({"true": "tls", "false": "never"})}),
    Row("hsts", v.hsts, "Value of `Strict-Transport-Security`, sent over HTTPS only; `true` is a year."),
    _same("backend-host", v.host, "The host that the backend sees.", "upstream-vhost"),
    _same("canary", v.boolean, "This Ingress gets some of the requests of another one's paths.", "canary"),
    _same("canary-weight", v.number(0, 1_000_000), "How many out of `canary-weight-total`.", "canary-weight"),
    _same("canary-weight-total", v.number(1, 1_000_000), "100 if not given.", "canary-weight-total"),
    _same("canary-by-header", v.header_name, "A header that decides: `always`, `never`, anything else is left to the next.", "canary-by-header"),
    _same("canary-by-header-value", v.plain, "The value that stands for `always`.", "canary-by-header-value"),
    _same("canary-by-header-pattern", v.expression, "An RE2 expression for it, if there is no value; it must match all of the header.", "canary-by-header-pattern"),
    _same("canary-by-cookie", v.cookie_name, "A cookie that decides, like the header.", "canary-by-cookie"),
    Row("mirror", v.service_port, "A `service:port` of the namespace that gets copies of requests."),
    Row("mirror-percent", v.percent, "Of how many requests; 100 if not given."),
)  # fmt: skip

TRAFFIC = (
    Row("request-timeout", v.duration, "For a whole request and its answer; none if not given."),
    _same("idle-timeout", v.duration, "Between two pieces of a request or answer; none if not given. Of nginx's two the longer.", "proxy-read-timeout", "proxy-send-timeout"),
    _same("connect-timeout", v.duration, "For a connection to the backend; 5s if not given.", "proxy-connect-timeout"),
    Row("retry-on", _conditions, "When a request is tried again elsewhere, in Envoy's words; `off` never. Not given: only where the backend cannot have begun.",
        {"proxy-next-upstream": _next_upstream}),
    Row("retry-attempts", v.number(0, 100), "How often; 2 if not given. Of nginx's tries the first is not counted.",
        {"proxy-next-upstream-tries": _next_tries}),
    Row("retry-statuses", v.statuses, "Statuses of answers that are tried again.", {"proxy-next-upstream": _next_statuses}),
    Row("retry-try-timeout", v.duration, "For each try."),
    _same("max-body-size", v.size, "Of a request, such as `8m`; more is answered 413. None if not given, where nginx has 1m. A request that does not say its length is held until it is known.", "proxy-body-size"),
    Row("rate-limit", v.rate, "Requests of each client address, such as `100/s`, `300/m`; more is answered 429, by nginx 503.",
        {"limit-rps": _per("s"), "limit-rpm": _per("m")}, protects=True),
    _same("rate-limit-burst-factor", v.number(1, 1000), "How many times as many may come at once; 5 if not given.", "limit-burst-multiplier"),
    _same("enable-cors", v.boolean, "Answer cross-origin requests.", "enable-cors"),
    _same("cors-allow-origin", v.origins, "Origins by commas, with one `*` for labels; all if not given.", "cors-allow-origin"),
    _same("cors-allow-methods", v.tokens, "`GET, PUT, POST, DELETE, PATCH, OPTIONS` if not given.", "cors-allow-methods"),
    _same("cors-allow-headers", v.tokens, "The usual ones if not given.", "cors-allow-headers"),
    _same("cors-expose-headers", v.tokens, "Headers of answers that scripts may read.", "cors-expose-headers"),
    _same("cors-allow-credentials", v.boolean, "`true` if not given.", "cors-allow-credentials"),
    Row("cors-max-age", v.duration, "How long a browser may keep the answer; 20 days if not given.", {"cors-max-age": v.duration}),
    Row("request-headers-set", v.headers, "Lines `Name: value` that overwrite headers of requests.", {"x-forwarded-prefix": _prefixed("x-forwarded-prefix")}),
    Row("request-headers-add", v.headers, "Lines that are added beside them."),
    Row("request-headers-remove", v.header_names, "Names of headers that the backend does not get."),
    Row("response-headers-set", v.headers, "The same for answers."),
    Row("response-headers-add", v.headers, "The same for answers."),
    Row("response-headers-remove", v.header_names, "The same for answers."),
    Row("compression", v.boolean, "Compress answers by gzip or brotli, as the client takes them."),
    Row("error-pages", v.error_pages, "A YAML map from status, or class such as `5xx`, to the body that replaces that of such answers."),
)  # fmt: skip

BACKENDS = (
    Row("affinity", v.constant(True, "cookie"), "`cookie`: a client stays with one endpoint.", {"affinity": v.constant(True, "cookie")}),
    _same("affinity-cookie-name", v.cookie_name, "`LOCKGATE_AFFINITY` if not given, where nginx has INGRESSCOOKIE.", "session-cookie-name"),
    _same("affinity-cookie-max-age", v.duration, "0, a session cookie, if not given.", "session-cookie-max-age", "session-cookie-expires"),
    _same("affinity-cookie-path", v.path, "`/` if not given.", "session-cookie-path"),
    Row("hash-by", v.hash_key, "What chooses the endpoint: `client`, `path`, `host`, `header:NAME`, `cookie:NAME`, `query:NAME`.", {"upstream-hash-by": v.nginx_hash_key}),
    Row("load-balancing", _choice(_BALANCE), "`round_robin` if not given, or `least_request`, `random`, `ring_hash`, `maglev`.", {"load-balance": v.constant("round_robin", "round_robin")}),
    Row("max-connections", v.number(1, 1_000_000_000), "To the backend at once; of each Envoy."),
    Row("max-pending-requests", v.number(1, 1_000_000_000), "That wait for a connection; more is answered 503."),
    Row("max-requests", v.number(1, 1_000_000_000), "At once; more is answered 503."),
    Row("max-retries", v.number(1, 1_000_000_000), "At once."),
    Row("eject-after-errors", v.number(1, 1_000_000), "5xx answers in a row after which an endpoint is left alone for a while."),
    _same("backend-protocol", _choice(_PROTOCOLS), "`HTTP`, `HTTP2`, `GRPC`, `HTTPS`, `GRPCS`. Not given: the `appProtocol` of the Service's port.", "backend-protocol"),
    _same("backend-tls-secret", v.secret_name, "Secret with `ca.crt`, and `tls.crt` and `tls.key` to show.", "proxy-ssl-secret"),
    _same("backend-tls-verify", v.boolean, "Whether the backend's certificate is checked against `ca.crt`; `false` if not given.", "proxy-ssl-verify", protects=True),
    _same("backend-tls-server-name", v.host, "The name that is asked for and checked.", "proxy-ssl-name"),
    Row("backend-proxy-protocol", _choice({"v1": 1, "v2": 2}), "Tell the backend the client's address by PROXY protocol `v1` or `v2`."),
)  # fmt: skip

SECURITY = (
    _same("allow-source-range", v.prefixes, "Prefixes of clients that may ask; others are answered 403.", "whitelist-source-range", "allowlist-source-range", protects=True),
    _same("deny-source-range", v.prefixes, "Prefixes of clients that may not.", "denylist-source-range", protects=True),
    _same("basic-auth-secret", v.secret_name, "Secret whose key `auth` has lines of `htpasswd -s`; other hashes cannot be checked.", "auth-secret", protects=True),
    _same("auth-url", v.url, "A service that is asked about each request; 2xx lets it pass. It is asked with the request's method, by nginx with GET.", "auth-url", protects=True),
    _same("auth-response-headers", v.header_names, "Headers of its answer that the backend gets.", "auth-response-headers"),
    Row("auth-timeout", v.duration, "For its answer; 5s if not given, then 503."),
    Row("jwt-issuer", v.plain, "Require a token of this issuer, in `Authorization: Bearer`.", protects=True),
    Row("jwt-audiences", v.words, "Of which it must name one.", protects=True),
    Row("jwt-jwks-uri", v.url, "Where the issuer's keys are.", protects=True),
    Row("jwt-jwks-secret", v.secret_name, "Secret whose key `jwks` holds them.", protects=True),
    Row("jwt-payload-header", v.header_name, "Header in which the backend gets the token's payload, in base64url."),
    Row("jwt-forward", v.boolean, "Whether the backend gets the token; `true` if not given."),
    _same("tls-passthrough", v.boolean, "The backend ends TLS; connections are chosen by server name.", "ssl-passthrough"),
    _same("client-ca-secret", v.secret_name, "Secret with `ca.crt`, and `ca.crl` perhaps, that clients' certificates are checked against.", "auth-tls-secret", protects=True),
    Row("client-certificate", _choice({"required": "required", "optional": "optional"}), "`required` if not given.",
        {"auth-tls-verify-client": _choice({"on": "required", "optional": "optional", "off": "off"})}, protects=True),
    _same("client-certificate-depth", v.number(1, 10), "Intermediates that there may be; 1 if not given.", "auth-tls-verify-depth", protects=True),
    _same("client-certificate-forward", v.boolean, "Tell the backend in `x-forwarded-client-cert`, where nginx has ssl-client-cert.", "auth-tls-pass-certificate-to-upstream"),
)  # fmt: skip

ROWS = {row.name: row for row in (*ROUTING, *TRAFFIC, *BACKENDS, *SECURITY)}
