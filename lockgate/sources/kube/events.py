"""Events: what is wrong with an object, told where its owner looks.

Source: Kubernetes API, ``events.k8s.io/v1``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lockgate.model.meta import Problem
from lockgate.sources.kube.access import ApiFault, ApiServer
from lockgate.sources.kube.kinds import EVENT, Kind, collection_path

_MAX_NOTE = 1000
_CONFLICT = 409
_NAMESPACE = "default"
"""Of Events about objects that are in none."""


@dataclass(frozen=True, slots=True)
class Regarding:
    """The object that an Event is about."""

    kind: Kind
    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who tells: what for, which process, and what it was doing."""

    controller: str
    instance: str
    action: str


def event_name(problem: Problem) -> str:
    """Return the name of the Event that tells a problem; equal problems are one Event."""
    text = "\0".join((str(problem.ref), problem.field, problem.reason, problem.message))
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return f"{problem.ref.name[:230]}.{digest}"


async def post_event(
    server: ApiServer, problem: Problem, about: Regarding, reporter: Reporter
) -> None:
    """Tell a problem, unless it was told already.

    Raises: ApiFault: it could not be told.
    """
    body = _event(problem, about, reporter)
    path = collection_path(EVENT, about.namespace or _NAMESPACE)
    try:
        await server.post(path, body)
    except ApiFault as fault:
        if fault.status != _CONFLICT:
            raise


def _event(problem: Problem, about: Regarding, reporter: Reporter) -> Mapping[str, Any]:
    note = f"{problem.field}: {problem.message}" if problem.field else problem.message
    note += f"; {problem.fix}" if problem.fix else ""
    regarding = {
        "apiVersion": about.kind.version,
        "kind": about.kind.kind,
        "name": about.name,
        "uid": about.uid,
    }
    if about.namespace:
        regarding["namespace"] = about.namespace
    return {
        "apiVersion": EVENT.version,
        "kind": EVENT.kind,
        "metadata": {"namespace": about.namespace or _NAMESPACE, "name": event_name(problem)},
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": reporter.controller,
        "reportingInstance": reporter.instance[:128],
        "action": reporter.action,
        "reason": problem.reason[:128],
        "type": "Warning",
        "note": note[:_MAX_NOTE],
        "regarding": regarding,
    }
