"""Rule sets that judge a connection as a whole, as network filters."""

from __future__ import annotations

from collections.abc import Iterable

from lockgate.ir.proxy import RuleSet, TlsRuleSet
from lockgate.policy.names import pattern_regex
from xds import codec
from xds.codec import schema
from xds.translate.clusters import ORIGINAL_DST

_RBAC = "envoy.extensions.filters.network.rbac.v3.RBAC"
_TCP_PROXY = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"


def connection_filters(name: str, sets: Iterable[RuleSet]) -> list[schema.ConfigListenerFilter]:
    """Return the filters that let a connection pass if every rule set does.

    Server names are judged; for what Envoy cannot judge on a connection, such as Kafka requests
    or HTTP beside TLS that is not terminated, the connection is closed.
    """
    filters = [_judge(name, rules) for rules in sets]
    proxy = schema.TcpProxy(stat_prefix=name.replace("/", "_"), cluster=ORIGINAL_DST)
    return [*filters, {"name": "tcp_proxy", "typed_config": codec.any_of(_TCP_PROXY, proxy)}]


def _judge(name: str, rules: RuleSet) -> schema.ConfigListenerFilter:
    judged: schema.ConfigRbacRBAC = {"action": "ALLOW"}
    if isinstance(rules, TlsRuleSet):
        permissions = [_server_name(pattern) for pattern in rules.server_names]
        judged["policies"] = {
            rules.name: {"permissions": permissions, "principals": [{"any": True}]}
        }
    config = schema.NetworkRbacRBAC(
        rules=judged, stat_prefix=f"{name.replace('/', '_')}_{rules.name}"
    )
    return {"name": rules.name, "typed_config": codec.any_of(_RBAC, config)}


def _server_name(pattern: str) -> schema.Permission:
    if pattern == "*":
        return {"any": True}
    return {"requested_server_name": {"safe_regex": {"regex": pattern_regex(pattern)}}}
