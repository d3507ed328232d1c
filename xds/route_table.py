"""The ingress hosts as Envoy resources, sharded; a change rebuilds the shards it touches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from lockgate.errors import XdsError
from lockgate.ir.http import Route, VirtualHost
from lockgate.model.meta import Problem
from xds.resource import ROUTES, SCOPED_ROUTES, Resource
from xds.snapshot import Key
from xds.translate.ingress.routes import EncodedHost, encode_host, joined_hosts
from xds.translate.ingress.shards import (
    scope,
    shard_count,
    shard_name,
    shard_of,
    shard_selector,
)

_DEFAULT = "*"


@dataclass(slots=True)
class Shards:
    """The exact hosts of each shard, for one number of shards."""

    count: int
    hosts: list[set[str]] = field(default_factory=list)
    dirty: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.hosts = [set() for _ in range(self.count)]
        self.dirty = set(range(self.count))

    def put(self, host: str) -> None:
        """Have a host's shard rebuilt, with the host."""
        index = shard_of(host, self.count)
        self.hosts[index].add(host)
        self.dirty.add(index)

    def remove(self, host: str) -> None:
        """Have a host's shard rebuilt, without the host."""
        index = shard_of(host, self.count)
        self.hosts[index].discard(host)
        self.dirty.add(index)

    def resources(self) -> list[Key]:
        """Return the resources of all shards."""
        names = [shard_name(index, self.count) for index in range(self.count)]
        return [(kind, name) for kind in (SCOPED_ROUTES, ROUTES) for name in names]


