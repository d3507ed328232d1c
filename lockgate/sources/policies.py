"""From policy objects of every kind to :class:`lockgate.model.policy.Policy`."""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.model.policy import (
    L7,
    NAMESPACE_LABEL,
    NAMESPACE_LABELS_PREFIX,
    CidrBlock,
    Direction,
    HeaderRule,
    HttpRule,
    Peers,
    Policy,
    PolicyRule,
    PortRange,
)
from lockgate.model.selector import LabelSelector, Requirement
from lockgate.sources.fields import Reading
from lockgate.sources.schema import (
    EgressEntry,
    HttpRuleView,
    IngressEntry,
    LockgatePolicyObject,
    LockgatePolicySpec,
    NetworkPolicyObject,
    PolicyPeer,
    PolicyPort,
    PortsView,
    PortView,
)

Entry = IngressEntry | EgressEntry


def read_network_policy(read: Reading, view: NetworkPolicyObject) -> list[Policy]:
    """Read a Kubernetes NetworkPolicy.

    Source: Kubernetes API, ``networking.k8s.io/v1 NetworkPolicySpec``.
    """
    spec = view.spec
    here = _in_namespace(view.metadata.namespace)
    types: list[str] = [
        *(spec.policy_types or (["Ingress", "Egress"] if spec.egress else ["Ingress"]))
    ]
    rules: list[PolicyRule] = []
    directions: tuple[tuple[Direction, Sequence[object]], ...] = (
        ("ingress", spec.ingress if "Ingress" in types else []),
        ("egress", spec.egress if "Egress" in types else []),
    )
    for direction, entries in directions:
        word = "from" if direction == "ingress" else "to"
        for number in range(len(entries)):
            entry = spec.ingress[number] if direction == "ingress" else spec.egress[number]
            field = f"spec.{direction}[{number}]"
            peers = _network_peers(read, entry.peers, here, f"{field}.{word}")
            ports = tuple(
                _network_port(read, port, f"{field}.ports[{index}]")
                for index, port in enumerate(entry.ports)
            )
            rules.append(PolicyRule(direction, "allow", peers, ports, None, field))
    subject = read.selector(spec.pod_selector, "spec.podSelector").also(here)
    return [Policy(read.ref, subject, "Ingress" in types, "Egress" in types, tuple(rules))]


def read_lockgate_policy(read: Reading, view: LockgatePolicyObject) -> list[Policy]:
    """Read a LockgateNetworkPolicy or LockgateClusterwideNetworkPolicy."""
    namespace = read.ref.namespace
    if view.spec is None and not view.specs:
        read.refuse("spec", "MissingField", "neither spec nor specs is given", "add a spec")
    specs = [("spec", view.spec)] if view.spec is not None else []
    specs += [(f"specs[{number}]", spec) for number, spec in enumerate(view.specs)]
    return [
        _policy(read, spec, field, namespace, index) for index, (field, spec) in enumerate(specs)
    ]


def _policy(
    read: Reading, spec: LockgatePolicySpec, field: str, namespace: str, index: int
) -> Policy:
    sections: tuple[tuple[Direction, bool, str, Sequence[Entry] | None], ...] = (
        ("ingress", False, "ingress", spec.ingress),
        ("ingress", True, "ingressDeny", spec.ingress_deny),
        ("egress", False, "egress", spec.egress),
        ("egress", True, "egressDeny", spec.egress_deny),
    )
    if all(entries is None for _, _, _, entries in sections):
        read.refuse(
            field, "MissingField", "no rule is given",
            "add at least one of ingress, ingressDeny, egress, egressDeny",
        )  # fmt: skip
    rules: list[PolicyRule] = []
    for direction, deny, name, entries in sections:
        for number, entry in enumerate(entries or ()):
            where = f"{field}.{name}[{number}]"
            rules += _rules(read, entry, direction, where, namespace, deny=deny)
    given = {direction for direction, _, _, entries in sections if entries is not None}
    asked = spec.enable_default_deny
    subject = _plain(read.selector(spec.endpoint_selector, f"{field}.endpointSelector"))
    if namespace:
        # Whatever its labels say, a namespaced policy is about its own namespace only.
        subject = subject.also(_in_namespace(namespace))
    return Policy(
        read.ref,
        subject,
        asked.ingress if asked.ingress is not None else "ingress" in given,
        asked.egress if asked.egress is not None else "egress" in given,
        tuple(rules),
        index,
    )


