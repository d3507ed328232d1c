"""Filters that ask who the client is: passwords, a service that decides, tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lockgate.ir.http import ExternalAuth, Filters, JwtProvider
from xds import codec
from xds.codec import schema
from xds.translate.ingress.shards import SHARD_HEADER

_HTTP = "envoy.extensions.filters.http"
_PROVIDER = "provider"
_TOLD = "(?i)accept.*|authorization|cookie|origin|referer|user-agent|x-.*"
"""Names of the request's headers that the service is told."""
_OF_THE_MESSAGE = frozenset({
    "connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding",
    "upgrade",
})  # fmt: skip
"""Headers of the service's answer that would break the request they were copied to."""
_ORIGINAL: list[schema.HeaderValue] = [
    {"key": "x-original-method", "value": "%REQ(:METHOD)%"},
    {"key": "x-original-url", "value": "%REQ(X-FORWARDED-PROTO)%://%REQ(:AUTHORITY)%%REQ(:PATH)%"},
]
_JWKS_TIMEOUT_S = 5.0
_JWKS_CACHE_S = 600.0


def authentication(filters: Filters) -> Iterator[schema.TypedExtensionConfig]:
    """Return those of these filters that a route wants."""
    if filters.basic_auth:
        users: schema.BasicAuth = {"users": {"inline_bytes": filters.basic_auth}}
        yield {
            "name": "lockgate.password",
            "typed_config": codec.any_of(f"{_HTTP}.basic_auth.v3.BasicAuth", users),
        }
    if filters.external_auth is not None:
        asked = _external(filters.external_auth)
        yield {
            "name": "lockgate.external_auth",
            "typed_config": codec.any_of(f"{_HTTP}.ext_authz.v3.ExtAuthz", asked),
        }
    if filters.jwt is not None:
        token = _token(filters.jwt)
        yield {
            "name": "lockgate.token",
            "typed_config": codec.any_of(f"{_HTTP}.jwt_authn.v3.JwtAuthentication", token),
        }


def _external(auth: ExternalAuth) -> schema.ExtAuthz:
    service: schema.HttpService = {
        "server_uri": {
            "uri": auth.url,
            "cluster": auth.cluster,
            "timeout": codec.duration(auth.timeout_s),
        },
        "path_override": auth.path,
        "authorization_request": {"headers_to_add": _ORIGINAL},
    }
    passed = [name for name in auth.response_headers if name.lower() not in _OF_THE_MESSAGE]
    if passed:
        patterns: list[schema.StringMatcher] = [
            {"exact": name, "ignore_case": True} for name in passed
        ]
        service["authorization_response"] = {"allowed_upstream_headers": {"patterns": patterns}}
    return {
        "http_service": service,
        "transport_api_version": "V3",
        "clear_route_cache": False,
        "failure_mode_allow": False,
        "status_on_error": {"code": "ServiceUnavailable"},
        "disallowed_headers": {"patterns": [{"exact": SHARD_HEADER}, {"prefix": "x-envoy-"}]},
        "allowed_headers": {
            "patterns": [{"safe_regex": {"regex": _TOLD}}],
        },
    }


def _token(provider: JwtProvider) -> schema.JwtAuthentication:
    wanted: schema.JwtProvider = {
        "issuer": provider.issuer,
        "audiences": list(provider.audiences),
        "forward": provider.forward,
        "require_expiration": True,
    }
    if provider.payload_header:
        wanted["forward_payload_header"] = provider.payload_header
    if provider.uri:
        wanted["remote_jwks"] = {
            "http_uri": {
                "uri": provider.uri,
                "cluster": provider.cluster,
                "timeout": codec.duration(_JWKS_TIMEOUT_S),
            },
            "cache_duration": codec.duration(_JWKS_CACHE_S),
        }
    else:
        wanted["local_jwks"] = {"inline_bytes": provider.keys}
    every: schema.RequirementRule = {
        "match": {"prefix": "/"},
        "requires": {"provider_name": _PROVIDER},
    }
    providers: Mapping[str, schema.JwtProvider] = {_PROVIDER: wanted}
    return {"providers": providers, "rules": [every], "bypass_cors_preflight": True}