class RouteTable:
    """Hosts in, changed resources out. Wildcards and the default host are in every shard.

    While the number of shards changes there are two sets of them, both kept up to date; the
    filter that tells a request's shard is switched when Envoy holds all of the new set.

    Args:
        holds: tells whether Envoy has accepted this version of a resource.
        count: shards of an earlier agent, 0 to choose.
    """

    def __init__(self, holds: Callable[[Resource], bool], count: int = 0) -> None:
        self._holds = holds
        self._hosts: dict[str, EncodedHost] = {}
        self._wild: dict[str, VirtualHost] = {}
        self._accepted: dict[str, EncodedHost] = {}
        """Of each host what Envoy is known to have accepted last."""
        self._made: dict[str, tuple[Resource, list[EncodedHost]]] = {}
        """What each route configuration was made of last."""
        self._excluded: dict[str, EncodedHost] = {}
        """What Envoy refused, or may be to blame for a refusal."""
        self._rejected: dict[str, str] = {}
        """Hosts that are to blame, with Envoy's words."""
        self._count = count
        self._current: Shards | None = None
        self.next: Shards | None = None
        """The shards that take over as soon as Envoy holds them."""

    @property
    def count(self) -> int:
        """Number of shards in use."""
        return self._count

    def apply(self, changes: Mapping[str, VirtualHost | None]) -> None:
        """Take in hosts as they are now; None for one that is gone."""
        for name, host in changes.items():
            if "*" in name:
                self._change_wild(name, host)
            elif host is None:
                self._remove(name)
            else:
                self._put(encode_host(host))

    def _change_wild(self, name: str, host: VirtualHost | None) -> None:
        if host is None:
            self._wild.pop(name, None)
            self._remove(name)
        else:
            self._wild[name] = host
            self._put(encode_host(host, self._fallback()))
        if name == _DEFAULT:
            for other in self._wild.values():
                self._put(encode_host(other, self._fallback()))

    def _fallback(self) -> tuple[Route, ...]:
        default = self._wild.get(_DEFAULT)
        return default.routes if default is not None else ()

    def _put(self, host: EncodedHost) -> None:
        self._hosts[host.host] = host
        if self._excluded.get(host.host) != host:
            self._forgive(host.host)
        self._mark(host.host)

    def _remove(self, name: str) -> None:
        self._hosts.pop(name, None)
        self._accepted.pop(name, None)
        self._forgive(name)
        self._mark(name, gone=True)

    def _forgive(self, name: str) -> None:
        self._excluded.pop(name, None)
        self._rejected.pop(name, None)

    def _mark(self, name: str, *, gone: bool = False) -> None:
        for shards in self._sets():
            if "*" in name:
                shards.dirty.update(range(shards.count))
            elif gone:
                shards.remove(name)
            else:
                shards.put(name)

    def _sets(self) -> list[Shards]:
        return [shards for shards in (self._current, self.next) if shards is not None]

    def collect(self) -> list[Resource]:
        """Return what is to be published; the first time, all of it."""
        made: list[Resource] = []
        wanted = shard_count(len(self._hosts), self._count)
        if self._current is None:
            self._count = wanted
            self._current = self._spread(wanted)
            made += [shard_selector(wanted), *self._scopes(self._current)]
        elif wanted != self._count and self.next is None:
            self.next = self._spread(wanted)
            made += self._scopes(self.next)
        for shards in self._sets():
            made += [self._routes(shards, index) for index in sorted(shards.dirty)]
            shards.dirty.clear()
        return made

    def _spread(self, count: int) -> Shards:
        shards = Shards(count)
        for name in self._hosts:
            if "*" not in name:
                shards.put(name)
        return shards

    def _scopes(self, shards: Shards) -> list[Resource]:
        return [scope(index, shards.count) for index in range(shards.count)]

    def _routes(self, shards: Shards, index: int) -> Resource:
        name = shard_name(index, shards.count)
        self._note_accepted(name)
        shown = (self._shown(host) for host in [*sorted(self._wild), *sorted(shards.hosts[index])])
        hosts = [host for host in shown if host is not None]
        made = joined_hosts(name, hosts)
        self._made[name] = made, hosts
        return made

    def _note_accepted(self, name: str) -> None:
        made, hosts = self._made.get(name, (None, []))
        if made is not None and self._holds(made):
            self._accepted.update((host.host, host) for host in hosts if host.host in self._hosts)

    def _shown(self, name: str) -> EncodedHost | None:
        wanted = self._hosts.get(name)
        if wanted is None or (wanted.field and self._excluded.get(name) != wanted):
            return wanted
        return self._accepted.get(name)

    # Another number of shards.

    def awaited(self) -> list[Key]:
        """Return what Envoy must hold before :meth:`switch`."""
        return [] if self.next is None else self.next.resources()

    def switch(self) -> tuple[Resource, list[Key]]:
        """Make the next shards the current ones; return the filter, and what to remove after."""
        assert self.next is not None and self._current is not None
        old, self._current, self.next = self._current, self.next, None
        self._count = self._current.count
        for _, name in old.resources():
            self._made.pop(name, None)
        return shard_selector(self._count), old.resources()

    # What Envoy refuses.

    def suspects(self, name: str) -> list[str]:
        """Return the hosts of a route configuration that Envoy never accepted as they are."""
        _, hosts = self._made.get(name, (None, []))
        return [host.host for host in hosts if self._accepted.get(host.host) != host]

    def rebuild(self, name: str) -> Resource:
        """Return a route configuration as it should be now, if it is one of ours.

        Raises: XdsError: it is not.
        """
        for shards in self._sets():
            for index in range(shards.count):
                if shard_name(index, shards.count) == name:
                    shards.dirty.discard(index)
                    return self._routes(shards, index)
        raise XdsError(f"there is no route configuration {name}")

    def exclude(self, hosts: Iterable[str]) -> None:
        """Serve the last good version of these hosts, of a new one nothing."""
        for name in hosts:
            if name in self._hosts:
                self._excluded[name] = self._hosts[name]
                self._mark(name)

    def admit(self, hosts: Iterable[str]) -> None:
        """Serve these hosts as they are wanted."""
        for name in hosts:
            if self._excluded.pop(name, None) is not None:
                self._mark(name)

    def reject(self, host: str, detail: str) -> None:
        """Blame a host for a refusal; it stays excluded until it changes."""
        self.exclude([host])
        self._rejected[host] = detail

    def problems(self) -> tuple[Problem, ...]:
        """Return what is wrong with hosts, sorted."""
        found = {problem for host in self._hosts.values() for problem in host.problems}
        for name, detail in self._rejected.items():
            for ref in self._hosts[name].origins:
                found.add(Problem(ref, "spec.rules", "RefusedByEnvoy", f"host {name}: {detail}"))
        return tuple(sorted(found))
