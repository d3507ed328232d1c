"""What the policies of an endpoint say of clients that come through the Ingress.

To the kernel all of them are the Ingress. The Ingress knows each one's address, so rules about
addresses are judged there, for every request; a rule that names the entity ``ingress`` holds for
all of them, as in the reference. Clients of the cluster (pods, nodes) are no addresses to a rule,
unless it is an ``ipBlock`` of a NetworkPolicy, which means pods too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lockgate.ir import node
from lockgate.ir.http import ClientScreen
from lockgate.model.meta import Labels
from lockgate.model.policy import CidrBlock, NamePattern, Policy
from lockgate.model.selector import LabelSelector
from lockgate.policy.clauses import ALL_BITS, Clause, NumberedPort, Ports, clauses_of
from lockgate.policy.decisions import combine
from lockgate.policy.identity import reserved_labels
from lockgate.policy.prefixes import EVERYWHERE, lies_in
from lockgate.policy.resolve import is_enforced
from lockgate.policy.selections import Peer, of_endpoints

NOBODY = ClientScreen(())
_OF_THE_INGRESS = frozenset({"ingress", "cluster", "cluster-mesh", "all"})
_INGRESS_LABELS = dict(reserved_labels(node.IDENTITY_INGRESS))


@dataclass(frozen=True, slots=True)
class _OwnPorts:
    """Ports by name, where the only other end is the one whose ports these are."""

    ports: Mapping[str, NumberedPort]

    def own(self, name: str) -> NumberedPort | None:
        return self.ports.get(name)

    def of_peers(self, name: str) -> Iterable[NumberedPort]:
        return [self.ports[name]] if name in self.ports else []


@dataclass(frozen=True, slots=True)
class ClientRules:
    """The ingress rules of an endpoint, to be asked about clients of the Ingress."""

    clauses: tuple[Clause, ...]
    enforced: bool
    """What no rule allows is denied."""
    of_ingress: bool = False
    """The endpoint is the Ingress, so that clients come to it as who they are."""

    def screen(self, port: int, cluster: Iterable[str] = ()) -> ClientScreen | None:
        """Return who may reach a TCP port through the Ingress, None if everybody may.

        ``cluster`` are prefixes of pods and nodes.
        """
        asked = Ports(node.PROTOCOL_TCP, port, ALL_BITS)
        covering = [one for one in self.clauses if any(ports.covers(asked) for ports in one.ports)]
        inner = tuple(cluster)
        verdicts = {
            prefix: self._admits(covering, prefix, inner)
            for prefix in {*EVERYWHERE.values(), *inner, *_prefixes(covering)}
        }
        if all(verdicts.values()):
            return None
        return ClientScreen(
            tuple(sorted(prefix for prefix, passes in verdicts.items() if passes)),
            tuple(sorted(prefix for prefix, passes in verdicts.items() if not passes)),
        )

    def _admits(self, clauses: Iterable[Clause], prefix: str, cluster: tuple[str, ...]) -> bool:
        of_cluster = any(lies_in(prefix, outer) for outer in cluster)
        about = [
            one
            for one in clauses
            if one.peers is None
            or any(self._selects(peer, prefix, of_cluster=of_cluster) for peer in one.peers)
        ]
        return combine(about, enforced=self.enforced).verdict != "deny"

    def _selects(self, peer: Peer, prefix: str, *, of_cluster: bool) -> bool:
        if _selects_address(peer, prefix, of_cluster=of_cluster):
            return True
        if self.of_ingress:
            return of_cluster and peer in ("cluster", "cluster-mesh")
        return selects_ingress(peer) if isinstance(peer, LabelSelector) else peer in _OF_THE_INGRESS


def client_rules(
    policies: tuple[Policy, ...], ports: Mapping[str, NumberedPort] | None, mode: str
) -> ClientRules:
    """Return the rules of the policies that select a pod with these named ports.

    None is for the Ingress itself, which only a policy closes, whatever the mode says of pods.
    """
    clauses = clauses_of("ingress", policies, _OwnPorts(ports or {}))
    enforced = is_enforced("ingress", policies, "default" if ports is None else mode)
    return ClientRules(tuple(clauses), enforced, of_ingress=ports is None)


def ingress_may_reach(
    policies: tuple[Policy, ...],
    labels: Labels,
    ports: Mapping[str, NumberedPort],
    port: int,
    mode: str,
) -> bool:
    """Say whether policies of the Ingress itself let it connect to a pod's TCP port."""
    asked = Ports(node.PROTOCOL_TCP, port, ALL_BITS)
    about = [
        clause
        for clause in clauses_of("egress", policies, _OwnPorts(ports))
        if any(entry.covers(asked) for entry in clause.ports)
        and (clause.peers is None or any(_selects_pod(peer, labels) for peer in clause.peers))
    ]
    return combine(about, enforced=is_enforced("egress", policies, mode)).verdict != "deny"


def selects_ingress(selector: LabelSelector) -> bool:
    """Say whether a selector means the Ingress: it must name it, for others mean pods."""
    return of_endpoints(selector).matches(_INGRESS_LABELS)


def _prefixes(clauses: Iterable[Clause]) -> set[str]:
    return {
        prefix
        for clause in clauses
        for peer in clause.peers or ()
        if isinstance(peer, CidrBlock)
        for prefix in (peer.cidr, *peer.excluded)
    }


def _selects_address(peer: Peer, prefix: str, *, of_cluster: bool) -> bool:
    match peer:
        case CidrBlock():
            if of_cluster and not peer.pods:
                return False
            return lies_in(prefix, peer.cidr) and not any(
                lies_in(prefix, outer) for outer in peer.excluded
            )
        case "world":
            return not of_cluster
        case _:
            return False


def _selects_pod(peer: Peer, labels: Labels) -> bool:
    match peer:
        case LabelSelector():
            return of_endpoints(peer).matches(dict(labels))
        case NamePattern() | CidrBlock():
            return False
        case _:
            return peer in ("cluster", "cluster-mesh", "all")
