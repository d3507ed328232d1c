"""Why a connection passes or not: the verdict as the kernel finds it, and the rules behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lockgate.ir import node
from lockgate.ir.node import EndpointPolicy
from lockgate.ir.proxy import RuleSet
from lockgate.model.policy import Direction, IcmpType, Peers, Policy, PolicyRule, PortRange
from lockgate.policy.clauses import PROTOCOLS, NumberedPort
from lockgate.policy.port_names import PortHolders
from lockgate.policy.requests import REFUSALS, Request, passes
from lockgate.policy.resolve import lookup, verdict

_PORT_PROTOCOLS = frozenset(PROTOCOLS)
_FAMILIES = {"IPv4": "ICMP", "IPv6": "ICMPV6"}
NUMBERS = {**PROTOCOLS, "ICMP": node.PROTOCOL_ICMP, "ICMPV6": node.PROTOCOL_ICMPV6}
"""Protocols one can ask about; for the last two the port is the type of message."""
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
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What judging needs beside the two ends."""

    rule_sets: Mapping[str, RuleSet]
    peer_identities: Callable[[Peers], frozenset[int]]
    own_ports: Callable[[str], Mapping[str, NumberedPort]]
    """Ports by name of an endpoint."""
    holders: PortHolders


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
    number = NUMBERS[protocol]
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
    number = NUMBERS[question.protocol]
    outcome = _verdict(direction, here, there, number, question.port)
    matched, nearly = _notes(direction, here, there, question, knowledge)
    reason = _reason(direction, here, there, outcome, matched)
    if outcome == "l7" and question.request is not None:
        entry = lookup(here.policy, direction, there.identity, number, question.port)
        assert entry is not None  # it said redirect
        outcome, reason = _judge_request(question.request, knowledge.rule_sets[entry.rule_set])
    return Side(direction, outcome, reason, tuple(matched), tuple(nearly))


def _judge_request(request: Request, rule_set: RuleSet) -> tuple[Outcome, str]:
    kind = rule_set.name.partition("-")[0]
    if passes(rule_set, request):
        return "allow", f"a rule of kind {kind} allows {request}"
    return "deny", f"no rule of kind {kind} allows {request}: it is {REFUSALS[kind]}"


def _reason(
    direction: Direction, here: Party, there: Party, outcome: Outcome, matched: list[RuleNote]
) -> str:
    if outcome == "deny" and any(note.action == "deny" for note in matched):
        return "a deny rule matches"
    if outcome == "deny" and any(note.action == "allow" for note in matched):
        return "a rule that matches asks for what nothing here can do, so it is denied"
    if outcome == "l7":
        return "L7 rules judge each request"
    if outcome == "allow" and any(note.action == "allow" for note in matched):
        return "a rule allows it"
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
    asked = (question.port, question.protocol)
    if rule.peers is not None:
        selected = knowledge.peer_identities(rule.peers)
        if not selected & {there.identity, node.ANY_IDENTITY}:
            missing.append(f"{there.name} is not among its peers")
    if (rule.ports or rule.icmps) and not (
        any(_holds(entry, rule, (here, there), question, knowledge) for entry in rule.ports)
        or any((entry.type, _FAMILIES[entry.family]) == asked for entry in rule.icmps)
    ):
        texts = [*map(_port_text, rule.ports), *map(_icmp_text, rule.icmps)]
        missing.append(
            f"{question.port}/{question.protocol} is not among its ports {', '.join(texts)}"
        )
    return missing


def _holds(
    entry: PortRange,
    rule: PolicyRule,
    ends: tuple[Party, Party],
    question: Question,
    knowledge: Knowledge,
) -> bool:
    if question.protocol not in _PORT_PROTOCOLS:
        # Every port of every protocol is all traffic, ICMP too.
        return entry.port == 0 and entry.protocol == "ANY"
    if entry.protocol not in ("ANY", question.protocol):
        return False
    if isinstance(entry.port, str):
        number = (question.port, question.protocol)
        here, there = ends
        if rule.direction == "ingress":
            return knowledge.own_ports(here.name).get(entry.port) == number
        return there.identity in knowledge.holders.identities((entry.port, number))
    return entry.port == 0 or entry.port <= question.port <= (entry.end_port or entry.port)


def _port_text(entry: PortRange) -> str:
    last = f"-{entry.end_port}" if entry.end_port else ""
    return f"{entry.port or 'all'}{last}/{entry.protocol}"


def _icmp_text(entry: IcmpType) -> str:
    return f"{entry.type}/{_FAMILIES[entry.family]}"
