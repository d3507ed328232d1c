"""Which rule of which object would serve a URL, and why the others would not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

import re2

from ingress.claim import Claim, HostPath
from ingress.graph import IngressGraph
from ingress.hosts import precedence, settle
from ingress.path_routes import Candidate, route_match
from ingress.tls import covers
from lockgate.ir.http import (
    ANY_HOST,
    FieldTest,
    Forward,
    PathMatch,
    Redirect,
    Respond,
    Route,
)


@dataclass(frozen=True, slots=True)
class Considered:
    """A path that could have served a URL; ``why`` says what decided."""

    object: str
    field: str
    host: str
    kind: str
    path: str
    serves: bool
    why: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What becomes of a request.

    ``host`` is the host of the rules that are asked, empty if there are none; ``endpoints`` are
    those that could get it.
    """

    url: str
    host: str
    outcome: str
    object: str = ""
    endpoints: tuple[str, ...] = ()
    tls: str = ""
    considered: tuple[Considered, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as far as routes look at it."""

    scheme: str
    host: str
    path: str
    headers: Mapping[str, str]

    @property
    def cookies(self) -> dict[str, str]:
        """Cookies by name."""
        try:
            return {
                name: one.value for name, one in SimpleCookie(self.headers.get("cookie")).items()
            }
        except CookieError:
            return {}


def read_url(url: str, headers: Mapping[str, str]) -> Asked:
    """Read a URL; without a scheme it is ``http``.

    Raises: ValueError: it names no host.
    """
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        msg = f"{url!r} is no URL; write http://HOST/PATH or https://HOST/PATH"
        raise ValueError(msg)
    host = parts.hostname.lower().rstrip(".")
    lowered = {name.lower(): value for name, value in headers.items()}
    return Asked(parts.scheme, host, parts.path or "/", lowered)


def explain(url: str, headers: Mapping[str, str], ingress: IngressGraph) -> Explanation:
    """Say what becomes of a request for a URL.

    Raises: ValueError: the URL names no host.
    """
    asked = read_url(url, headers)
    tls = _tls(asked, ingress)
    names = [name for name in _hosts_for(asked.host) if ingress.hosts.get(name) is not None]
    if not names:
        return Explanation(
            url, "", "404: no rule names this host, and there is no default", tls=tls
        )
    row = ingress.hosts.get(names[0])
    assert row is not None  # it was just found
    route = next((one for one in row.virtual_host.routes if _takes(one, asked)), None)
    considered = tuple(_consider(asked, names, route, ingress.claims()))
    if route is None:
        outcome = f"404: no path of host {names[0]} takes {asked.path}"
        return Explanation(url, names[0], outcome, tls=tls, considered=considered)
    return Explanation(
        url,
        names[0],
        _outcome(route),
        str(route.origin),
        tuple(_endpoints(route, ingress)),
        tls,
        considered,
    )


def _hosts_for(host: str) -> Iterator[str]:
    yield host
    if "." in host:
        yield f"*.{host.partition('.')[2]}"
    yield ANY_HOST


def _tls(asked: Asked, ingress: IngressGraph) -> str:
    if asked.scheme != "https":
        return ""
    hosts = {row.host: row for row in ingress.tls_hosts()[0]}
    taken = next((hosts[name] for name in hosts if covers(name, asked.host)), hosts.get(ANY_HOST))
    if taken is None:
        return "no certificate: the connection is refused"
    if taken.passthrough:
        return f"passed through to {taken.passthrough}"
    client = ", and demands one of the client" if taken.client and taken.client.required else ""
    return f"shows {' or '.join(taken.certificates)}{client}"


def _takes(route: Route, asked: Asked) -> bool:
    return (
        matches(route.match, asked.path)
        and route.scheme in ("", asked.scheme)
        and all(_holds(test, asked.headers) for test in route.headers)
        and all(_holds(test, asked.cookies) for test in route.cookies)
    )


def matches(match: PathMatch, path: str) -> bool:
    """Tell whether a path is one that a route takes."""
    if match.kind == "exact":
        return path == match.value
    if match.kind == "prefix":
        prefix = match.value.rstrip("/")
        return path == prefix or path.startswith(f"{prefix}/")
    try:
        return re2.fullmatch(match.value, path) is not None
    except re2.error:
        return False


def _holds(test: FieldTest, fields: Mapping[str, str]) -> bool:
    found = fields.get(test.name.lower(), fields.get(test.name))
    if found is None:
        return test.negate
    if test.value is None:
        equal = True
    elif test.regex:
        equal = re2.fullmatch(test.value, found) is not None
    else:
        equal = test.value == found
    return equal != test.negate


def _consider(
    asked: Asked, names: list[str], route: Route | None, claims: Iterable[Claim]
) -> Iterator[Considered]:
    """Yield every path of the hosts that could be meant, the one that serves first."""
    ordered = sorted(claims, key=lambda row: row.age)
    rows: list[Considered] = []
    for name in names:
        candidates = [
            Candidate(path, row) for row in ordered for path in row.paths if path.host == name
        ]
        winners, _ = settle(candidates)
        first = next(
            (
                one
                for one in sorted(winners, key=precedence)
                if matches(route_match(one.path), asked.path)
            ),
            None,
        )
        for one in candidates:
            serves, why = _fate(one, first, winners, asked, names, route)
            rows.append(_considered(one, serves, why))
    yield from sorted(rows, key=lambda row: not row.serves)


def _considered(one: Candidate, serves: bool, why: str) -> Considered:
    path: HostPath = one.path
    return Considered(str(one.claim.ref), path.field, path.host, path.kind, path.path, serves, why)


def _fate(
    one: Candidate,
    first: Candidate | None,
    winners: list[Candidate],
    asked: Asked,
    names: list[str],
    route: Route | None,
) -> tuple[bool, str]:
    if not matches(route_match(one.path), asked.path):
        return False, f"its path does not take {asked.path}"
    if one.path.host != names[0]:
        return False, f"host {names[0]} is more specific than {one.path.host}"
    if one.claim.options.canary is not None:
        return False, "a canary: it gets some of the requests of the path that serves"
    held = next((row for row in winners if row.path.match == one.path.match), None)
    if held is not None and held.claim.ref != one.claim.ref:
        return False, f"{held.claim.ref} has the same path and is older"
    if first is not None and first.path.match != one.path.match:
        kind, path = first.path.match
        return False, f"{kind} {path} of {first.claim.ref} comes before it"
    if route is not None and route.origin != one.claim.ref:
        return False, f"{route.origin} redirects / to its application root"
    return True, "it is the first path that takes the request"


def _outcome(route: Route) -> str:
    action = route.action
    match action:
        case Respond():
            return f"{action.status}, answered by the ingress itself"
        case Redirect():
            where = f"{action.scheme or 'the same scheme'}, host {action.host or 'as asked for'}"
            path = f", path {action.path}" if action.path is not None else ""
            return f"{action.status}: redirected to {where}{path}"
        case Forward():
            total = sum(share.weight for share in action.shares)
            parts = [
                share.cluster
                if len(action.shares) == 1
                else f"{share.cluster} ({share.weight}/{total})"
                for share in action.shares
            ]
            return f"forwarded to {', '.join(parts)}"


def _endpoints(route: Route, ingress: IngressGraph) -> Iterator[str]:
    if not isinstance(route.action, Forward):
        return
    wanted = {share.cluster for share in route.action.shares}
    for key, row in ingress.clusters.items():
        if row.name not in wanted:
            continue
        if key.port is None:
            host, port = key.dns or ("", 0)
            yield f"{host}:{port} (DNS)"
            continue
        held = ingress.endpoints.get(key.port)
        yield from (f"{address}:{port}" for address, port in (held.endpoints if held else ()))
