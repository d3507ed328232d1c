"""From the values of annotations to options, where several make one option."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ingress.options import (
    BackendTls,
    Canary,
    ClientCertificates,
    ExternalAuthOptions,
    JwtOptions,
    Options,
    SecretKey,
)
from lockgate.ir.http import SAFE, Cors, HashKey, HeaderEdits, RateLimit, Redirect, Retry
from lockgate.ir.upstream import ClusterOptions

Fault = tuple[str, str, str, bool]
"""Name of the annotation, what is wrong, what to do, and whether it protects."""
COOKIE = "LOCKGATE_AFFINITY"
_METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS")
_HEADERS = (
    "DNT", "Keep-Alive", "User-Agent", "X-Requested-With", "If-Modified-Since", "Cache-Control",
    "Content-Type", "Range", "Authorization",
)  # fmt: skip
_BURST = 5


@dataclass(slots=True)
class _Given:
    values: Mapping[str, Any]
    namespace: str
    faults: list[Fault] = field(default_factory=list)

    def get(self, name: str, default: Any = None) -> Any:
        return self.values.get(name, default)

    def secret(self, name: str, *, protects: bool) -> SecretKey | None:
        """Return a Secret of the Ingress's own namespace."""
        named = self.get(name)
        if named is None:
            return None
        namespace, secret = named
        if namespace not in ("", self.namespace):
            text = f"Secret {namespace}/{secret} is of another namespace"
            fix = f"create it in {self.namespace} and name it without a namespace"
            self.faults.append((name, text, fix, protects))
            return None
        return self.namespace, secret


def compose(values: Mapping[str, Any], namespace: str) -> tuple[Options, list[Fault]]:
    """Return the options that annotations of one namespace come to, and what does not fit."""
    given = _Given(values, namespace)
    protocol, tls = given.get("backend-protocol", ("", None))
    options = Options(
        use_regex=given.get("use-regex", False),
        rewrite=given.get("rewrite-target"),
        app_root=given.get("app-root", ""),
        redirect=_redirect(given),
        force_https=given.get("force-https", ""),
        hsts=given.get("hsts", ""),
        request_timeout_s=given.get("request-timeout", 0.0),
        idle_timeout_s=given.get("idle-timeout", 0.0),
        retry=_retry(given),
        max_body=given.get("max-body-size", 0),
        cors=_cors(given),
        allow_from=given.get("allow-source-range", ()),
        deny_from=given.get("deny-source-range", ()),
        rate=_rate(given),
        basic_auth=given.secret("basic-auth-secret", protects=True),
        external_auth=_external_auth(given),
        jwt=_jwt(given),
        request_headers=_edits(given, "request"),
        response_headers=_edits(given, "response"),
        hash_on=_hash_on(given),
        cluster=_cluster(given),
        protocol=protocol,
        backend_tls=_backend_tls(given, tls=tls),
        canary=_canary(given),
        mirror=given.get("mirror"),
        mirror_percent=given.get("mirror-percent", 100.0),
        compress=given.get("compression", False),
        error_pages=given.get("error-pages", ()),
        host=given.get("backend-host", ""),
        passthrough=given.get("tls-passthrough", False),
        client_certificates=_client_certificates(given),
    )
    return options, given.faults


def _redirect(given: _Given) -> Redirect | None:
    for kind, default in (("temporal", 302), ("permanent", 301)):
        where: Redirect | None = given.get(f"{kind}-redirect")
        if where is not None:
            return replace(where, status=given.get(f"{kind}-redirect-code", default))
    return None


def _retry(given: _Given) -> Retry:
    statuses = given.get("retry-statuses", ())
    conditions = given.get("retry-on", SAFE.on)
    if conditions == ():
        return Retry(attempts=0)
    if statuses:
        conditions = tuple(dict.fromkeys((*conditions, "retriable-status-codes")))
    return Retry(
        conditions,
        given.get("retry-attempts", SAFE.attempts),
        statuses,
        given.get("retry-try-timeout", 0.0),
    )


def _cors(given: _Given) -> Cors | None:
    if not given.get("enable-cors"):
        return None
    return Cors(
        given.get("cors-allow-origin", ("*",)),
        given.get("cors-allow-methods", _METHODS),
        given.get("cors-allow-headers", _HEADERS),
        given.get("cors-expose-headers", ()),
        given.get("cors-allow-credentials", True),
        int(given.get("cors-max-age", 1_728_000)),
    )