def _rules(
    read: Reading, entry: Entry, direction: Direction, field: str, namespace: str, *, deny: bool
) -> list[PolicyRule]:
    peers = _peers(read, entry, field, namespace)
    if not entry.to_ports:
        return [PolicyRule(direction, "deny" if deny else "allow", peers, (), None, field)]
    rules: list[PolicyRule] = []
    for number, item in enumerate(entry.to_ports):
        where = f"{field}.toPorts[{number}]"
        ports = tuple(
            _port(read, port, f"{where}.ports[{index}]") for index, port in enumerate(item.ports)
        )
        http = _http(read, item, where, deny=deny)
        action = "deny" if deny else "allow"
        l7 = L7("http", http) if http else None
        rules.append(PolicyRule(direction, action, peers, ports, l7, where))  # type: ignore[arg-type]  # one of two words
    return rules


def _peers(read: Reading, entry: Entry, field: str, namespace: str) -> Peers | None:
    prefix = "from" if isinstance(entry, IngressEntry) else "to"
    names = ("Endpoints", "CIDR", "CIDRSet", "Entities")
    given = [
        name
        for name, value in zip(
            names, (entry.endpoints, entry.cidr, entry.cidr_set, entry.entities), strict=True
        )
        if value is not None
    ]
    if not given:
        # An entry that says nothing at all is the reference's way to write "deny everything".
        return None if entry.to_ports else Peers()
    if len(given) > 1:
        read.refuse(
            field, "InvalidCombination",
            f"{prefix}{given[0]} and {prefix}{given[1]} cannot stand in one entry",
            "write an entry for each",
        )  # fmt: skip
    selectors = [
        _identity_selector(read.selector(view, f"{field}.{prefix}Endpoints[{number}]"), namespace)
        for number, view in enumerate(entry.endpoints or ())
    ]
    blocks = [
        CidrBlock(read.cidr(text, f"{field}.{prefix}CIDR[{number}]"))
        for number, text in enumerate(entry.cidr or ())
    ]
    for number, item in enumerate(entry.cidr_set or ()):
        where = f"{field}.{prefix}CIDRSet[{number}]"
        blocks.append(_block(read, item.cidr, item.excluded, where))
    return Peers(tuple(sorted(selectors)), tuple(sorted(blocks)), tuple(entry.entities or ()))


def _block(read: Reading, cidr: str, excluded: list[str], field: str) -> CidrBlock:
    if "/" not in cidr:
        read.refuse(
            f"{field}.cidr", "InvalidCIDR", f"{cidr!r} has no prefix length", f"write {cidr}/32"
        )
    outer = read.cidr(cidr, f"{field}.cidr")
    inner = [read.cidr(text, f"{field}.except[{n}]") for n, text in enumerate(excluded)]
    for number, text in enumerate(inner):
        read.inside(text, outer, f"{field}.except[{number}]")
    return CidrBlock(outer, tuple(sorted(inner)))


def _port(read: Reading, view: PortView, field: str) -> PortRange:
    if not (view.port.isascii() and view.port.isdigit()):
        name = read.port_name(view.port.lower(), view.end_port, field)
        return PortRange(name, view.protocol)
    port = int(view.port)
    if port > 65535:  # the last port
        read.refuse(f"{field}.port", "InvalidPort", f"{port} is no port", "use 0 to 65535")
    _check_range(read, port, view.end_port, field)
    return PortRange(port, view.protocol, view.end_port or 0)


def _check_range(read: Reading, first: int, last: int | None, field: str) -> None:
    if last is not None and first == 0:
        read.refuse(f"{field}.endPort", "InvalidPort", "a range needs a first port", "set port")
    elif last is not None and last < first:
        read.refuse(
            f"{field}.endPort", "InvalidPort", f"{last} is before the first port {first}",
            "use a last port that is not smaller",
        )  # fmt: skip


def _http(read: Reading, item: PortsView, field: str, *, deny: bool) -> tuple[HttpRule, ...] | None:
    if item.rules is None or not item.rules.http:
        return None
    where = f"{field}.rules.http"
    if deny:
        read.refuse(where, "InvalidCombination", "a deny rule has no HTTP part", "remove it")
    for number, port in enumerate(item.ports):
        if port.protocol != "TCP" or port.port == "0":
            read.refuse(
                f"{field}.ports[{number}]", "InvalidCombination",
                f"HTTP rules need protocol TCP and a port, not {port.port}/{port.protocol}",
                "set protocol: TCP and a port",
            )  # fmt: skip
    if not item.ports:
        read.refuse(f"{field}.ports", "MissingField", "HTTP rules need ports", "add ports")
    return tuple(
        _http_rule(read, view, f"{where}[{number}]") for number, view in enumerate(item.rules.http)
    )


