"""Who may talk to whom, judged from raw manifests, statement by statement, as specified.

Sources: Kubernetes API ``networking.k8s.io/v1 NetworkPolicy``; the fields and semantics of
CiliumNetworkPolicy v2, which LockgateNetworkPolicy and LockgateClusterwideNetworkPolicy follow.

Nothing here comes from the engine: no identities, no prefixes, no order, no memory. Every question
reads every policy again, so a mistake of the engine is not made here for the same reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, Literal

Doc = dict[str, Any]
Direction = Literal["ingress", "egress"]
Outcome = Literal["allow", "l7", "deny"]
STRICTNESS: tuple[Outcome, ...] = ("allow", "l7", "deny")
PLACE = "io.kubernetes.pod.namespace"
PLACE_LABELS = "io.cilium.k8s.namespace.labels."
ACCOUNT = "io.cilium.k8s.policy.serviceaccount"


@dataclass(frozen=True)
class Request:
    """An HTTP request; header names are lower-case."""

    method: str
    path: str
    host: str = "shop.test"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class End:
    """One end of a connection: a pod, the host, or an address outside of the cluster."""

    name: str
    pod: Doc | None = None

    @property
    def namespace(self) -> str:
        return str(self.pod["metadata"]["namespace"]) if self.pod else ""

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.pod["metadata"].get("labels") or {}) if self.pod else {}

    @property
    def addresses(self) -> list[str]:
        """None where no block of addresses is about it."""
        if self.pod:
            status = self.pod.get("status", {})
            listed = [row["ip"] for row in status.get("podIPs", [])]
            return listed or [status["podIP"]] if status.get("podIP") else listed
        return [] if self.name == "host" else [self.name]

    @property
    def is_outside(self) -> bool:
        return self.pod is None and self.name != "host"

    def numbers(self, port_name: str) -> list[tuple[int, str]]:
        """Return (port, protocol) for each port of that name."""
        containers = self.pod["spec"]["containers"] if self.pod else []
        return [
            (port["containerPort"], port.get("protocol", "TCP"))
            for container in containers
            for port in container.get("ports", [])
            if port.get("name") == port_name
        ]


@dataclass(frozen=True)
class Question:
    """A new connection as one of its ends sees it; ``server`` is the end that is connected to."""

    direction: Direction
    here: End
    there: End
    port: int
    protocol: str

    @property
    def server(self) -> End:
        return self.here if self.direction == "ingress" else self.there

    @property
    def word(self) -> str:
        return "from" if self.direction == "ingress" else "to"


@dataclass(frozen=True)
class Statement:
    """What one policy says about the connection asked about."""

    kind: Literal["isolates", "allow", "deny"]
    http: tuple[Doc, ...] = ()
    """With any of them, only requests that one of them describes."""


class Cluster:
    """The manifests of one moment, enforced at pods for which ``is_local`` holds."""

    def __init__(
        self, documents: Iterable[Doc], is_local: Callable[[str], bool] = lambda _name: True
    ) -> None:
        self._is_local = is_local
        known = list(documents)
        self.pods = {
            f"{doc['metadata']['namespace']}/{doc['metadata']['name']}": doc
            for doc in known
            if doc["kind"] == "Pod"
        }
        self.spaces = {doc["metadata"]["name"]: doc for doc in known if doc["kind"] == "Namespace"}
        self.kubernetes = [doc for doc in known if doc["kind"] == "NetworkPolicy"]
        self.lockgate = [
            doc
            for doc in known
            if doc["kind"] in ("LockgateNetworkPolicy", "LockgateClusterwideNetworkPolicy")
        ]

    def end(self, name: str) -> End:
        return End(name, self.pods.get(name))

    def outcome(self, source: str, destination: str, port: int, protocol: str) -> Outcome:
        """Judge a new connection; ``l7`` means that a proxy judges each request on it."""
        if source == destination:
            return "allow"
        asked = self._sides(source, destination, port, protocol)
        return max((self._side(question) for question in asked), key=STRICTNESS.index)

    def answers(
        self, source: str, destination: str, port: int, protocol: str, request: Request
    ) -> bool:
        """Say whether a request gets through."""
        if source == destination:
            return True
        asked = self._sides(source, destination, port, protocol)
        return all(self._passes(question, request) for question in asked)

    def _sides(
        self, source: str, destination: str, port: int, protocol: str
    ) -> tuple[Question, Question]:
        one, other = self.end(source), self.end(destination)
        return (
            Question("egress", one, other, port, protocol),
            Question("ingress", other, one, port, protocol),
        )

    def _side(self, question: Question) -> Outcome:
        said = list(self._statements(question))
        kinds = {statement.kind for statement in said}
        if "deny" in kinds:
            return "deny"
        if question.direction == "ingress" and question.there.name == "host":
            return "allow"  # the node probes its pods, past the proxy
        if any(statement.http for statement in said):
            return "l7"
        return "deny" if "isolates" in kinds and "allow" not in kinds else "allow"

    def _passes(self, question: Question, request: Request) -> bool:
        outcome = self._side(question)
        if outcome != "l7":
            return outcome == "allow"
        said = list(self._statements(question))
        allowed = [statement for statement in said if statement.kind == "allow"]
        return (
            # Rules that do not isolate refuse nothing.
            not any(statement.kind == "isolates" for statement in said)
            or any(not statement.http for statement in allowed)
            or any(describes(rule, request) for statement in allowed for rule in statement.http)
        )

    def _statements(self, question: Question) -> Iterator[Statement]:
        if question.here.pod is None or not self._is_local(question.here.name):
            return  # nothing is enforced outside, and host policies are not read here
        for policy in self.kubernetes:
            yield from self._kubernetes(policy, question)
        for policy in self.lockgate:
            specs = [policy["spec"]] if policy.get("spec") else []
            for spec in [*specs, *(policy.get("specs") or [])]:
                yield from self._lockgate(spec, policy["metadata"].get("namespace", ""), question)

    # NetworkPolicy.

    def _kubernetes(self, policy: Doc, question: Question) -> Iterator[Statement]:
        spec, space = policy["spec"], policy["metadata"]["namespace"]
        here, direction = question.here, question.direction
        if here.namespace != space or not selects(spec.get("podSelector") or {}, here.labels):
            return
        given = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
        if direction.capitalize() not in given:
            return
        yield Statement("isolates")
        for rule in spec.get(direction) or []:
            peers = rule.get(question.word) or []
            if peers and not any(self._is_peer(peer, space, question.there) for peer in peers):
                continue
            ports = rule.get("ports") or []
            if not ports or any(kubernetes_port(port, question) for port in ports):
                yield Statement("allow")

    def _is_peer(self, peer: Doc, space: str, there: End) -> bool:
        if "ipBlock" in peer:
            # One that is there by either address is there: who it is does not tell which it uses.
            return any(in_block(peer["ipBlock"], address) for address in there.addresses)
        if there.pod is None:
            return False
        if "podSelector" in peer and not selects(peer["podSelector"], there.labels):
            return False
        if "namespaceSelector" not in peer:
            return there.namespace == space
        return selects(peer["namespaceSelector"], self._space_labels(there.namespace))

    def _space_labels(self, space: str) -> dict[str, str]:
        declared = self.spaces.get(space, {}).get("metadata", {}).get("labels") or {}
        return {"kubernetes.io/metadata.name": space, **declared}

    # LockgateNetworkPolicy and LockgateClusterwideNetworkPolicy.

    def _lockgate(self, spec: Doc, space: str, question: Question) -> Iterator[Statement]:
        here, direction = question.here, question.direction
        if space and here.namespace != space:
            return
        if not selects(spec["endpointSelector"], self._endpoint_labels(here)):
            return
        allows, denies = spec.get(direction) or [], spec.get(f"{direction}Deny") or []
        asked = (spec.get("enableDefaultDeny") or {}).get(direction)
        if bool(allows or denies) if asked is None else asked:
            yield Statement("isolates")
        for entry in allows:
            if self._is_party(entry, space, question):
                yield from lockgate_ports("allow", entry, question)
        for entry in denies:
            if self._is_party(entry, space, question):
                yield from lockgate_ports("deny", entry, question)

    def _endpoint_labels(self, end: End) -> dict[str, str]:
        """Return a pod's labels beside those that say where and as whom it runs."""
        assert end.pod is not None
        around = self._space_labels(end.namespace)
        # Nobody can claim by a label of a pod to be elsewhere or somebody else.
        own = {key: text for key, text in end.labels.items() if not key.startswith(PLACE_LABELS)}
        return {
            **own,
            PLACE: end.namespace,
            ACCOUNT: end.pod["spec"].get("serviceAccountName", "default"),
            **{PLACE_LABELS + key: text for key, text in around.items()},
        }

    def _is_party(self, entry: Doc, space: str, question: Question) -> bool:
        word, there = question.word, question.there
        members = [f"{word}{what}" for what in ("Endpoints", "CIDR", "CIDRSet", "Entities")]
        given = [member for member in members if entry.get(member) is not None]
        if not given:
            return bool(entry.get("toPorts"))  # an entry that says nothing is about nobody
        for selector in entry.get(f"{word}Endpoints") or []:
            if there.pod is None or not selects(selector, self._endpoint_labels(there)):
                continue
            if not space or there.namespace == space or names_place(selector):
                return True
        for entity in entry.get(f"{word}Entities") or []:
            if is_entity(entity, there):
                return True
        blocks = [{"cidr": cidr} for cidr in entry.get(f"{word}CIDR") or []]
        blocks += entry.get(f"{word}CIDRSet") or []
        # Whoever is known by identity is not known by address.
        return there.is_outside and any(in_block(block, there.name) for block in blocks)