def _rate(given: _Given) -> RateLimit | None:
    rate: RateLimit | None = given.get("rate-limit")
    if rate is None:
        return None
    return replace(rate, burst=rate.requests * given.get("rate-limit-burst-factor", _BURST))


def _external_auth(given: _Given) -> ExternalAuthOptions | None:
    url = given.get("auth-url")
    if url is None:
        return None
    headers = given.get("auth-response-headers", ())
    return ExternalAuthOptions(url, headers, timeout_s=given.get("auth-timeout", 5.0))


def _jwt(given: _Given) -> JwtOptions | None:
    issuer = given.get("jwt-issuer")
    uri, secret = given.get("jwt-jwks-uri", ""), given.secret("jwt-jwks-secret", protects=True)
    if issuer is None:
        for name in ("jwt-audiences", "jwt-jwks-uri", "jwt-jwks-secret"):
            if given.get(name) is not None:
                fix = "name the issuer in ingress.lockgate.io/jwt-issuer"
                given.faults.append((name, "no issuer is named", fix, True))
        return None
    if not uri and secret is None:
        fix = "give ingress.lockgate.io/jwt-jwks-uri or jwt-jwks-secret"
        given.faults.append(("jwt-issuer", "there are no keys to check tokens with", fix, True))
        return None
    return JwtOptions(
        issuer,
        given.get("jwt-audiences", ()),
        uri,
        secret,
        given.get("jwt-payload-header", ""),
        given.get("jwt-forward", True),
    )


def _edits(given: _Given, side: str) -> HeaderEdits:
    named: Callable[[str], Any] = lambda verb: given.get(f"{side}-headers-{verb}", ())  # noqa: E731
    return HeaderEdits(named("set"), named("add"), named("remove"))


def _hash_on(given: _Given) -> tuple[HashKey, ...]:
    if given.get("affinity"):
        name = given.get("affinity-cookie-name", COOKIE)
        age = given.get("affinity-cookie-max-age", 0.0)
        return (HashKey("cookie", name, age, given.get("affinity-cookie-path", "/")),)
    key = given.get("hash-by")
    return (key,) if key is not None else ()


def _cluster(given: _Given) -> ClusterOptions:
    hashed = bool(_hash_on(given))
    wanted = given.get("load-balancing", "ring_hash" if hashed else "round_robin")
    if hashed and wanted not in ("ring_hash", "maglev"):
        wanted = "ring_hash"  # the others do not look at what chooses the endpoint
    return ClusterOptions(
        proxy_protocol=given.get("backend-proxy-protocol", 0),
        balance=wanted,
        connect_timeout_s=given.get("connect-timeout", 5.0),
        max_connections=given.get("max-connections", 0),
        max_pending_requests=given.get("max-pending-requests", 0),
        max_requests=given.get("max-requests", 0),
        max_retries=given.get("max-retries", 0),
        eject_after_errors=given.get("eject-after-errors", 0),
    )


def _backend_tls(given: _Given, *, tls: bool | None) -> BackendTls | None:
    secret = given.secret("backend-tls-secret", protects=True)
    verify = given.get("backend-tls-verify", False)
    if verify and secret is None:
        fix = "give ingress.lockgate.io/backend-tls-secret with ca.crt"
        given.faults.append(("backend-tls-verify", "there is no authority to check by", fix, True))
    if secret is None and not tls:
        return None
    return BackendTls(secret, verify, given.get("backend-tls-server-name", ""))


def _canary(given: _Given) -> Canary | None:
    if not given.get("canary"):
        for name in ("canary-weight", "canary-by-header", "canary-by-cookie"):
            if given.get(name) is not None:
                fix = 'set ingress.lockgate.io/canary to "true"'
                given.faults.append((name, "this Ingress is no canary", fix, False))
        return None
    return Canary(
        given.get("canary-weight", 0),
        given.get("canary-weight-total", 100),
        given.get("canary-by-header", ""),
        given.get("canary-by-header-value", ""),
        given.get("canary-by-header-pattern", ""),
        given.get("canary-by-cookie", ""),
    )


def _client_certificates(given: _Given) -> ClientCertificates | None:
    mode = given.get("client-certificate", "required")
    secret = given.secret("client-ca-secret", protects=True)
    if secret is None or mode == "off":
        if secret is None and given.get("client-certificate") in ("required", "optional"):
            fix = "give ingress.lockgate.io/client-ca-secret"
            text = "there is no authority to check certificates by"
            given.faults.append(("client-certificate", text, fix, True))
        return None
    return ClientCertificates(
        secret,
        mode == "required",
        given.get("client-certificate-depth", 1),
        given.get("client-certificate-forward", False),
    )
