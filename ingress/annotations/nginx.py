"""Annotations of ingress-nginx that have no row: what is always so, and what is not served."""

from __future__ import annotations

from dataclasses import dataclass

ALWAYS_SO: dict[str, tuple[str, ...]] = {
    "proxy-buffering": ("off",),
    "proxy-request-buffering": ("off",),
    "proxy-http-version": ("1.1",),
    "service-upstream": ("false",),
    "proxy-ssl-server-name": ("on",),
    "proxy-ssl-verify-depth": ("1",),
    "enable-access-log": ("true",),
    "enable-rewrite-log": ("false",),
    "http2-push-preload": ("false",),
    "from-to-www-redirect": ("false",),
    "preserve-trailing-slash": ("false", "true"),
    "ssl-prefer-server-ciphers": ("true", "false"),
    "affinity-mode": ("balanced", "persistent"),
    "session-cookie-change-on-failure": ("true", "false"),
    "auth-type": ("basic",),
    "auth-secret-type": ("auth-file",),
    "auth-method": ("get",),
    "enable-opentelemetry": ("false",),
    "enable-opentracing": ("false",),
    "enable-modsecurity": ("false",),
    "enable-owasp-core-rules": ("false",),
    "enable-global-auth": ("false",),
    "auth-always-set-cookie": ("false",),
    "disable-proxy-intercept-errors": ("true", "false"),
    "proxy-redirect-from": ("off",),
    "satisfy": ("all",),
}
"""Values that ask for what is so in any case, and are accepted in silence."""

SETTLED = frozenset({
    "client-body-buffer-size", "proxy-buffer-size", "proxy-buffers-number",
    "proxy-busy-buffers-size", "proxy-max-temp-file-size", "auth-keepalive",
    "auth-keepalive-requests", "auth-keepalive-share-vars", "auth-keepalive-timeout",
    "auth-realm", "proxy-ssl-protocols",
})  # fmt: skip
"""Accepted whatever they say: buffers and connections that are not there to be tuned."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """What to do instead; ``protects`` if its absence would open something."""

    instead: str
    protects: bool = False


_SNIPPET = "no text of an object reaches Envoy's configuration; use the annotations for headers"
_NONE = "remove it; nothing of the kind is needed or served"
_ERRORS = "use ingress.lockgate.io/error-pages"
_LIMIT = "use ingress.lockgate.io/max-requests, or the setting for connections of the controller"

UNSUPPORTED: dict[str, Unsupported] = {
    "configuration-snippet": Unsupported(_SNIPPET),
    "server-snippet": Unsupported(_SNIPPET),
    "stream-snippet": Unsupported(_SNIPPET),
    "auth-snippet": Unsupported(_SNIPPET, protects=True),
    "modsecurity-snippet": Unsupported(_SNIPPET, protects=True),
    "modsecurity-transaction-id": Unsupported(_NONE),
    "custom-headers": Unsupported("use ingress.lockgate.io/response-headers-set"),
    "connection-proxy-header": Unsupported(_NONE),
    "custom-http-errors": Unsupported(_ERRORS),
    "default-backend": Unsupported(f"{_ERRORS}, or spec.defaultBackend"),
    "mirror-target": Unsupported("use ingress.lockgate.io/mirror with a Service"),
    "mirror-request-body": Unsupported(
        "bodies are always mirrored; use ingress.lockgate.io/mirror"
    ),
    "mirror-host": Unsupported("use ingress.lockgate.io/mirror with a Service"),
    "limit-connections": Unsupported(_LIMIT, protects=True),
    "limit-rate": Unsupported(_LIMIT),
    "limit-rate-after": Unsupported(_LIMIT),
    "server-alias": Unsupported("add a rule for each name"),
    "auth-proxy-set-headers": Unsupported("the service gets the request's own headers"),
    "auth-cache-key": Unsupported(_NONE),
    "auth-cache-duration": Unsupported(_NONE),
    "auth-request-redirect": Unsupported("the service finds the URL in x-original-url"),
    "auth-signin": Unsupported("have the service at auth-url answer with the redirect itself"),
    "auth-signin-redirect-param": Unsupported("have the service at auth-url answer itself"),
    "auth-tls-error-page": Unsupported(_NONE),
    "auth-tls-match-cn": Unsupported(
        "sign the clients by an authority of their own", protects=True
    ),
    "proxy-next-upstream-timeout": Unsupported("use ingress.lockgate.io/retry-try-timeout"),
    "session-cookie-domain": Unsupported(_NONE),
    "session-cookie-samesite": Unsupported(_NONE),
    "session-cookie-secure": Unsupported(_NONE),
    "session-cookie-conditional-samesite-none": Unsupported(_NONE),
    "affinity-canary-behavior": Unsupported(_NONE),
    "x-forwarded-host": Unsupported("it is always sent"),
    "relative-redirects": Unsupported(_NONE),
    "opentelemetry-operation-name": Unsupported(_NONE),
    "opentelemetry-trust-incoming-span": Unsupported(_NONE),
    "opentracing-trust-incoming-span": Unsupported(_NONE),
    "influxdb-host": Unsupported(_NONE),
    "enable-influxdb": Unsupported(_NONE),
    "fastcgi-index": Unsupported("FastCGI is not spoken; put a server in front of the program"),
    "fastcgi-params-configmap": Unsupported("FastCGI is not spoken"),
    "proxy-redirect-to": Unsupported("use ingress.lockgate.io/backend-host"),
    "whitelist-source-range-status": Unsupported(_NONE),
    "ssl-ciphers": Unsupported("those of the controller hold, which are all safe"),
    "proxy-ssl-ciphers": Unsupported("those of the controller hold, which are all safe"),
    "proxy-cookie-domain": Unsupported("have the backend name the domain that clients see"),
    "proxy-cookie-path": Unsupported("have the backend name the path that clients see"),
    "limit-whitelist": Unsupported("the limit holds for every client"),
    "limit-allowlist": Unsupported("the limit holds for every client"),
    "upstream-hash-by-subset": Unsupported(_NONE),
    "upstream-hash-by-subset-size": Unsupported(_NONE),
    "hsts": Unsupported("use ingress.lockgate.io/hsts"),
    "hsts-max-age": Unsupported("use ingress.lockgate.io/hsts"),
}
"""What is known and not served, unless :data:`ALWAYS_SO` takes the value."""
_PROTECTING = frozenset({
    "auth-type", "auth-secret-type", "enable-modsecurity", "enable-owasp-core-rules",
    "enable-global-auth", "satisfy",
})  # fmt: skip


def judge(name: str, text: str) -> Unsupported | None:
    """Return what to do about an annotation that has no row; None if it can stay.

    Raises: LookupError: nginx has no such annotation, as far as we know.
    """
    if name in SETTLED:
        return None
    if name in ALWAYS_SO:
        if text.strip().lower() in ALWAYS_SO[name]:
            return None
        only = " or ".join(ALWAYS_SO[name])
        return Unsupported(f"only {only} is served", name in _PROTECTING)
    if name in UNSUPPORTED:
        return UNSUPPORTED[name]
    raise LookupError(name)
