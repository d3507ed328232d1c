"""The transparent L7 listeners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from lockgate.errors import XdsError
from lockgate.ir import marks
from lockgate.ir.proxy import (
    DnsRuleSet,
    HttpRuleSet,
    L7Listener,
    RuleSet,
)
from lockgate.model.meta import ObjectRef
from xds.codec import schema
from xds.resource import LISTENER, Resource, resource
from xds.translate.clusters import ORIGINAL_DST
from xds.translate.connections import connection_filters
from xds.translate.http import connection_manager, listener_filter, router, tls_inspector
from xds.translate.mutations import mutating_routes
from xds.translate.rules import rbac_filter
from xds.translate.sockets import address, mark_option

DENIED_BODY = "Access denied\r\n"
LOOPBACKS = ("127.0.0.1", "::1")
_PASS_ON: schema.RouteAction = {"cluster": ORIGINAL_DST, "timeout": {}, "idle_timeout": {}}


def l7_listener(
    listener: L7Listener,
    rule_sets: Mapping[str, RuleSet],
    secrets: Mapping[str, str] = MappingProxyType({}),
    loopbacks: Sequence[str] = LOOPBACKS,
) -> Resource:
    """Return the transparent listener that applies the listener's rule sets in turn.

    It listens at its port of every one of ``loopbacks``, for the kernel hands over a connection
    to the loopback of its IP family.

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
        address=address(loopbacks[0], listener.port),
        additional_addresses=[{"address": address(one, listener.port)} for one in loopbacks[1:]],
        transparent={"value": True},
        socket_options=[mark_option(marks.FROM_LISTENER)],
        listener_filters=[
            *_inspectors(chain, rule_sets),
            listener_filter("original_dst", "OriginalDst", schema.OriginalDst()),
            listener_filter("original_src", "OriginalSrc", schema.OriginalSrc(mark=marks.PROXIED)),
        ],
        filter_chains=[{"filters": _judges(listener.name, chain, rule_sets, secrets)}],
    )
    return resource(LISTENER, listener.name, made, tuple(sorted(origins)))


def _inspectors(
    chain: list[tuple[str, str]], rule_sets: Mapping[str, RuleSet]
) -> list[schema.ListenerFilter]:
    if all(isinstance(rule_sets[name], HttpRuleSet) for _, name in chain):
        return []
    return [tls_inspector()]


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
