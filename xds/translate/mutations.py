"""Header rules that change a request instead of refusing it, as routes that write headers.

Whether a request passes is decided by the RBAC filters; these routes only choose what is written.
Of one rule set the first match that holds, in the set's order, decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from lockgate.ir.proxy import HeaderMatch, HttpMatch, HttpRuleSet
from xds.codec import schema
from xds.translate.rules import host_regex


@dataclass(frozen=True, slots=True)
class Variant:
    """Requests that these header matchers and path select, and what is written to them."""

    matchers: tuple[schema.HeaderMatcher, ...] = ()
    path: str = ""
    add: tuple[schema.HeaderValueOption, ...] = ()
    remove: tuple[str, ...] = ()


def mutating_routes(
    sets: Iterable[HttpRuleSet], action: schema.RouteAction, secrets: Mapping[str, str]
) -> list[schema.Route]:
    """Return the routes before the last one, which takes every request as it is."""
    sides = [[*_variants(rules, secrets), Variant()] for rules in sets]
    routes = [_route(variants, action) for variants in product(*sides)]
    return routes[:-1]


def value_of(header: HeaderMatch, secrets: Mapping[str, str]) -> str | None:
    """Return the value a header is held against; None for any, or for a Secret not there."""
    return secrets.get(header.secret) if header.secret else header.value


def _variants(rules: HttpRuleSet, secrets: Mapping[str, str]) -> Iterator[Variant]:
    if not any(entry.mismatch != "FAIL" for match in rules.matches for entry in match.headers):
        return
    for match in rules.matches:
        yield from _of_match(match, secrets)


def _of_match(match: HttpMatch, secrets: Mapping[str, str]) -> Iterator[Variant]:
    base = [_present(entry, secrets) for entry in match.headers if entry.mismatch == "FAIL"]
    if match.method:
        base.append(_regex(":method", match.method))
    if match.host:
        base.append(_regex(":authority", host_regex(match.host)))
    # What is only written where it differs needs a route for each case.
    choices = [_cases(entry, secrets) for entry in match.headers if entry.mismatch != "FAIL"]
    for chosen in product(*choices):
        yield Variant(
            tuple(base + [one for case in chosen for one in case.matchers]),
            match.path,
            tuple(one for case in chosen for one in case.add),
            tuple(name for case in chosen for name in case.remove),
        )


def _cases(entry: HeaderMatch, secrets: Mapping[str, str]) -> list[Variant]:
    value = value_of(entry, secrets)
    if entry.mismatch == "LOG" or (value is None and entry.mismatch != "DELETE"):
        return [Variant()]
    if entry.mismatch == "REPLACE":
        return [Variant(add=(_write(entry.name, value or "", "OVERWRITE_IF_EXISTS_OR_ADD"),))]
    same = Variant((_present(entry, secrets),))
    if entry.mismatch == "ADD":
        return [same, Variant(add=(_write(entry.name, value or "", "APPEND_IF_EXISTS_OR_ADD"),))]
    return [same, Variant(remove=(entry.name,))]


def _route(variants: tuple[Variant, ...], action: schema.RouteAction) -> schema.Route:
    matchers = [matcher for variant in variants for matcher in variant.matchers]
    paths = [variant.path for variant in variants if variant.path]
    # A route has one place for a path; the second is held against the header it comes from.
    matchers += [_regex(":path", rf"(?:{path})(?:\?.*)?") for path in paths[1:]]
    match: schema.RouteMatch = {"headers": matchers}
    if paths:
        match["safe_regex"] = {"regex": paths[0]}
    else:
        match["prefix"] = "/"
    route: schema.Route = {"match": match, "route": action}
    add = [one for variant in variants for one in variant.add]
    remove = [name for variant in variants for name in variant.remove]
    if add:
        route["request_headers_to_add"] = add
    if remove:
        route["request_headers_to_remove"] = remove
    return route


def _write(name: str, value: str, how: schema.HeaderAppendAction) -> schema.HeaderValueOption:
    # A percent sign would start a variable of Envoy's.
    return {"header": {"key": name, "value": value.replace("%", "%%")}, "append_action": how}


def _present(entry: HeaderMatch, secrets: Mapping[str, str]) -> schema.HeaderMatcher:
    value = value_of(entry, secrets)
    if value is None:
        return {"name": entry.name, "present_match": True}
    return {"name": entry.name, "string_match": {"exact": value}}


def _regex(name: str, expression: str) -> schema.HeaderMatcher:
    return {"name": name, "string_match": {"safe_regex": {"regex": expression}}}
