"""HTTP rule sets to RBAC filters. Who the client is was decided by the kernel."""

from __future__ import annotations

from collections.abc import Mapping

from lockgate.ir.proxy import HeaderMatch, HttpMatch, HttpRuleSet
from xds import codec
from xds.codec import schema

_RBAC = "envoy.extensions.filters.http.rbac.v3.RBAC"


def rbac_filter(name: str, rules: HttpRuleSet, secrets: Mapping[str, str]) -> schema.HttpFilter:
    """Return the filter that lets the requests of a rule set pass and answers 403 to others."""
    config = schema.HttpRbacRBAC(rules=rbac(rules, secrets))
    return {"name": name, "typed_config": codec.any_of(_RBAC, config)}


def rbac(rules: HttpRuleSet, secrets: Mapping[str, str]) -> schema.ConfigRbacRBAC:
    """Return the rule set as ``envoy.config.rbac.v3.RBAC``; without a policy it denies all."""
    if not rules.matches:
        return {"action": "ALLOW"}
    policy: schema.Policy = {
        "permissions": [permission(match, secrets) for match in rules.matches],
        "principals": [{"any": True}],
    }
    return {"action": "ALLOW", "policies": {rules.name: policy}}


def permission(match: HttpMatch, secrets: Mapping[str, str]) -> schema.Permission:
    """Return one match as a permission: all its parts must hold.

    A header whose value is in a Secret that is not there never matches.
    """
    parts: list[schema.Permission] = []
    if match.method:
        parts.append(_header_regex(":method", match.method))
    if match.path:
        parts.append({"url_path": {"path": _regex(match.path)}})  # without the query
    if match.host:
        parts.append(_header_regex(":authority", host_regex(match.host)))
    parts += [_header(item, secrets) for item in match.headers if item.mismatch == "FAIL"]
    if not parts:
        return {"any": True}
    return parts[0] if len(parts) == 1 else {"and_rules": {"rules": parts}}


def host_regex(host: str) -> str:
    """Return an expression for an authority: the host, with or without a port."""
    return rf"(?:{host})(?::[0-9]+)?"


def _regex(expression: str) -> schema.StringMatcher:
    return {"safe_regex": {"regex": expression}}


def _header_regex(name: str, expression: str) -> schema.Permission:
    return {"header": {"name": name, "string_match": _regex(expression)}}


def _header(item: HeaderMatch, secrets: Mapping[str, str]) -> schema.Permission:
    if item.secret:
        value = secrets.get(item.secret)
        if value is None:
            return {"not_rule": {"any": True}}
        return {"header": {"name": item.name, "string_match": {"exact": value}}}
    if item.value is None:
        return {"header": {"name": item.name, "present_match": True}}
    return {"header": {"name": item.name, "string_match": {"exact": item.value}}}
