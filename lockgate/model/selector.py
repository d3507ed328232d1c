"""Label selectors.

Source: Kubernetes API, ``meta/v1 LabelSelector``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Operator = Literal["In", "NotIn", "Exists", "DoesNotExist"]


@dataclass(frozen=True, slots=True, order=True)
class Requirement:
    """One condition on one label; ``matchLabels`` are In requirements with one value."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether labels meet this requirement; NotIn holds for an absent key."""
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case "DoesNotExist":
                return self.key not in labels


@dataclass(frozen=True, slots=True, order=True)
class LabelSelector:
    """All requirements must hold; without any it selects everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether labels are selected."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    def also(self, *requirements: Requirement) -> LabelSelector:
        """Return this selector narrowed by further requirements."""
        return LabelSelector(tuple(sorted({*self.requirements, *requirements})))

    def __str__(self) -> str:
        return ",".join(_text(requirement) for requirement in self.requirements) or "<all>"


def _text(requirement: Requirement) -> str:
    match requirement.operator:
        case "In" if len(requirement.values) == 1:
            return f"{requirement.key}={requirement.values[0]}"
        case "In":
            return f"{requirement.key} in ({','.join(requirement.values)})"
        case "NotIn":
            return f"{requirement.key} notin ({','.join(requirement.values)})"
        case "Exists":
            return requirement.key
        case "DoesNotExist":
            return f"!{requirement.key}"