def is_entity(entity: str, there: End) -> bool:
    match entity:
        case "all":
            return True
        case "cluster":
            return not there.is_outside
        case "host":
            return there.name == "host"
        case "world":
            return there.is_outside
        case "world-ipv4" | "world-ipv6":
            return there.is_outside and ip_address(there.name).version == int(entity[-1])
        case _:
            return False


def plain(key: str) -> str:
    return key.removeprefix("k8s:").removeprefix("any:")


def keys(selector: Doc) -> list[str]:
    expressions = selector.get("matchExpressions") or []
    return [*(selector.get("matchLabels") or {}), *(one["key"] for one in expressions)]


def names_place(selector: Doc) -> bool:
    return any(key == PLACE or key.startswith(PLACE_LABELS) for key in map(plain, keys(selector)))


def selects(selector: Doc, labels: dict[str, str]) -> bool:
    pairs = (selector.get("matchLabels") or {}).items()
    expressions = selector.get("matchExpressions") or []
    return all(labels.get(plain(key)) == value for key, value in pairs) and all(
        expression_holds(expression, labels) for expression in expressions
    )


def expression_holds(expression: Doc, labels: dict[str, str]) -> bool:
    key, values = plain(expression["key"]), expression.get("values") or []
    holds = {
        "In": key in labels and labels[key] in values,
        "NotIn": key not in labels or labels[key] not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }
    return holds[expression["operator"]]


