"""Which addresses each Service of type LoadBalancer has.

What a Service has it keeps, as long as a pool that is for it still has the address. Services that
lack one wait, and are decided anew when something came free that they can have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

from controllers.address_holders import AddressHolders, Pool
from controllers.load_balanced import Key, LoadBalanced
from controllers.waiting import Waiting, Want, any_of, one_address, partner
from lockgate.model.address_pool import AddressPool
from lockgate.model.meta import Problem
from lockgate.model.service import Family, family_of


@dataclass(frozen=True, slots=True)
class AddressDecision:
    """What a Service is to show."""

    addresses: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    is_ours: bool = True
    """False: what it shows of ours is to go, and what is another's to stay."""


@dataclass(frozen=True, slots=True)
class _Lack:
    """An address that a Service has not, why, and what would give it one."""

    problem: Problem | None
    wants: tuple[Want, ...] = ()


class ServiceAddresses:
    """Pools, Services, and what each holds."""

    def __init__(self) -> None:
        self._pools: dict[str, Pool] = {}
        self._services: dict[Key, LoadBalanced] = {}
        self._held: dict[Key, dict[str, str]] = {}
        """Addresses, each with the pool that it is of."""
        self._by_pool: dict[str, dict[Key, None]] = {}
        """Services that hold an address of a pool."""
        self._waiting = Waiting()
        self._holders = AddressHolders()
        self._again: dict[Key, None] = {}
        self._lacking: set[Key] = set()
        self._settled: dict[Key, tuple[LoadBalanced, tuple[str, ...]]] = {}
        """What each Service that shares was when it was decided last, and what it held."""

    @property
    def lacking(self) -> int:
        """How many Services lack an address that they need."""
        return len(self._lacking)

    @property
    def assigned(self) -> int:
        """How many addresses are held."""
        return len(self._holders)

    def take_again(self) -> list[Key]:
        """Return the Services to decide anew since the last call."""
        again, self._again = list(self._again), {}
        return again

    def put_pool(self, declared: AddressPool) -> None:
        """Take in a pool."""
        name = declared.name
        self._pools[name] = Pool.of(declared)
        self._pools = dict(sorted(self._pools.items()))
        self._pool_changed(name)

    def remove_pool(self, name: str) -> None:
        """Forget a pool; what is of no other is taken from who has it."""
        if self._pools.pop(name, None) is not None:
            self._pool_changed(name)

    def _pool_changed(self, name: str) -> None:
        self._again |= dict.fromkeys(self._by_pool.get(name, ()))
        self._again |= dict.fromkeys(self._waiting)

    def put(self, service: LoadBalanced) -> None:
        """Take in a Service; what it shows already is its own, if it can have it.

        All pools there are must be put before, and of Services that show the same address the
        one that is to keep it.
        """
        known = service.key in self._services
        self._services[service.key] = service
        self._again[service.key] = None
        if known or not service.is_ours:
            return
        for address in service.shown:
            self._adopt(service, address)

    def _adopt(self, service: LoadBalanced, address: str) -> None:
        try:
            family_of(address)
        except ValueError:
            return
        pool = next((row for row in self._pools_for(service) if row.holds(address)), None)
        if pool is not None and self._holders.can_hold(service, address):
            self._hold(service, address, pool)

    def remove(self, key: Key) -> None:
        """Forget a Service."""
        if self._services.pop(key, None) is None:
            return
        self._let_go(key)
        self._settled.pop(key, None)
        self._again.pop(key, None)

    def decide(self, key: Key) -> AddressDecision | None:
        """Return what a Service is to show; None: that is not for us to say."""
        service = self._services.get(key)
        if service is None:
            return None
        if not service.is_ours or self._is_of_another(service):
            self._let_go(key)
            return None if service.condition is None else AddressDecision(is_ours=False)
        self._keep(service)
        lacking: list[_Lack] = []
        if service.requested:
            lacking += self._give_requested(service)
        elif not service.problems:  # who asks for what cannot be read does not want just any
            lacking += self._give_any(service)
        self._wait(key, [want for lack in lacking for want in lack.wants] if lacking else None)
        self._settle(service)
        addresses = tuple(sorted(self._held.get(key, ()), key=self._order(service)))
        problems = [lack.problem for lack in lacking if lack.problem is not None]
        (self._lacking.add if problems else self._lacking.discard)(key)
        return AddressDecision(addresses, (*service.problems, *problems))

    def _wait(self, key: Key, wants: list[Want] | None) -> None:
        self._again |= dict.fromkeys(self._waiting.set(key, wants))

    def _settle(self, service: LoadBalanced) -> None:
        """Have those decided anew that may share with a Service as it is now."""
        if not service.sharing_key:
            self._settled.pop(service.key, None)
            return
        now = service, tuple(self._held.get(service.key, ()))
        if self._settled.get(service.key) == now:
            return
        self._settled[service.key] = now
        self._again |= dict.fromkeys(self._waiting.all(partner(*_group(service))))
        for address in now[1]:
            self._again |= dict.fromkeys(self._waiting.all(one_address(address)))

    def _is_of_another(self, service: LoadBalanced) -> bool:
        """Say whether what a Service shows was given by somebody else, who may do so."""
        if service.names_class or service.condition is not None or not service.shown:
            return False
        return not self._held.get(service.key, {}).keys() & set(service.shown)

    def _order(self, service: LoadBalanced) -> Callable[[str], tuple[int, int]]:
        asked = {address: number for number, address in enumerate(service.requested)}

        def position(address: str) -> tuple[int, int]:
            return asked.get(address, 0), service.families.index(family_of(address))

        return position

    def _keep(self, service: LoadBalanced) -> None:
        """Release what a Service cannot keep, and take note of how it is now for the rest."""
        for address in list(self._held.get(service.key, ())):
            pool = next((row for row in self._pools_for(service) if row.holds(address)), None)
            wanted = family_of(address) in service.families and (
                not service.requested or address in service.requested
            )
            self._release(service.key, address)
            if pool is not None and wanted and self._holders.can_hold(service, address):
                self._hold(service, address, pool)
            else:
                self._wake(address)

    def _give_requested(self, service: LoadBalanced) -> Iterator[_Lack]:
        for address in service.requested:
            if address in self._held.get(service.key, ()):
                continue
            pool = next((row for row in self._pools_for(service) if row.holds(address)), None)
            if family_of(address) not in service.families:
                yield _no_such_family(service, address)
            elif pool is None:
                yield _not_in_pool(service, address)
            elif self._holders.can_hold(service, address):
                self._hold(service, address, pool)
            else:
                yield _in_use(service, address)

    def _give_any(self, service: LoadBalanced) -> Iterator[_Lack]:
        held = self._held.get(service.key, {})
        missing = [
            family
            for family in service.families
            if not any(family_of(one) == family for one in held) and not self._give(service, family)
        ]
        is_enough = len(missing) < len(service.families) and not service.needs_all_families
        for family in missing:
            pools = [row for row in self._pools_for(service) if any(row.of_family(family))]
            lack = _none_free(service, family, [row.declared.name for row in pools])
            yield replace(lack, problem=None) if is_enough else lack

    def _give(self, service: LoadBalanced, family: Family) -> bool:
        pools = [row for row in self._pools_for(service) if not row.declared.disabled]
        shared = self._holders.shareable(service, family)
        own = (self._holders.free([row], family) for row in pools)
        for address in chain(shared, filter(None, own)):
            pool = next((row for row in pools if row.holds(address)), None)
            if pool is not None:
                self._hold(service, address, pool)
                return True
        return False

    def _pools_for(self, service: LoadBalanced) -> Iterator[Pool]:
        return (row for row in self._pools.values() if row.is_for(service))

    def _hold(self, service: LoadBalanced, address: str, pool: Pool) -> None:
        self._holders.hold(service, address)
        self._held.setdefault(service.key, {})[address] = pool.declared.name
        self._by_pool.setdefault(pool.declared.name, {})[service.key] = None

    def _release(self, key: Key, address: str) -> None:
        self._holders.release(key, address)
        pool = self._held[key].pop(address)
        if pool not in self._held[key].values():
            del self._by_pool[pool][key]
            if not self._by_pool[pool]:
                del self._by_pool[pool]
        if not self._held[key]:
            del self._held[key]

    def _let_go(self, key: Key) -> None:
        for address in list(self._held.get(key, ())):
            self._release(key, address)
            self._wake(address)
        self._wait(key, None)
        self._lacking.discard(key)

    def _wake(self, address: str) -> None:
        """Have those decided anew who can have an address: who asks for it, or is the next."""
        self._again |= dict.fromkeys(self._waiting.all(one_address(address)))
        family = family_of(address)
        for name, pool in self._pools.items():
            if pool.holds(address):
                self._again |= dict.fromkeys(self._waiting.first(any_of(name, family)))


