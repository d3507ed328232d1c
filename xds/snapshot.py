"""The resources we serve, and which of them Envoy holds. One event loop, no locks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from lockgate.model.meta import ObjectRef
from xds.resource import Resource

Key = tuple[str, str]
"""Type URL and name."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A version that is not in force; Envoy keeps the last good one."""

    type_url: str
    name: str
    version: str
    origin: tuple[ObjectRef, ...]
    detail: str
    """What is wrong: the rules it breaks, or Envoy's own words."""
    by: Literal["lockgate", "envoy"]
    """``lockgate``: it broke a rule and was not published. ``envoy``: our defect, a NACK."""


RefusalHandler = Callable[[Refusal], None]


class Watcher(Protocol):
    """A stream that wants to hear of changes."""

    def changed(self, type_url: str, names: Iterable[str]) -> None:
        """Take note that resources it subscribed to were put or removed."""

    def removals_allowed(self) -> None:
        """Take note that what is absent is to be withdrawn from now on."""


def _ignore(refusal: Refusal) -> None:
    del refusal


class SnapshotCache:
    """Resources by type and name, changed by keyed deltas.

    Until :meth:`ready`, nothing is withdrawn from Envoy: an agent that has just started does not
    know all yet, and Envoy still serves what the last one sent.
    """

    def __init__(self, on_refusal: RefusalHandler = _ignore) -> None:
        self.on_refusal = on_refusal
        self.is_ready = False
        self.refusals: dict[Key, Refusal] = {}
        """What is refused now; mended or removed resources leave it."""
        self._last_refusals: dict[Key, Refusal] = {}
        """Also those whose resource was put otherwise since: the version may come back."""
        self.refused_total: Counter[tuple[str, str]] = Counter()
        """Refusals since the start by (who refused, type URL)."""
        self._resources: dict[str, dict[str, Resource]] = {}
        self._unconfirmed: set[Key] = set()
        self._unsaved: set[Key] = set()
        self._streams: set[Watcher] = set()
        # By type and then by name: a key of both for each of 100,000 would cost what it holds.
        self._watchers: dict[str, dict[str, tuple[Watcher, ...]]] = {}
        self._watchers_of_all: dict[str, set[Watcher]] = {}
        self._held: dict[str, dict[str, str]] = {}
        self._waiters: dict[Key, set[asyncio.Event]] = {}

    # What is served.

    def restore(self, resources: Iterable[Resource]) -> None:
        """Serve what an earlier agent published, until :meth:`ready` drops what is not put."""
        kept = list(resources)
        self.update(kept)
        self._unconfirmed = {(item.type_url, item.name) for item in kept}
        self._unsaved.clear()

    def unsaved(self) -> tuple[list[Resource], list[Key]]:
        """Return what was put and what was removed since the last call, for the disk."""
        keys, self._unsaved = sorted(self._unsaved), set()
        items = [(key, self.get(*key)) for key in keys]
        put = [item for _, item in items if item is not None]
        return put, [key for key, item in items if item is None]

    def update(self, put: Iterable[Resource] = (), remove: Iterable[Key] = ()) -> list[Key]:
        """Put and remove resources, wake who subscribed to them; return what changed.

        A resource that breaks Envoy's rules is refused: the version before it stays.
        """
        changed: dict[str, set[str]] = {}
        for type_url, name in remove:
            self.refusals.pop((type_url, name), None)
            self._last_refusals.pop((type_url, name), None)
            if self._resources.get(type_url, {}).pop(name, None) is not None:
                changed.setdefault(type_url, set()).add(name)
        for item in put:
            if self._put(item):
                changed.setdefault(item.type_url, set()).add(item.name)
        for type_url, names in changed.items():
            self._unsaved.update((type_url, name) for name in names)
            for watcher, wanted in self._concerned(type_url, names):
                watcher.changed(type_url, wanted)
        return [(type_url, name) for type_url, names in changed.items() for name in sorted(names)]

    def _put(self, item: Resource) -> bool:
        key = (item.type_url, item.name)
        self._unconfirmed.discard(key)
        refused = self._last_refusals.get(key)
        if refused is not None and refused.version == item.version:
            self.refusals[key] = refused
        elif item.violations:
            self._refuse(item, "; ".join(item.violations), "lockgate")
        else:
            self.refusals.pop(key, None)
        if item.violations:
            return False
        of_type = self._resources.setdefault(item.type_url, {})
        before = of_type.get(item.name)
        of_type[item.name] = item
        return before is None or before.version != item.version

    def _concerned(self, type_url: str, names: set[str]) -> Iterator[tuple[Watcher, Iterable[str]]]:
        of_all = self._watchers_of_all.get(type_url, set())
        watchers = self._watchers.get(type_url, {})
        named: dict[Watcher, list[str]] = {}
        in_order = sorted(names)
        for name in in_order:
            for watcher in watchers.get(name, ()):
                if watcher not in of_all:
                    named.setdefault(watcher, []).append(name)
        yield from ((watcher, in_order) for watcher in tuple(of_all))
        yield from named.items()

    def ready(self) -> None:
        """Declare the resources complete: what Envoy holds besides is withdrawn."""
        if not self.is_ready:
            self.is_ready = True
            self.update(remove=sorted(self._unconfirmed))
            self._unconfirmed = set()
            for stream in tuple(self._streams):
                stream.removals_allowed()

    @property
    def is_complete(self) -> bool:
        """Whether all that should be served is here, from the sources or an earlier agent."""
        return self.is_ready or bool(self._unconfirmed)

    def get(self, type_url: str, name: str) -> Resource | None:
        """Return a resource."""
        return self._resources.get(type_url, {}).get(name)

    def of_type(self, type_url: str) -> Mapping[str, Resource]:
        """Return all resources of a type by name."""
        return self._resources.get(type_url, {})

    def types(self) -> list[str]:
        """Return the types there are resources of, sorted."""
        return sorted(type_url for type_url, items in self._resources.items() if items)

    def resources(self) -> list[Resource]:
        """Return all resources, by type and name."""
        found = (item for items in self._resources.values() for item in items.values())
        return sorted(found, key=lambda item: (item.type_url, item.name))

    # Who wants it.

    def attach(self, stream: Watcher) -> None:
        """Count a stream as open."""
        self._streams.add(stream)

    def detach(self, stream: Watcher) -> None:
        """Forget a stream, which has ended its subscriptions to names.

        With the last one gone nothing is known of what Envoy holds: another may come.
        """
        self._streams.discard(stream)
        if not self._streams:
            self._held.clear()
        for watchers in self._watchers_of_all.values():
            watchers.discard(stream)

    @property
    def connected(self) -> int:
        """Number of open streams."""
        return len(self._streams)

    def subscribe(self, watcher: Watcher, type_url: str, name: str) -> None:
        """Tell a stream of every change to one resource."""
        of_type = self._watchers.setdefault(type_url, {})
        before = of_type.get(name, ())
        if watcher not in before:
            of_type[name] = (*before, watcher)

    def subscribe_all(self, watcher: Watcher, type_url: str) -> None:
        """Tell a stream of every change to a type."""
        self._watchers_of_all.setdefault(type_url, set()).add(watcher)

    def unsubscribe(self, watcher: Watcher, type_url: str, names: Iterable[str]) -> None:
        """End :meth:`subscribe` for some names."""
        of_type = self._watchers.get(type_url, {})
        for name in names:
            left = tuple(other for other in of_type.pop(name, ()) if other is not watcher)
            if left:
                of_type[name] = left

    def unsubscribe_all(self, watcher: Watcher, type_url: str) -> None:
        """End :meth:`subscribe_all`."""
        self._watchers_of_all.get(type_url, set()).discard(watcher)

    # What Envoy says of it.

    def held_version(self, type_url: str, name: str) -> str | None:
        """Return the version of a resource that Envoy acknowledged last."""
        return self._held.get(type_url, {}).get(name)

    def resume(self, type_url: str, versions: Mapping[str, str]) -> None:
        """Take what a new stream says it holds of a type as all that Envoy holds of it."""
        self._held.pop(type_url, None)
        self.acknowledge(type_url, versions)

    def acknowledge(self, type_url: str, versions: Mapping[str, str]) -> None:
        """Record that Envoy accepted versions of resources."""
        self._held.setdefault(type_url, {}).update(versions)
        for key in [key for key in self._waiters if key[0] == type_url and key[1] in versions]:
            self._wake(key)

    def withdrawn(self, type_url: str, names: Iterable[str]) -> None:
        """Record that Envoy dropped resources."""
        held = self._held.get(type_url, {})
        for name in names:
            held.pop(name, None)

    def refuse(self, type_url: str, name: str, version: str, detail: str) -> None:
        """Record that Envoy refused one version of a resource and tell whom it concerns."""
        item = self.get(type_url, name)
        if item is not None and item.version == version:
            self._refuse(item, detail, "envoy")

    def _refuse(self, item: Resource, detail: str, by: Literal["lockgate", "envoy"]) -> None:
        key = (item.type_url, item.name)
        refusal = Refusal(*key, item.version, item.origin, detail, by)
        self.refusals[key] = self._last_refusals[key] = refusal
        self.refused_total[by, item.type_url] += 1
        self._wake(key)
        self.on_refusal(refusal)

    async def wait_acked(self, type_url: str, name: str, timeout: float) -> bool:
        """Wait until Envoy holds the present version of a resource.

        Returns False after ``timeout`` seconds, or as soon as that version is refused.
        """
        key = (type_url, name)
        event = asyncio.Event()
        self._waiters.setdefault(key, set()).add(event)
        try:
            async with asyncio.timeout(timeout):
                while (state := self._state(key)) is None:
                    event.clear()
                    await event.wait()
        except TimeoutError:
            return False
        finally:
            waiters = self._waiters[key]
            waiters.discard(event)
            if not waiters:
                del self._waiters[key]
        return state

    def _state(self, key: Key) -> bool | None:
        if key in self.refusals:
            return False
        item = self.get(*key)
        return True if item is not None and self.held_version(*key) == item.version else None

    def _wake(self, key: Key) -> None:
        for event in self._waiters.get(key, ()):
            event.set()
