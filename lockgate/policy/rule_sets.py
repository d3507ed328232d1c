"""L7 rule sets: what the rules that hold for a peer allow together, named by content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from lockgate.ir.proxy import (
    DNS_PREFIX,
    DnsRuleSet,
    HeaderMatch,
    HttpMatch,
    HttpRuleSet,
    KafkaMatch,
    KafkaRuleSet,
    RuleSet,
    TlsRuleSet,
)
from lockgate.model.meta import ObjectRef
from lockgate.model.policy import L7, DnsRule, HeaderRule, HttpRule, KafkaRule

ANY_NAME = "*"


def united(rules: Iterable[L7], origins: Iterable[ObjectRef], *, anything: bool) -> RuleSet:
    """Return what any of these allows, as one set; all are of one kind.

    With ``anything`` every request passes: the traffic goes through the proxy all the same,
    which sees what is said.
    """
    rules = list(rules)
    who = tuple(sorted(set(origins)))
    members = {member for entry in rules for member in entry.rules}
    match rules[0].kind:
        case "http":
            requests = {_http(member) for member in members if isinstance(member, HttpRule)}
            return _http_set({HttpMatch()} if anything else requests, who)
        case "kafka":
            matches = {_kafka(member) for member in members if isinstance(member, KafkaRule)}
            kept = (KafkaMatch(),) if anything else tuple(sorted(matches, key=repr))
            return KafkaRuleSet(_name("kafka", kept), kept, who)
        case "dns":
            patterns = {member.name.text for member in members if isinstance(member, DnsRule)}
            names = _names(patterns, anything=anything)
            return DnsRuleSet(_name(DNS_PREFIX.rstrip("-"), names), names, who)
        case "tls":
            asked = {pattern.text for entry in rules for pattern in entry.server_names}
            names = _names(asked, anything=anything)
            return TlsRuleSet(_name("tls", names), names, who)


def _http_set(matches: set[HttpMatch], origins: tuple[ObjectRef, ...]) -> HttpRuleSet:
    changes_headers = {
        match for match in matches if any(header.mismatch != "FAIL" for header in match.headers)
    }
    # Beside one that allows every request only those that also change it mean anything.
    kept = {HttpMatch()} | changes_headers if HttpMatch() in matches else matches
    found = tuple(sorted(kept, key=repr))
    return HttpRuleSet(_name("http", found), found, origins)


def _http(rule: HttpRule) -> HttpMatch:
    headers = sorted((_header(entry) for entry in rule.headers), key=repr)
    return HttpMatch(rule.method, rule.path, rule.host, tuple(headers))


def _header(rule: HeaderRule) -> HeaderMatch:
    secret = f"{rule.secret.namespace}/{rule.secret.name}" if rule.secret else ""
    return HeaderMatch(rule.name, rule.value, rule.mismatch, secret)


def _kafka(rule: KafkaRule) -> KafkaMatch:
    return KafkaMatch(rule.api_keys, rule.api_version, rule.client_id, rule.topic)


def _names(patterns: set[str], *, anything: bool) -> tuple[str, ...]:
    return (ANY_NAME,) if anything or ANY_NAME in patterns else tuple(sorted(patterns))


def _name(kind: str, content: object) -> str:
    return f"{kind}-{hashlib.sha256(repr(content).encode()).hexdigest()[:16]}"
