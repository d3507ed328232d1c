"""Filters of a path whose parts are elsewhere: Secrets, and services that are asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ingress.backends import BackendKey, FindService, PortKey, service_port
from ingress.claim import Claim
from ingress.options import ExternalAuthOptions, JwtOptions, Options
from lockgate.ir.http import PLAIN, ExternalAuth, Filters, JwtProvider
from lockgate.ir.upstream import SYSTEM, ClusterOptions, UpstreamTls
from lockgate.model.meta import Problem
from lockgate.model.service import Secret

FindSecret = Callable[[tuple[str, str]], Secret | None]
_ANNOTATION = "metadata.annotations[ingress.lockgate.io/{}]"
_IN_CLUSTER = re.compile(r"(?P<name>[^.]+)\.(?P<namespace>[^.]+)\.svc(\.cluster\.local)?\.?")
_USER = re.compile(r"[^:\s]+:\{SHA\}[A-Za-z0-9+/]{27}=")


@dataclass(slots=True)
class PathFilters:
    """The filters of a path; ``closed`` if one that protects it cannot be had."""

    filters: Filters = PLAIN
    backends: set[BackendKey] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    closed: bool = False


def path_filters(claim: Claim, find_service: FindService, find_secret: FindSecret) -> PathFilters:
    """Return what the annotations of a claim ask of each request of its paths."""
    made, options = PathFilters(), claim.options
    made.filters = Filters(
        allow_from=options.allow_from,
        deny_from=options.deny_from,
        max_body=options.max_body,
        rate=options.rate,
        cors=options.cors,
        basic_auth=_users(claim, find_secret, made),
        external_auth=_external_auth(options, find_service, made),
        jwt=_jwt(claim, find_service, find_secret, made),
        request_headers=options.request_headers,
        response_headers=options.response_headers,
        compress=options.compress,
        error_pages=options.error_pages,
    )
    return made


def _close(made: PathFilters, claim: Claim, name: str, reason: str, text: str, fix: str) -> None:
    where = _ANNOTATION.format(name)
    made.problems.append(Problem(claim.ref, where, reason, f"{text}; its paths answer 503", fix))
    made.closed = True


def _users(claim: Claim, find_secret: FindSecret, made: PathFilters) -> bytes:
    key = claim.options.basic_auth
    if key is None:
        return b""
    secret = find_secret(key)
    listed = secret.value("auth") if secret else None
    if not listed:
        _close(
            made, claim, "basic-auth-secret", "SecretNotFound",
            f"there is no Secret {'/'.join(key)} with a key auth",
            "create one with lines name:{SHA}hash, as htpasswd -s writes them",
        )  # fmt: skip
        return b""
    lines = [line.strip() for line in listed.decode(errors="replace").splitlines()]
    usable = [line for line in lines if _USER.fullmatch(line)]
    refused = [line.partition(":")[0] for line in lines if line and line not in usable]
    if refused:
        made.problems.append(
            Problem(
                claim.ref,
                _ANNOTATION.format("basic-auth-secret"),
                "UnsupportedHash",
                f"users {', '.join(refused)} of Secret {'/'.join(key)} have no SHA-1 hash, the "
                "only kind that can be checked; they are refused",
                "write their lines with htpasswd -s",
            )
        )
    if not usable:
        made.closed = True
    names: dict[str, str] = {}
    for line in usable:
        names.setdefault(line.partition(":")[0], line)  # Envoy refuses a name twice
    return "\n".join(names.values()).encode()


def _external_auth(
    options: Options, find_service: FindService, made: PathFilters
) -> ExternalAuth | None:
    asked: ExternalAuthOptions | None = options.external_auth
    if asked is None:
        return None
    url = urlsplit(asked.url)
    key = reach(asked.url, find_service)
    made.backends.add(key)
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    return ExternalAuth(
        f"{url.scheme}://{url.netloc}",
        path,
        key.cluster,
        asked.response_headers,
        asked.signin,
        asked.timeout_s,
    )


def _jwt(
    claim: Claim, find_service: FindService, find_secret: FindSecret, made: PathFilters
) -> JwtProvider | None:
    asked: JwtOptions | None = claim.options.jwt
    if asked is None:
        return None
    common = (asked.issuer, asked.audiences)
    if asked.uri:
        key = reach(asked.uri, find_service)
        made.backends.add(key)
        return JwtProvider(
            *common, asked.uri, key.cluster, b"", asked.payload_header, asked.forward
        )
    secret = find_secret(asked.secret) if asked.secret else None
    keys = (secret.value("jwks") or secret.value("jwks.json")) if secret else None
    if not keys:
        _close(
            made, claim, "jwt-jwks-secret", "SecretNotFound",
            f"there is no Secret {'/'.join(asked.secret or ())} with a key jwks",
            "create one with a JSON Web Key Set",
        )  # fmt: skip
        return None
    return JwtProvider(*common, "", "", keys, asked.payload_header, asked.forward)


def reach(url: str, find_service: FindService) -> BackendKey:
    """Return the cluster of a URL's host; one of a Service's name in the cluster is its endpoints."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    options = ClusterOptions()
    if parts.scheme == "https":
        options = ClusterOptions(tls=UpstreamTls(host, SYSTEM))
    within = _IN_CLUSTER.fullmatch(host)
    if within is not None:
        service = find_service((within["namespace"], within["name"]))
        if service is not None and service_port(service, port) is not None:
            return BackendKey(PortKey(service.namespace, service.name, port), None, options)
    return BackendKey(None, (host, port), options)
