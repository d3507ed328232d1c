"""Ingress listeners and the transparent L7 listeners."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from lockgate.errors import XdsError
from lockgate.ir import marks
from lockgate.ir.proxy import (
    CertificateUse,
    DnsRuleSet,
    HttpRuleSet,
    IngressProxy,
    L7Listener,
    RuleSet,
)
from lockgate.model.meta import ObjectRef
from xds import codec
from xds.codec import schema
from xds.resource import LISTENER, Resource, resource
from xds.translate.clusters import ORIGINAL_DST
from xds.translate.connections import connection_filters
from xds.translate.http import connection_manager, router
from xds.translate.mutations import mutating_routes
from xds.translate.rules import rbac_filter
from xds.translate.shards import scoped_routes, shard_filter
from xds.translate.sockets import ADS, address, mark_option

HTTP_LISTENER = "ingress/http"
HTTPS_LISTENER = "ingress/https"
DENIED_BODY = "Access denied\r\n"
_LISTENER_FILTER = "envoy.extensions.filters.listener"
_PASS_ON: schema.RouteAction = {"cluster": ORIGINAL_DST, "timeout": {}, "idle_timeout": {}}
_DOWNSTREAM_TLS = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"


def ingress_listeners(proxy: IngressProxy) -> tuple[Resource, ...]:
    """Return the HTTP listener and, where there is a certificate, the HTTPS listener.

    Every certificate in use must be served too: Envoy opens HTTPS only when it has them all.
    """
    http = schema.Listener(
        name=HTTP_LISTENER,
        address=address(proxy.address, proxy.http_port),
        filter_chains=[{"filters": [_ingress_manager(HTTP_LISTENER)]}],
    )
    if not proxy.certificates:
        return (resource(LISTENER, HTTP_LISTENER, http),)
    https = schema.Listener(
        name=HTTPS_LISTENER,
        address=address(proxy.address, proxy.https_port),
        listener_filters=[_tls_inspector()],
        filter_chains=_tls_chains(proxy.certificates),
    )
    return resource(LISTENER, HTTP_LISTENER, http), resource(LISTENER, HTTPS_LISTENER, https)


def _tls_chains(uses: Iterable[CertificateUse]) -> list[schema.FilterChain]:
    shown: dict[str, str] = {}
    for use in sorted(uses):
        shown.setdefault(use.host.lower(), use.certificate)  # Envoy refuses a name twice
    hosts: dict[str, list[str]] = {}
    for host, certificate in shown.items():
        if host != "*":
            hosts.setdefault(certificate, []).append(host)
    chains = [_tls_chain(certificate, names) for certificate, names in sorted(hosts.items())]
    if "*" in shown:
        chains.append(_tls_chain(shown["*"], []))
    return chains


def _tls_chain(certificate: str, hosts: list[str]) -> schema.FilterChain:
    context: schema.DownstreamTlsContext = {
        "common_tls_context": {
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_certificate_sds_secret_configs": [{"name": certificate, "sds_config": ADS}],
        }
    }
    return {
        "name": f"{certificate}{'' if hosts else '/default'}",
        "filter_chain_match": {"server_names": hosts},
        "filters": [_ingress_manager(HTTPS_LISTENER)],
        "transport_socket": {
            "name": "envoy.transport_sockets.tls",
            "typed_config": codec.any_of(_DOWNSTREAM_TLS, context),
        },
    }


def _ingress_manager(name: str) -> schema.ConfigListenerFilter:
    return connection_manager(
        name,
        {
            "scoped_routes": scoped_routes(),
            "http_filters": [shard_filter(), router(quiet=False)],
            "strip_trailing_host_dot": True,
            # The client is who connects: an X-Forwarded-For of its own is only appended to.
            "use_remote_address": {"value": True},
        },
    )


def l7_listener(
    listener: L7Listener,
    rule_sets: Mapping[str, RuleSet],
    secrets: Mapping[str, str] = MappingProxyType({}),
) -> Resource:
    """Return the transparent listener that applies the listener's rule sets in turn.

    Rule sets are named by their content, so they are part of the listener: it never changes.
    Only values that ``secrets`` holds by ``namespace/name`` can change it.

    Raises: XdsError: a rule set is missing, or is one of DNS, which Envoy does not serve.
    """
    chain = [(side, name) for side, name in _sides(listener) if name]
    missing = [name for _, name in chain if name not in rule_sets]
    if missing:
        msg = f"listener {listener.name} refers to the unknown rule set {missing[0]}"
        raise XdsError(msg)
    if any(isinstance(rule_sets[name], DnsRuleSet) for _, name in chain):
        msg = f"listener {listener.name} refers to a rule set of DNS"
        raise XdsError(msg)
    origins: set[ObjectRef] = {ref for _, name in chain for ref in rule_sets[name].origins}
    made = schema.Listener(
        name=listener.name,
        address=address("127.0.0.1", listener.port),
        transparent={"value": True},
        socket_options=[mark_option(marks.FROM_LISTENER)],
        listener_filters=[
            *_inspectors(chain, rule_sets),
            _listener_filter("original_dst", "OriginalDst", schema.OriginalDst()),
            _listener_filter("original_src", "OriginalSrc", schema.OriginalSrc(mark=marks.PROXIED)),
        ],
        filter_chains=[{"filters": _judges(listener.name, chain, rule_sets, secrets)}],
    )
    return resource(LISTENER, listener.name, made, tuple(sorted(origins)))


def _inspectors(
    chain: list[tuple[str, str]], rule_sets: Mapping[str, RuleSet]
) -> list[schema.ListenerFilter]:
    if all(isinstance(rule_sets[name], HttpRuleSet) for _, name in chain):
        return []
    return [_tls_inspector()]


def _judges(
    name: str,
    chain: list[tuple[str, str]],
    rule_sets: Mapping[str, RuleSet],
    secrets: Mapping[str, str],
) -> list[schema.ConfigListenerFilter]:
    """Return the network filters: an HTTP manager where every rule set is of HTTP."""
    sets = [rule_sets[one] for _, one in chain]
    spoken = [rules for rules in sets if isinstance(rules, HttpRuleSet)]
    if len(spoken) < len(sets):
        return connection_filters(name, sets)
    filters = [
        rbac_filter(f"lockgate.{side}", rules, secrets)
        for (side, _), rules in zip(chain, spoken, strict=True)
    ]
    return [_transparent_manager(name, filters, mutating_routes(spoken, _PASS_ON, secrets))]


def _sides(listener: L7Listener) -> tuple[tuple[str, str], ...]:
    return ("egress", listener.egress), ("ingress", listener.ingress)


def _transparent_manager(
    name: str, filters: list[schema.HttpFilter], routes: list[schema.Route]
) -> schema.ConfigListenerFilter:
    """Return a manager that changes as little as it can of what passes."""
    last: schema.Route = {"match": {"prefix": "/"}, "route": _PASS_ON}
    host: schema.VirtualHost = {"name": "any", "domains": ["*"], "routes": [*routes, last]}
    return connection_manager(
        name,
        {
            "route_config": {"name": name, "virtual_hosts": [host]},
            "http_filters": [*filters, router(quiet=True)],
            "use_remote_address": {"value": False},
            "skip_xff_append": True,
            "generate_request_id": {"value": False},
            "preserve_external_request_id": True,
            "server_header_transformation": "PASS_THROUGH",
            "stream_idle_timeout": {},
            "local_reply_config": {"mappers": [_denied()]},
        },
    )


def _denied() -> schema.ResponseMapper:
    """Return the body of our own 403; a local reply map leaves a backend's 403 alone."""
    equal: schema.ComparisonFilter = {
        "op": "EQ",
        "value": {"default_value": 403, "runtime_key": "lockgate.denied_status"},
    }
    return {
        "filter": {"status_code_filter": {"comparison": equal}},
        "body": {"inline_string": DENIED_BODY},
    }


def _tls_inspector() -> schema.ListenerFilter:
    return _listener_filter("tls_inspector", "TlsInspector", schema.TlsInspector())


def _listener_filter(
    name: str, message: str, fields: Mapping[str, object]
) -> schema.ListenerFilter:
    return {
        "name": f"envoy.filters.listener.{name}",
        "typed_config": codec.any_of(f"{_LISTENER_FILTER}.{name}.v3.{message}", fields),
    }