def _http_rule(read: Reading, view: HttpRuleView, field: str) -> HttpRule:
    for name in ("method", "path", "host"):
        text = getattr(view, name)
        if text:
            read.regex(text, f"{field}.{name}")
    headers: list[HeaderRule] = []
    for text in view.headers:
        name, colon, value = text.partition(":")
        read.header_name(name.strip(), f"{field}.headers")
        headers.append(HeaderRule(name.strip().lower(), value.strip() if colon else None))
    return HttpRule(view.method, view.path, view.host, tuple(sorted(headers, key=repr)))


def _network_peers(
    read: Reading, views: list[PolicyPeer], here: Requirement, field: str
) -> Peers | None:
    if not views:
        return None
    selectors: list[LabelSelector] = []
    blocks: list[CidrBlock] = []
    for number, view in enumerate(views):
        where = f"{field}[{number}]"
        if view.ip_block is not None:
            if view.pod_selector is not None or view.namespace_selector is not None:
                read.refuse(
                    where, "InvalidCombination", "ipBlock stands beside a selector",
                    "write an entry for each",
                )  # fmt: skip
            blocks.append(
                _block(read, view.ip_block.cidr, view.ip_block.excluded, f"{where}.ipBlock")
            )
            continue
        selectors.append(_network_selector(read, view, here, where))
    return Peers(tuple(sorted(selectors)), tuple(sorted(blocks)))


def _network_selector(
    read: Reading, view: PolicyPeer, here: Requirement, field: str
) -> LabelSelector:
    pods = LabelSelector()
    if view.pod_selector is not None:
        pods = read.selector(view.pod_selector, f"{field}.podSelector")
    elif view.namespace_selector is None:
        read.refuse(field, "MissingField", "the peer is empty", "add a selector or an ipBlock")
    if view.namespace_selector is None:
        return pods.also(here)
    spaces = read.selector(view.namespace_selector, f"{field}.namespaceSelector")
    return pods.also(
        # Without it, an empty or negative selector would select what is no pod, as the world.
        Requirement(NAMESPACE_LABEL, "Exists"),
        *(
            Requirement(NAMESPACE_LABELS_PREFIX + entry.key, entry.operator, entry.values)
            for entry in spaces.requirements
        ),
    )


def _network_port(read: Reading, view: PolicyPort, field: str) -> PortRange:
    if isinstance(view.port, str):
        return PortRange(read.port_name(view.port, view.end_port, field), view.protocol)
    port = view.port or 0
    if not 0 <= port <= 65535 or view.port == 0:  # the last port
        read.refuse(f"{field}.port", "InvalidPort", f"{view.port} is no port", "use 1 to 65535")
    _check_range(read, port, view.end_port, field)
    return PortRange(port, view.protocol, view.end_port or 0)


def _in_namespace(namespace: str) -> Requirement:
    return Requirement(NAMESPACE_LABEL, "In", (namespace,))


def _identity_selector(selector: LabelSelector, namespace: str) -> LabelSelector:
    """Strip label sources, and keep a namespaced policy in its namespace unless it names one."""
    plain = _plain(selector)
    named = any(
        entry.key == NAMESPACE_LABEL or entry.key.startswith((NAMESPACE_LABELS_PREFIX, "reserved:"))
        for entry in plain.requirements
    )
    if named:
        return plain
    # A cluster-wide policy selects pods of any namespace, but not what is no pod.
    anywhere = Requirement(NAMESPACE_LABEL, "Exists")
    return plain.also(_in_namespace(namespace) if namespace else anywhere)


def _plain(selector: LabelSelector) -> LabelSelector:
    return LabelSelector(
        tuple(
            sorted(
                Requirement(_plain_key(entry.key), entry.operator, entry.values)
                for entry in selector.requirements
            )
        )
    )


def _plain_key(key: str) -> str:
    for source in ("k8s:", "any:"):
        if key.startswith(source):
            return key[len(source) :]
    return key
