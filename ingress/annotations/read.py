"""From annotations to options, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from ingress.annotations.compose import compose
from ingress.annotations.nginx import judge
from ingress.annotations.table import NGINX, OURS, ROWS, Reader, Row
from ingress.annotations.values import MAX_VALUE
from ingress.options import DEFAULT, Options
from lockgate.model.ingress import Ingress
from lockgate.model.meta import Problem

_BY_NGINX: dict[str, list[tuple[Row, Reader]]] = {}
for _row in ROWS.values():
    for _name, _reader in _row.nginx.items():
        _BY_NGINX.setdefault(_name, []).append((_row, _reader))


@dataclass(slots=True)
class _Reading:
    ingress: Ingress
    values: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    closed: str = ""

    def tell(self, name: str, reason: str, message: str, fix: str, *, protects: bool) -> None:
        if protects:
            self.closed = self.closed or name
            message += "; since it protects, the paths answer 503"
        where = f"metadata.annotations[{name}]"
        self.problems.append(Problem(self.ingress.ref, where, reason, message, fix))


def read_options(
    ingress: Ingress, defaults: Mapping[str, str]
) -> tuple[Options, tuple[Problem, ...]]:
    """Return the options of an Ingress and what is wrong with its annotations.

    Args:
        ingress: whose annotations are read.
        defaults: annotations of its class; the Ingress's own win. What is wrong with them is not
            told of each Ingress.
    """
    own = dict(ingress.annotations)
    if not any(name.startswith((OURS, NGINX)) for name in (*own, *defaults)):
        return DEFAULT, ()
    inherited = _Reading(ingress)
    _read_all(inherited, defaults)
    reading = _Reading(ingress, dict(inherited.values), closed=inherited.closed)
    _read_all(reading, own)
    options, faults = compose(reading.values, ingress.namespace)
    for name, message, fix, protects in faults:
        reading.tell(OURS + name, "InvalidAnnotation", message, fix, protects=protects)
    return replace(options, closed=reading.closed), tuple(reading.problems)


def _read_all(reading: _Reading, annotations: Mapping[str, str]) -> None:
    """Read nginx's first, so that ours win."""
    given: dict[str, Any] = {}
    for name in sorted(annotations):
        if name.startswith(NGINX):
            for row, value in _nginx(reading, name, annotations[name]):
                held = given.get(row.name)
                given[row.name] = _both(held, value)
    for name in sorted(annotations):
        if name.startswith(OURS):
            _ours(reading, name, annotations[name], given)
    reading.values |= given


def _both(held: Any, value: Any) -> Any:
    """Return what two annotations of nginx for one of ours come to."""
    if isinstance(held, float) and isinstance(value, float):
        return max(held, value)
    if held == "always":  # force-ssl-redirect is stronger than ssl-redirect
        return held
    if isinstance(held, tuple) and isinstance(value, tuple):
        return tuple(dict.fromkeys((*held, *value)))
    return value


def _ours(reading: _Reading, name: str, text: str, given: dict[str, Any]) -> None:
    row = ROWS.get(name.removeprefix(OURS))
    if row is None:
        _unknown(reading, name, OURS, list(ROWS))
        return
    given.pop(row.name, None)
    value = _value(reading, name, row, row.read, text)
    if value is not None:
        given[row.name] = value


def _nginx(reading: _Reading, name: str, text: str) -> Iterator[tuple[Row, Any]]:
    bare = name.removeprefix(NGINX)
    if bare not in _BY_NGINX:
        _judge(reading, name, bare, text)
        return
    for row, reader in _BY_NGINX[bare]:
        value = _value(reading, name, row, reader, text)
        if value is not None:
            yield row, value


def _value(reading: _Reading, name: str, row: Row, reader: Reader, text: str) -> Any:
    if len(text) > MAX_VALUE:
        fix = "shorten it"
        message = f"its value has {len(text)} characters, more than {MAX_VALUE}"
        reading.tell(name, "InvalidAnnotation", message, fix, protects=row.protects)
        return None
    try:
        return reader(text)
    except ValueError as error:
        shown = text if len(text) <= 80 else f"{text[:80]}…"
        message = f"{shown!r} cannot be used"
        reading.tell(name, "InvalidAnnotation", message, str(error), protects=row.protects)
        return None


def _judge(reading: _Reading, name: str, bare: str, text: str) -> None:
    try:
        found = judge(bare, text)
    except LookupError:
        _unknown(reading, name, NGINX, list(_BY_NGINX))
        return
    if found is not None:
        message = "it is not served as it is meant"
        reading.tell(name, "UnsupportedAnnotation", message, found.instead, protects=found.protects)


def _unknown(reading: _Reading, name: str, prefix: str, known: list[str]) -> None:
    near = get_close_matches(name.removeprefix(prefix), known, n=1)
    fix = f"did you mean {prefix}{near[0]}?" if near else "remove it or correct its name"
    message = "there is no such annotation"
    reading.tell(name, "UnknownAnnotation", message, fix, protects=False)
