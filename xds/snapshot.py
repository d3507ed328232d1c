"""The resources we serve, and which of them Envoy holds. One event loop, no locks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from lockgate.model.meta import ObjectRef
from xds.resource import Resource

NackHandler = Callable[[tuple[str, ...], tuple[ObjectRef, ...], str], None]
"""Called with resource names, the objects they were made from, and Envoy's own words."""
Key = tuple[str, str]
"""Type URL and name."""


class Watcher(Protocol):
    """A stream that wants to hear of changes."""

    def changed(self, type_url: str, names: Iterable[str]) -> None:
        """Take note that resources were put or removed."""

    def removals_allowed(self) -> None:
        """Take note that what is absent is to be withdrawn from now on."""


def _ignore_nack(names: tuple[str, ...], origin: tuple[ObjectRef, ...], detail: str) -> None:
    del names, origin, detail


class SnapshotCache:
    """Resources by type and name, changed by keyed deltas.

    Until :meth:`ready`, nothing is withdrawn from Envoy: an agent that has just started does not
    know all yet, and Envoy still serves what the last one sent.
    """

    def __init__(self, on_nack: NackHandler = _ignore_nack) -> None:
        self.on_nack = on_nack
        self.is_ready = False
        self._resources: dict[str, dict[str, Resource]] = {}
        self._watchers: set[Watcher] = set()
        self._held: dict[Key, str] = {}
        self._refused: dict[Key, str] = {}
        self._waiters: dict[Key, set[asyncio.Event]] = {}

    def update(self, put: Iterable[Resource] = (), remove: Iterable[Key] = ()) -> int:
        """Put and remove resources, wake who subscribed to them; return how many changed."""
        changed: dict[str, set[str]] = {}
        for type_url, name in remove:
            if self._resources.get(type_url, {}).pop(name, None) is not None:
                changed.setdefault(type_url, set()).add(name)
        for item in put:
            of_type = self._resources.setdefault(item.type_url, {})
            before = of_type.get(item.name)
            of_type[item.name] = item
            if before is None or before.version != item.version:
                changed.setdefault(item.type_url, set()).add(item.name)
        for type_url, names in changed.items():
            for watcher in tuple(self._watchers):
                watcher.changed(type_url, names)
        return sum(map(len, changed.values()))

    def ready(self) -> None:
        """Declare the resources complete: what Envoy holds besides is withdrawn."""
        if not self.is_ready:
            self.is_ready = True
            for watcher in tuple(self._watchers):
                watcher.removals_allowed()

    def get(self, type_url: str, name: str) -> Resource | None:
        """Return a resource."""
        return self._resources.get(type_url, {}).get(name)

    def of_type(self, type_url: str) -> Mapping[str, Resource]:
        """Return all resources of a type by name."""
        return self._resources.get(type_url, {})

    def held_version(self, type_url: str, name: str) -> str | None:
        """Return the version of a resource that Envoy acknowledged last."""
        return self._held.get((type_url, name))

    def attach(self, watcher: Watcher) -> None:
        """Tell a stream of every change from now on."""
        self._watchers.add(watcher)

    def detach(self, watcher: Watcher) -> None:
        """Forget a stream."""
        self._watchers.discard(watcher)

    @property
    def connected(self) -> int:
        """Number of open streams."""
        return len(self._watchers)

    def resume(self, type_url: str, versions: Mapping[str, str]) -> None:
        """Take what a new stream says it holds of a type as all that Envoy holds of it."""
        for key in [key for key in self._held if key[0] == type_url]:
            del self._held[key]
        self.acknowledge(type_url, versions)

    def acknowledge(self, type_url: str, versions: Mapping[str, str]) -> None:
        """Record that Envoy accepted versions of resources."""
        for name, version in versions.items():
            self._held[type_url, name] = version
            self._wake((type_url, name))

    def withdrawn(self, type_url: str, names: Iterable[str]) -> None:
        """Record that Envoy dropped resources."""
        for name in names:
            self._held.pop((type_url, name), None)

    def refuse(self, type_url: str, name: str, version: str, detail: str) -> None:
        """Record that Envoy refused one version of a resource and tell whom it concerns."""
        self._refused[type_url, name] = version
        item = self.get(type_url, name)
        self._wake((type_url, name))
        self.on_nack((name,), item.origin if item else (), detail)

    async def wait_acked(self, type_url: str, name: str, timeout: float) -> bool:
        """Wait until Envoy holds the present version of a resource.

        Returns False after ``timeout`` seconds, or as soon as Envoy refuses that version.
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
        item = self.get(*key)
        if item is None:
            return None
        if self._held.get(key) == item.version:
            return True
        return False if self._refused.get(key) == item.version else None

    def _wake(self, key: Key) -> None:
        for event in self._waiters.get(key, ()):
            event.set()