def _group(service: LoadBalanced) -> tuple[str, str]:
    return service.namespace, service.sharing_key


def _no_such_family(service: LoadBalanced, address: str) -> _Lack:
    problem = Problem(
        service.ref, "spec.ipFamilies", "NoSuchFamily",
        f"{address} is not of a family of the Service",
        "add its family, or ask for another address",
    )  # fmt: skip
    return _Lack(problem)


def _not_in_pool(service: LoadBalanced, address: str) -> _Lack:
    problem = Problem(
        service.ref, "status.loadBalancer", "AddressNotInPool",
        f"{address} is in no LockgateAddressPool that is for this Service",
        "add it to a pool, or ask for another address",
    )  # fmt: skip
    return _Lack(problem)


def _in_use(service: LoadBalanced, address: str) -> _Lack:
    problem = Problem(
        service.ref, "status.loadBalancer", "AddressInUse",
        f"{address} is that of another Service, which does not share it",
        "ask for another address, or give both one sharing key and distinct ports",
    )  # fmt: skip
    return _Lack(problem, (one_address(address),))


def _none_free(service: LoadBalanced, family: Family, pools: list[str]) -> _Lack:
    wants = [any_of(name, family) for name in pools]
    if service.sharing_key:
        wants.append(partner(*_group(service)))
    if pools:
        problem = Problem(
            service.ref, "status.loadBalancer", "AddressPoolExhausted",
            f"no {family} address of {', '.join(pools)} is free",
            "add addresses to a pool, or remove Services that need none",
        )  # fmt: skip
    else:
        problem = Problem(
            service.ref, "status.loadBalancer", "NoAddressPool",
            f"no LockgateAddressPool with {family} addresses is for this Service",
            "add one, or correct its serviceSelector and namespaces",
        )  # fmt: skip
    return _Lack(problem, tuple(wants))