def in_block(block: Doc, address: str) -> bool:
    known = ip_address(address)
    return known in ip_network(block["cidr"], strict=False) and not any(
        known in ip_network(cidr, strict=False) for cidr in block.get("except") or []
    )


def kubernetes_port(port: Doc, question: Question) -> bool:
    if port.get("protocol", "TCP") != question.protocol:
        return False
    first = port.get("port")
    if first is None:
        return True
    if isinstance(first, str):
        return (question.port, question.protocol) in question.server.numbers(first)
    last: int = port.get("endPort") or first
    return bool(first <= question.port <= last)


def lockgate_ports(
    kind: Literal["allow", "deny"], entry: Doc, question: Question
) -> Iterator[Statement]:
    if not entry.get("toPorts"):
        yield Statement(kind)
    for item in entry.get("toPorts") or []:
        ports = item.get("ports") or []
        if not ports or any(lockgate_port(port, question) for port in ports):
            yield Statement(kind, tuple((item.get("rules") or {}).get("http") or ()))


def lockgate_port(port: Doc, question: Question) -> bool:
    if port.get("protocol", "ANY") not in ("ANY", question.protocol):
        return False
    text: str = port.get("port", "0")
    if not text.isdigit():
        return (question.port, question.protocol) in question.server.numbers(text.lower())
    first = int(text)
    last: int = port.get("endPort") or first
    return first == 0 or first <= question.port <= last


def describes(rule: Doc, request: Request) -> bool:
    """Say whether a request has all that an ``http`` rule asks for."""
    texts = (("method", request.method), ("path", request.path), ("host", request.host))
    held = dict(request.headers)
    return all(
        not rule.get(member) or re.fullmatch(rule[member], text) for member, text in texts
    ) and all(has_header(header, held) for header in rule.get("headers") or [])


def has_header(header: str, held: dict[str, str]) -> bool:
    name, _, value = (part.strip() for part in header.partition(":"))
    return name.lower() in held and value in ("", held[name.lower()])
