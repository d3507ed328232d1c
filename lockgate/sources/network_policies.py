"""Kubernetes NetworkPolicy.

Source: Kubernetes API, ``networking.k8s.io/v1``.
"""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.model.policy import (
    NAMESPACE_LABEL,
    NAMESPACE_LABELS_PREFIX,
    CidrBlock,
    Direction,
    Peers,
    Policy,
    PolicyRule,
    PortRange,
)
from lockgate.model.selector import LabelSelector, Requirement
from lockgate.sources.fields import Reading
from lockgate.sources.policy_fields import block, check_range, in_namespace
from lockgate.sources.schema import NetworkPolicyObject, PolicyPeer, PolicyPort


def read_network_policy(read: Reading, view: NetworkPolicyObject) -> list[Policy]:
    """Read a Kubernetes NetworkPolicy.

    Source: Kubernetes API, ``networking.k8s.io/v1 NetworkPolicySpec``.
    """
    spec = view.spec
    here = in_namespace(view.metadata.namespace)
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
            found = block(read, view.ip_block.cidr, view.ip_block.excluded, f"{where}.ipBlock")
            blocks.append(CidrBlock(found.cidr, found.excluded, pods=True))
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
    check_range(read, port, view.end_port, field)
    return PortRange(port, view.protocol, view.end_port or 0)
