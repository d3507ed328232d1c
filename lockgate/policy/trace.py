"""Why a connection passes or not: the verdict as the kernel finds it, and the rules behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import re2

from lockgate.ir import node
from lockgate.ir.node import EndpointPolicy
from lockgate.ir.proxy import HttpMatch, HttpRuleSet
from lockgate.model.policy import Direction, Peers, Policy, PolicyRule, PortRange
from lockgate.policy.clauses import PROTOCOLS, NamedPorts
from lockgate.policy.resolve import lookup, verdict

Outcome = Literal["allow", "deny", "l7"]
_RANK: tuple[Outcome, ...] = ("allow", "l7", "deny")


@dataclass(frozen=True, slots=True)
class Party:
    """One end of a connection. Outside of what we enforce there are no policies."""

    name: str
    identity: int
    policy: EndpointPolicy | None = None
    selected_by: tuple[Policy, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request to be judged; header names are lower-case."""

    method: str
    path: str
    host: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RuleNote:
    """A rule that matched, or what keeps it from matching."""

    policy: str
    field: str
    action: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """What one end says: egress of the source, or ingress of the destination."""

    direction: Direction
    outcome: Outcome
    reason: str
    matched: tuple[RuleNote, ...] = ()
    nearly: tuple[RuleNote, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """Both ends together; the stricter outcome holds. With a request it is never ``l7``."""

    source: str
    destination: str
    port: str
    outcome: Outcome
    sides: tuple[Side, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a new connection, and perhaps a request on it."""

    port: int
    protocol: str
    request: HttpRequest | None = None


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What judging needs beside the two ends."""

    rule_sets: Mapping[str, HttpRuleSet]
    peer_identities: Callable[[Peers], frozenset[int]]
    named_ports: Callable[[Party], NamedPorts]


def trace(source: Party, destination: Party, question: Question, knowledge: Knowledge) -> Trace:
    """Judge a connection at both ends, and explain."""
    sides = (
        _side("egress", source, destination, question, knowledge),
        _side("ingress", destination, source, question, knowledge),
    )
    return Trace(
        source.name,
        destination.name,
        f"{question.port}/{question.protocol}",
        max((side.outcome for side in sides), key=_RANK.index),
        sides,
    )


def outcome_of(source: Party, destination: Party, port: int, protocol: str) -> Outcome:
    """Return the outcome alone, for a new connection. A pod always reaches itself."""
    if source.name == destination.name:
        return "allow"
    number = PROTOCOLS[protocol]
    pairs: tuple[tuple[Direction, Party, Party], ...] = (
        ("egress", source, destination),
        ("ingress", destination, source),
    )
    return max(
        (_verdict(direction, here, there, number, port) for direction, here, there in pairs),
        key=_RANK.index,
    )


def matrix(
    parties: Sequence[Party], ports: Iterable[tuple[int, str]]
) -> dict[str, dict[str, dict[str, Outcome]]]:
    """Return the outcome for every ordered pair of parties and every (port, protocol)."""
    asked = list(ports)
    return {
        source.name: {
            destination.name: {
                f"{port}/{protocol}": outcome_of(source, destination, port, protocol)
                for port, protocol in asked
            }
            for destination in parties
        }
        for source in parties
    }


def allows(match: HttpMatch, request: HttpRequest) -> bool:
    """Say whether a request is what a match allows, as Envoy reads it."""
    headers = dict(request.headers)
    path = request.path.partition("?")[0]
    host = rf"(?:{match.host})(?::[0-9]+)?" if match.host else ""
    expressions = ((match.method, request.method), (match.path, path), (host, request.host))
    return all(not wanted or re2.fullmatch(wanted, text) for wanted, text in expressions) and all(
        entry.name in headers and entry.value in (None, headers[entry.name])
        for entry in match.headers
    )


def _verdict(direction: Direction, here: Party, there: Party, protocol: int, port: int) -> Outcome:
    if here.policy is None:
        return "allow"
    found = verdict(here.policy, direction, there.identity, protocol, port)
    return "l7" if found == "redirect" else found


def _side(
    direction: Direction, here: Party, there: Party, question: Question, knowledge: Knowledge
) -> Side:
    if here.policy is None:
        return Side(direction, "allow", f"no policy is enforced at {here.name}")
    number = PROTOCOLS[question.protocol]
    outcome = _verdict(direction, here, there, number, question.port)
    matched, nearly = _notes(direction, here, there, question, knowledge)
    reason = _reason(direction, here, there, outcome, matched)
    if outcome == "l7" and question.request is not None:
        entry = lookup(here.policy, direction, there.identity, number, question.port)
        rule_set = knowledge.rule_sets[entry.rule_set] if entry else None
        outcome, reason = _judge_request(question.request, rule_set)
    return Side(direction, outcome, reason, tuple(matched), tuple(nearly))


def _judge_request(request: HttpRequest, rule_set: HttpRuleSet | None) -> tuple[Outcome, str]:
    text = f"{request.method} {request.path}"
    if rule_set is not None and any(allows(match, request) for match in rule_set.matches):
        return "allow", f"an HTTP rule allows {text}"
    return "deny", f"no HTTP rule allows {text}: it is answered with 403"


def _reason(
    direction: Direction, here: Party, there: Party, outcome: Outcome, matched: list[RuleNote]
) -> str:
    if any(note.action == "deny" for note in matched):
        return "a deny rule matches"
    if matched:
        return "HTTP rules judge each request" if outcome == "l7" else "a rule allows it"
    if direction == "ingress" and there.identity == node.IDENTITY_HOST and outcome == "allow":
        return "the node may always reach its pods"
    if outcome == "deny":
        return f"{here.name} denies {direction} by default and no rule allows this"
    return f"no policy denies {direction} of {here.name} by default"


def _notes(
    direction: Direction, here: Party, there: Party, question: Question, knowledge: Knowledge
) -> tuple[list[RuleNote], list[RuleNote]]:
    matched: list[RuleNote] = []
    nearly: list[RuleNote] = []
    for policy in here.selected_by:
        for rule in policy.rules:
            if rule.direction != direction:
                continue
            missing = _missing(rule, here, there, question, knowledge)
            where = nearly if missing else matched
            where.append(RuleNote(str(policy.ref), rule.field, rule.action, "; ".join(missing)))
    return matched, nearly


def _missing(
    rule: PolicyRule, here: Party, there: Party, question: Question, knowledge: Knowledge
) -> list[str]:
    missing: list[str] = []
    if rule.peers is not None:
        selected = knowledge.peer_identities(rule.peers)
        if not selected & {there.identity, node.ANY_IDENTITY}:
            missing.append(f"{there.name} is not among its peers")
    names = knowledge.named_ports(here)
    if rule.ports and not any(_holds(entry, rule, there, question, names) for entry in rule.ports):
        listed = ", ".join(_port_text(entry) for entry in rule.ports)
        missing.append(f"{question.port}/{question.protocol} is not among its ports {listed}")
    return missing


def _holds(
    entry: PortRange, rule: PolicyRule, there: Party, question: Question, names: NamedPorts
) -> bool:
    if entry.protocol not in ("ANY", question.protocol):
        return False
    if isinstance(entry.port, str):
        return any(
            (found.port, found.protocol) == (question.port, question.protocol)
            and (found.identities is None or there.identity in found.identities)
            for found in names(rule.direction, entry.port)
        )
    return entry.port == 0 or entry.port <= question.port <= (entry.end_port or entry.port)


def _port_text(entry: PortRange) -> str:
    last = f"-{entry.end_port}" if entry.end_port else ""
    return f"{entry.port or 'all'}{last}/{entry.protocol}"
