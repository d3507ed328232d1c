"""What the names of container ports stand for, pod by pod."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from lockgate.policy.clauses import Holding, NumberedPort


@dataclass(frozen=True, slots=True)
class NameChange:
    """What a change did to one name: new numbers, or else identities that hold one."""

    name: str
    renumbered: bool
    identity: int


class PortHolders:
    """The identities of the pods that call a port by a name."""

    def __init__(self) -> None:
        self._pods: dict[str, tuple[int, Mapping[str, NumberedPort]]] = {}
        self._holders: dict[str, dict[NumberedPort, dict[int, int]]] = {}

    def set_pod(
        self, key: str, identity: int, ports: Mapping[str, NumberedPort]
    ) -> list[NameChange]:
        """Write a pod's named ports; none forgets it. Returns what changed."""
        old_identity, old_ports = self._pods.pop(key, (0, {}))
        if ports:
            self._pods[key] = (identity, ports)
        if (old_identity, old_ports) == (identity, ports):
            return []
        changes = [self._add(name, port, identity) for name, port in ports.items()]
        changes += [self._remove(name, port, old_identity) for name, port in old_ports.items()]
        return [change for change in changes if change is not None]

    def ports(self, key: str) -> Mapping[str, NumberedPort]:
        """Return a pod's ports by name."""
        return self._pods.get(key, (0, {}))[1]

    def numbers(self, name: str) -> Iterable[NumberedPort]:
        """Return what a name stands for anywhere, sorted."""
        return sorted(self._holders.get(name, ()))

    def identities(self, holding: Holding) -> AbstractSet[int]:
        """Return the identities that hold a name with this number."""
        name, number = holding
        return self._holders.get(name, {}).get(number, {}).keys()

    def _add(self, name: str, port: NumberedPort, identity: int) -> NameChange | None:
        numbers = self._holders.setdefault(name, {})
        renumbered = port not in numbers
        holders = numbers.setdefault(port, {})
        holders[identity] = holders.get(identity, 0) + 1
        return NameChange(name, renumbered, identity) if holders[identity] == 1 else None

    def _remove(self, name: str, port: NumberedPort, identity: int) -> NameChange | None:
        numbers = self._holders[name]
        holders = numbers[port]
        holders[identity] -= 1
        if holders[identity]:
            return None
        del holders[identity]
        if not holders:
            del numbers[port]
        if not numbers:
            del self._holders[name]
        return NameChange(name, not holders, identity)
