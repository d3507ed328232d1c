"""What the REST API and the command line show of Ingresses, as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any

from agent.desired import Desired
from agent.view import problem_view
from ingress.claim import CLASS_ANNOTATION, Claim, HostPath
from ingress.explain import explain
from ingress.options import DEFAULT
from lockgate.model.ingress import Ingress
from lockgate.model.meta import Problem


def ingresses_view(desired: Desired, problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Return every Ingress that is ours, one row for each."""
    told = _by_object(problems)
    return [
        _row(desired, key, claim, told.get(str(claim.ref), []))
        for key, claim in sorted(desired.ingress.claimed.items())
    ]


def ingress_view(
    desired: Desired, key: tuple[str, str], problems: Iterable[Problem]
) -> dict[str, Any] | None:
    """Return one Ingress with its paths, options and problems, or None if it is not ours."""
    claim = desired.ingress.claimed.get(key)
    if claim is None:
        return None
    told = _by_object(problems).get(str(claim.ref), [])
    return {
        **_row(desired, key, claim, told),
        "paths": [_path(desired, claim, path) for path in claim.paths],
        "options": {
            field.name: _plain(getattr(claim.options, field.name))
            for field in fields(claim.options)
            if getattr(claim.options, field.name) != getattr(DEFAULT, field.name)
        },
        "problems": [problem_view(problem) for problem in told],
    }


def explanation_view(desired: Desired, url: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return what becomes of a request for a URL.

    Raises: ValueError: the URL names no host.
    """
    return asdict(explain(url, headers, desired.ingress))


def _row(
    desired: Desired, key: tuple[str, str], claim: Claim, problems: list[Problem]
) -> dict[str, Any]:
    declared: Ingress | None = desired.declared.ingresses.get(key)
    annotations = dict(declared.annotations) if declared else {}
    named = declared.class_name if declared else ""
    return {
        "ingress": claim.ref.path,
        "class": annotations.get(CLASS_ANNOTATION) or named,
        "hosts": sorted(claim.hosts()),
        "tls": sorted({host for entry in claim.tls for host in entry.hosts or ("*",)}),
        "problems": len(problems),
    }


def _path(desired: Desired, claim: Claim, path: HostPath) -> dict[str, Any]:
    backend = path.backend
    row = {"host": path.host, "kind": path.kind, "path": path.path, "field": path.field}
    if backend is None:
        return {**row, "backend": "", "endpoints": []}
    name = f"{claim.namespace}/{backend.service}/{backend.port}"
    found = [held for held in desired.ingress.endpoints.values() if held.cluster == name]
    pairs = found[0].endpoints if found else ()
    return {**row, "backend": name, "endpoints": [f"{host}:{port}" for host, port in pairs]}


def _by_object(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    found: dict[str, list[Problem]] = {}
    for problem in problems:
        found.setdefault(str(problem.ref), []).append(problem)
    return found


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(entry) for name, entry in asdict(value).items()}
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    return value.decode(errors="replace") if isinstance(value, bytes) else value
