"""Caches that tests of the protocol begin with."""

from __future__ import annotations

from xds.resource import Resource
from xds.snapshot import SnapshotCache


def filled(*items: Resource) -> SnapshotCache:
    """Return a complete cache."""
    cache = SnapshotCache()
    cache.update(items)
    cache.ready()
    return cache
