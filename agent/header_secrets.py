"""Values of headers that HTTP rules take from Secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agent.declared import Key
from lockgate.ir.proxy import HttpRuleSet, RuleSet
from lockgate.model.service import Secret
from lockgate.state import Table


def secret_values(sets: Iterable[RuleSet | None], secrets: Table[Key, Secret]) -> Mapping[str, str]:
    """Return the values that rule sets refer to, by ``namespace/name``.

    A Secret that is not there, has not exactly one entry or holds no text gives none: a rule that
    needs it does not match.
    """
    wanted = {
        header.secret
        for rules in sets
        if isinstance(rules, HttpRuleSet)
        for match in rules.matches
        for header in match.headers
        if header.secret
    }
    found = {name: _value(secrets.get(_key(name))) for name in sorted(wanted)}
    return {name: value for name, value in found.items() if value is not None}


def _key(name: str) -> Key:
    namespace, _, secret = name.partition("/")
    return namespace, secret


def _value(secret: Secret | None) -> str | None:
    if secret is None or len(secret.data) != 1:
        return None
    try:
        return secret.data[0][1].decode()
    except UnicodeDecodeError:
        return None
