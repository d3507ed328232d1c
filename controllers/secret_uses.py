"""Which Secrets Ingresses and policies refer to, and what those are at the moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ingress.claim import Claim, claim, class_claim, class_of
from ingress.tls import authorities_of, secrets_of
from lockgate.model.ingress import ClassParameters, Ingress, IngressClass
from lockgate.model.meta import ObjectRef
from lockgate.model.policy import HttpRule, Policy, SecretReference
from lockgate.state import Fetch, Graph, Index, Table

Key = tuple[str, str]
"""(namespace, name)."""
_ALL = "all"


@dataclass(frozen=True, slots=True)
class Content:
    """What a Secret holds; its values never show in a representation."""

    type: str
    data: tuple[tuple[str, str], ...]
    """Keys with values in base64, sorted."""

    def __repr__(self) -> str:
        return f"Content({self.type}, {[key for key, _ in self.data]})"


class SecretUses:
    """Follows tables of what is declared; a change touches only what depends on it.

    Args:
        our_class: the IngressClass that is ours even if nobody declared it.
    """

    def __init__(self, our_class: str) -> None:
        self._our_class = our_class
        self.ingresses: Table[Key, Ingress] = Table("ingresses")
        self.classes: Table[str, IngressClass] = Table("ingress classes")
        self.parameters: Table[str, ClassParameters] = Table("ingress class parameters")
        self.policies: Table[ObjectRef, tuple[Policy, ...]] = Table("policies")
        self.secrets: Table[Key, Content] = Table("secrets")
        self._graph = graph = Graph()
        self._by_class = Index(self.classes, lambda _key, _row: [_ALL])
        ours = graph.derive(
            "ingresses of ours", self.ingresses, self._claim, (self._by_class, self.parameters)
        ).output
        defaults = graph.derive(
            "class defaults", self.classes, self._class_claim, (self.parameters,)
        ).output
        claims = graph.unite("claims", ours, defaults)
        by_claim: Index[Key, Claim, Key] = Index(claims, lambda _key, row: secrets_of_claim(row))
        by_policy: Index[ObjectRef, tuple[Policy, ...], Key] = Index(
            self.policies, lambda _key, rows: secrets_of_policies(rows)
        )
        used = graph.unite("secrets in use", by_claim.groups, by_policy.groups)
        self.wanted: Table[Key, Content] = graph.derive(
            "copies", used, lambda key, _users, fetch: fetch.get(self.secrets, key), (self.secrets,)
        ).output
        """The Secrets that are in use and exist."""
        self._seen = 0

    def changed(self) -> set[Key]:
        """Return the Secrets whose copy may be another than at the last call."""
        self._graph.tick()
        changed = self.wanted.changes(self._seen)
        self._seen = self.wanted.revision
        return changed

    def _claim(self, _key: Key, ingress: Ingress, fetch: Fetch) -> Claim | None:
        ours = class_of(
            ingress, self._our_class, [row for _, row in fetch.group(self._by_class, _ALL)]
        )
        if ours is None:
            return None
        named = ours.parameters
        return claim(ingress, fetch.get(self.parameters, named) if named else None)

    def _class_claim(self, _key: str, row: IngressClass, fetch: Fetch) -> Claim | None:
        parameters = fetch.get(self.parameters, row.parameters) if row.parameters else None
        return class_claim(row, parameters)


def secrets_of_claim(row: Claim) -> set[Key]:
    """Return every Secret that an Ingress, or a class, refers to."""
    found = secrets_of(row) | authorities_of(row)
    options = row.options
    named = (options.basic_auth, options.jwt.secret if options.jwt is not None else None)
    return found | {key for key in named if key is not None}


def secrets_of_policies(rows: Iterable[Policy]) -> set[Key]:
    """Return every Secret that policies refer to."""
    found: set[SecretReference | None] = set()
    for l7 in (rule.l7 for row in rows for rule in row.rules):
        if l7 is None:
            continue
        contexts = (l7.terminating, l7.originating)
        found |= {context.secret for context in contexts if context is not None}
        for rule in l7.rules:
            if isinstance(rule, HttpRule):
                found |= {header.secret for header in rule.headers}
    return {(one.namespace, one.name) for one in found if one is not None}
