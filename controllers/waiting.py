"""Who waits for an address: for any of some pools, or for one in particular."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from controllers.load_balanced import Key


class Waiting:
    """Services that lack an address, in the order in which they came."""

    def __init__(self) -> None:
        self._all: dict[Key, tuple[dict[str, None], dict[str, None]]] = {}
        """By Service: the pools and the addresses it waits for."""
        self._in_pool: dict[str, dict[Key, None]] = {}
        self._for_address: dict[str, dict[Key, None]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._all)

    def wait(self, key: Key, pools: Iterable[str] = (), addresses: Iterable[str] = ()) -> None:
        """Have a Service wait; without anything to wait for, until pools change."""
        in_pools, for_addresses = self._all.setdefault(key, ({}, {}))
        for name in pools:
            in_pools[name] = None
            self._in_pool.setdefault(name, {})[key] = None
        for address in addresses:
            for_addresses[address] = None
            self._for_address.setdefault(address, {})[key] = None

    def stop(self, key: Key) -> None:
        """Have a Service wait no longer."""
        pools, addresses = self._all.pop(key, ({}, {}))
        for name in pools:
            _drop(self._in_pool, name, key)
        for address in addresses:
            _drop(self._for_address, address, key)

    def pools(self) -> Iterable[str]:
        """Return the pools that somebody waits for."""
        return self._in_pool.keys()

    def first_in(self, pool: str) -> Key:
        """Return who waits longest for any address of a pool."""
        return next(iter(self._in_pool[pool]))

    def asking(self, address: str) -> Iterable[Key]:
        """Return who waits for an address in particular."""
        return self._for_address.get(address, {}).keys()


def _drop(groups: dict[str, dict[Key, None]], name: str, key: Key) -> None:
    """Take a key out of a group, which goes with its last one."""
    keys = groups[name]
    del keys[key]
    if not keys:
        del groups[name]
