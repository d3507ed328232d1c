"""What is said on a connection, and whether a rule set lets it pass, as the proxy reads it."""

from __future__ import annotations

from dataclasses import dataclass

import re2

from lockgate.ir.proxy import (
    DnsRuleSet,
    HttpMatch,
    HttpRuleSet,
    KafkaMatch,
    KafkaRuleSet,
    RuleSet,
    TlsRuleSet,
)
from lockgate.policy.names import name_matches


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request; header names are lower-case."""

    method: str
    path: str
    host: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class KafkaRequest:
    """A request about one topic; ``api_key`` is a number of the Kafka protocol."""

    api_key: int
    topic: str = ""
    api_version: int = 0
    client_id: str = ""

    def __str__(self) -> str:
        return f"Kafka API {self.api_key} on topic {self.topic or '(none)'}"


@dataclass(frozen=True, slots=True)
class DnsQuery:
    """A question for a name, whatever its type."""

    name: str

    def __str__(self) -> str:
        return f"a query for {self.name}"


@dataclass(frozen=True, slots=True)
class TlsHello:
    """A TLS handshake for a server name."""

    server_name: str

    def __str__(self) -> str:
        return f"TLS to {self.server_name}"


API_KEYS = {
    name: number
    for number, name in enumerate(
        (
            "produce", "fetch", "offsets", "metadata", "leaderandisr", "stopreplica",
            "updatemetadata", "controlledshutdown", "offsetcommit", "offsetfetch",
            "findcoordinator", "joingroup", "heartbeat", "leavegroup", "syncgroup",
            "describegroups", "listgroups", "saslhandshake", "apiversions", "createtopics",
            "deletetopics", "deleterecords", "initproducerid", "offsetforleaderepoch",
            "addpartitionstotxn", "addoffsetstotxn", "endtxn", "writetxnmarkers",
            "txnoffsetcommit", "describeacls", "createacls", "deleteacls", "describeconfigs",
            "alterconfigs",
        )
    )
}  # fmt: skip
"""Kafka's API keys by name."""
Request = HttpRequest | KafkaRequest | DnsQuery | TlsHello
REFUSALS = {
    "http": "answered with 403",
    "kafka": "answered with an authorization error",
    "dns": "answered REFUSED",
    "tls": "closed",
}
_TOPIC_KEYS = frozenset({0, 1, 2, 3, 4, 5, 6, 8, 9, 19, 20, 21, 23, 24, 28})
"""API keys of requests that can name topics; for others a rule's topic does not count."""


def passes(rule_set: RuleSet, request: Request) -> bool:
    """Say whether a rule set lets a request pass; of another protocol it never does."""
    match rule_set, request:
        case HttpRuleSet(), HttpRequest():
            return any(allows(match, request) for match in rule_set.matches)
        case KafkaRuleSet(), KafkaRequest():
            return any(_allows_kafka(match, request) for match in rule_set.matches)
        case DnsRuleSet(), DnsQuery():
            return any(name_matches(pattern, request.name) for pattern in rule_set.patterns)
        case TlsRuleSet(), TlsHello():
            names = rule_set.server_names
            return any(name_matches(pattern, request.server_name) for pattern in names)
        case _:
            return False


def allows(match: HttpMatch, request: HttpRequest) -> bool:
    """Say whether a request is what a match allows, as Envoy reads it."""
    headers = dict(request.headers)
    path = request.path.partition("?")[0]
    host = rf"(?:{match.host})(?::[0-9]+)?" if match.host else ""
    expressions = ((match.method, request.method), (match.path, path), (host, request.host))
    return all(not wanted or re2.fullmatch(wanted, text) for wanted, text in expressions) and all(
        entry.mismatch != "FAIL"
        or (entry.name in headers and entry.value in (None, headers[entry.name]))
        for entry in match.headers
    )


def _allows_kafka(match: KafkaMatch, request: KafkaRequest) -> bool:
    return (
        (not match.api_keys or request.api_key in match.api_keys)
        and match.api_version in (None, request.api_version)
        and match.client_id in ("", request.client_id)
        and (request.api_key not in _TOPIC_KEYS or match.topic in ("", request.topic))
    )
