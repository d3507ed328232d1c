"""Which rule sets are in use, counted by the rows that name them."""

from __future__ import annotations

from collections.abc import Mapping

from lockgate.ir.node import PolicyEntry
from lockgate.ir.proxy import RuleSet
from lockgate.model.policy import Direction
from lockgate.state import Table


class RuleSetUses:
    """The rule sets that entries name, each while any does."""

    def __init__(self) -> None:
        self.table: Table[str, RuleSet] = Table("rule sets")
        self.revision = 0
        """Grows when a set comes into or goes out of use in a direction."""
        self._rows: dict[Direction, dict[str, int]] = {"ingress": {}, "egress": {}}

    def names(self, direction: Direction) -> set[str]:
        """Return the rule sets that entries of one direction name."""
        return set(self._rows[direction])

    def use(
        self, direction: Direction, before: tuple[PolicyEntry, ...], sets: Mapping[str, RuleSet]
    ) -> None:
        """Count a row that names ``sets`` in place of what ``before`` named."""
        rows = self._rows[direction]
        for name, rule_set in sets.items():
            self.revision += name not in rows
            rows[name] = rows.get(name, 0) + 1
            self.table.put(name, rule_set)
        for name in {entry.rule_set for entry in before} - {""}:
            rows[name] -= 1
            if not rows[name]:
                del rows[name]
                self.revision += 1
                if not any(name in used for used in self._rows.values()):
                    self.table.delete(name)
