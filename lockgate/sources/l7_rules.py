"""What may be said on allowed ports: HTTP, Kafka and DNS rules, server names, TLS."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lockgate.ir.http import is_rewritten
from lockgate.model.policy import (
    L7,
    DnsRule,
    HeaderRule,
    HttpRule,
    KafkaRule,
    NamePattern,
    SecretReference,
    TlsContext,
)
from lockgate.policy.requests import API_KEYS
from lockgate.sources.fields import Reading
from lockgate.sources.policy_peers import read_name, read_pattern
from lockgate.sources.policy_schema import (
    HeaderMatchView,
    HttpRuleView,
    KafkaRuleView,
    PortsView,
    SecretView,
    TlsContextView,
)

ROLES = {
    # Producers that do not repeat a record on retry, as new ones do, ask for an id first (22).
    "produce": (0, 3, 18, 22),
    "consume": (1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 18),
}
_TOPIC = re.compile(r"^[A-Za-z0-9._-]*$")
_MAX_VERSION = (1 << 15) - 1


def read_l7(
    read: Reading, item: PortsView, field: str, direction: str, namespace: str
) -> L7 | None:
    """Read what a ``toPorts`` entry says beyond its ports; None if nothing."""
    kinds = _kinds(read, item, field)
    names = tuple(
        sorted(
            read_pattern(read, text, f"{field}.serverNames[{number}]")
            for number, text in enumerate(item.server_names)
        )
    )
    terminating = _tls(item.terminating_tls, namespace)
    originating = _tls(item.originating_tls, namespace)
    if not kinds and not names and not terminating and not originating:
        return None
    kind = kinds[0] if kinds else "tls"
    _check_ports(read, item, field, kind)
    if kinds and names and not terminating:
        read.refuse(
            f"{field}.serverNames", "InvalidCombination",
            "server names and L7 rules stand together only where TLS is terminated",
            "add terminatingTLS, or write an entry for each",
        )  # fmt: skip
    if kind == "dns" and direction == "ingress":
        read.refuse(
            f"{field}.rules.dns", "InvalidCombination", "DNS rules are for egress only",
            "move them to egress",
        )  # fmt: skip
    where = f"{field}.rules.{kind}"
    match kind:
        case "http":
            http = _http(read, item, where, namespace)
            return L7("http", tuple(http), names, terminating, originating)
        case "kafka":
            return L7("kafka", tuple(_kafka(read, item, where)), names, terminating, originating)
        case "dns":
            return L7("dns", tuple(_dns(read, item, where)))
        case _:
            return L7("tls", (), names, terminating, originating)


def _kinds(read: Reading, item: PortsView, field: str) -> list[str]:
    rules = item.rules
    kinds = [name for name in ("http", "kafka", "dns") if rules and getattr(rules, name)]
    if len(kinds) > 1:
        read.refuse(
            f"{field}.rules", "InvalidCombination",
            f"{' and '.join(kinds)} rules cannot stand on the same ports",
            "write an entry for each protocol, on its own ports",
        )  # fmt: skip
    return kinds


def _check_ports(read: Reading, item: PortsView, field: str, kind: str) -> None:
    if not item.ports:
        read.refuse(f"{field}.ports", "MissingField", f"{kind} rules need ports", "add ports")
    for number, port in enumerate(item.ports):
        where = f"{field}.ports[{number}]"
        if kind == "dns":
            if port.end_port is not None or port.port == "0" or port.protocol == "SCTP":
                read.refuse(
                    where, "InvalidCombination", "DNS rules need single ports of UDP or TCP",
                    'write port: "53" with protocol ANY, UDP or TCP',
                )  # fmt: skip
        elif port.protocol != "TCP" or port.port == "0":
            read.refuse(
                where, "InvalidCombination",
                f"{kind} rules need protocol TCP and a port, not {port.port}/{port.protocol}",
                "set protocol: TCP and a port",
            )  # fmt: skip


def _http(read: Reading, item: PortsView, field: str, namespace: str) -> Iterable[HttpRule]:
    for number, view in enumerate((item.rules and item.rules.http) or ()):
        yield _http_rule(read, view, f"{field}[{number}]", namespace)


def _http_rule(read: Reading, view: HttpRuleView, field: str, namespace: str) -> HttpRule:
    for name in ("method", "path", "host"):
        text = getattr(view, name)
        if text:
            read.regex(text, f"{field}.{name}")
    headers: list[HeaderRule] = []
    for text in view.headers:
        name, colon, value = text.partition(":")
        read.header_name(name.strip(), f"{field}.headers")
        headers.append(HeaderRule(name.strip().lower(), value.strip() if colon else None))
    for number, match in enumerate(view.header_matches):
        headers.append(_header(read, match, f"{field}.headerMatches[{number}]", namespace))
    return HttpRule(view.method, view.path, view.host, tuple(sorted(headers, key=repr)))


def _header(read: Reading, view: HeaderMatchView, field: str, namespace: str) -> HeaderRule:
    read.header_name(view.name, f"{field}.name")
    if view.value is not None and view.secret is not None:
        read.refuse(
            field, "InvalidCombination", "value and secret are both given", "keep one of them"
        )
    if view.mismatch in ("ADD", "REPLACE") and view.value is None and view.secret is None:
        read.refuse(
            field, "MissingField", f"{view.mismatch} needs a value to write",
            "give value or secret",
        )  # fmt: skip
    if view.mismatch in ("ADD", "REPLACE") and is_rewritten(view.value or ""):
        read.refuse(
            f"{field}.value", "InvalidHeader", "a variable of Envoy's cannot be written as it is",
            "leave out the % before METADATA or PER_REQUEST_STATE",
        )  # fmt: skip
    secret = _secret(view.secret, namespace) if view.secret else None
    return HeaderRule(view.name.lower(), view.value, secret, view.mismatch or "FAIL")


def _kafka(read: Reading, item: PortsView, field: str) -> Iterable[KafkaRule]:
    for number, view in enumerate((item.rules and item.rules.kafka) or ()):
        yield _kafka_rule(read, view, f"{field}[{number}]")


def _kafka_rule(read: Reading, view: KafkaRuleView, field: str) -> KafkaRule:
    keys: tuple[int, ...] = ()
    if view.role and view.api_key:
        read.refuse(
            field, "InvalidCombination", "role and apiKey are both given", "keep one of them"
        )
    elif view.role:
        keys = ROLES.get(view.role.lower(), ())
        if not keys:
            read.refuse(
                f"{field}.role", "InvalidValue", f"there is no role {view.role!r}",
                "use produce or consume",
            )  # fmt: skip
    elif view.api_key:
        number = API_KEYS.get(view.api_key.lower())
        keys = () if number is None else (number,)
        if number is None:
            read.refuse(
                f"{field}.apiKey", "InvalidValue", f"there is no API key {view.api_key!r}",
                "use the name of a Kafka request, such as fetch",
            )  # fmt: skip
    if not _TOPIC.match(view.topic):
        read.refuse(
            f"{field}.topic", "InvalidValue", f"{view.topic!r} is no topic",
            "use letters, digits, '.', '_' and '-'",
        )  # fmt: skip
    return KafkaRule(keys, _version(read, view.api_version, field), view.client_id, view.topic)


def _version(read: Reading, text: str, field: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or int(text) > _MAX_VERSION:
        read.refuse(
            f"{field}.apiVersion", "InvalidValue", f"{text!r} is no version",
            f"use a number from 0 to {_MAX_VERSION}, as text",
        )  # fmt: skip
        return None
    return int(text)


def _dns(read: Reading, item: PortsView, field: str) -> Iterable[DnsRule]:
    for number, view in enumerate((item.rules and item.rules.dns) or ()):
        name = read_name(read, view, f"{field}[{number}]")
        yield DnsRule(NamePattern(name.text))


def _secret(view: SecretView, namespace: str) -> SecretReference:
    return SecretReference(view.namespace or namespace, view.name)


def _tls(view: TlsContextView | None, namespace: str) -> TlsContext | None:
    if view is None:
        return None
    secret = _secret(view.secret, namespace)
    return TlsContext(secret, view.trusted_ca, view.certificate, view.private_key)
