"""Conditions of objects, as they are written.

Source: Kubernetes API ``meta/v1`` Condition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lockgate.model.meta import Problem

_MAX_MESSAGE = 2000


@dataclass(frozen=True, slots=True)
class Condition:
    """What is said of an object."""

    status: bool
    reason: str
    message: str


def condition_of(problems: Iterable[Problem], reason: str, message: str) -> Condition:
    """Return the condition of an object: what is wrong with it, or else that all is well."""
    found = sorted(problems)
    if not found:
        return Condition(True, reason, message)
    texts = (f"{row.field}: {row.message}; {row.fix}" for row in found)
    return Condition(False, found[0].reason, " ".join(texts)[:_MAX_MESSAGE])


@dataclass(frozen=True, slots=True)
class Shown:
    """A condition as an object has it, and since when it has its status."""

    condition: Condition
    since: str


def read_condition(status: Mapping[str, Any], kind: str) -> Shown | None:
    """Return one condition of a status."""
    for row in status.get("conditions") or ():
        if row["type"] == kind:
            condition = Condition(row["status"] == "True", row["reason"], row["message"])
            return Shown(condition, row["lastTransitionTime"])
    return None


def condition_body(
    kind: str, wanted: Condition, shown: Shown | None, generation: int
) -> dict[str, Any]:
    """Return a condition to be written in place of what is shown."""
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if shown is not None and shown.condition.status == wanted.status:
        since = shown.since
    return {
        "type": kind,
        "status": str(wanted.status),
        "reason": wanted.reason,
        "message": wanted.message,
        "observedGeneration": generation,
        "lastTransitionTime": since,
    }
