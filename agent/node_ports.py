"""Node ports of Services that declare none, from a range, stable over restarts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from lockgate.model.meta import Problem
from lockgate.model.service import Service, ServicePort

Key = tuple[str, str]
"""(namespace, name)."""
AssignedPorts = tuple[tuple[str, int], ...]
"""Node port by what it is for: ``protocol/port``, or the health check."""
_HEALTH = "health"
_FIX = "free some, or give the agent a larger range (LOCKGATE_NODE_PORT_FIRST, _LAST)"


class NodePorts:
    """Assigns node ports and health check ports; a number serves one use only."""

    def __init__(self, first: int, last: int, state: Mapping[str, int] | None = None) -> None:
        self._range = range(first, last + 1)
        self._assigned = dict(state or {})
        self.problems: tuple[Problem, ...] = ()
        """Ports that got no number at the last :meth:`assign`, with the fix."""

    def assign(self, services: Iterable[Service]) -> dict[Key, AssignedPorts]:
        """Return what each Service gets that does not declare it; other numbers are given up.

        A declared number wins: an assigned one that collides with it is replaced.
        """
        rows = sorted(services, key=lambda service: (service.namespace, service.name))
        used = {number for service in rows for number in _declared(service)}
        wanting = {f"{row.ref.path}/{use}": (row, use) for row in rows for use in _uses(row)}
        kept: dict[str, int] = {}
        for name, number in sorted(self._assigned.items()):
            if name in wanting and number in self._range and number not in used:
                kept[name] = number
                used.add(number)
        free = (number for number in self._range if number not in used)
        problems = []
        for name, (service, use) in wanting.items():
            number = kept.get(name) or next(free, 0)
            if number:
                kept[name] = number
            else:
                problems.append(self._exhausted(service, use))
        self._assigned = kept
        self.problems = tuple(problems)
        found: dict[Key, AssignedPorts] = {}
        for name, number in kept.items():
            service, use = wanting[name]
            key = service.namespace, service.name
            found[key] = tuple(sorted((*found.get(key, ()), (use, number))))
        return found

    def state(self) -> dict[str, int]:
        """Return number by Service and use, to be given to the next agent."""
        return dict(sorted(self._assigned.items()))

    def _exhausted(self, service: Service, use: str) -> Problem:
        field = "spec.healthCheckNodePort" if use == _HEALTH else "spec.ports"
        bounds = f"{self._range.start} to {self._range.stop - 1}"
        message = f"no node port from {bounds} is left for {use}"
        return Problem(service.ref, field, "NoFreePort", message, _FIX)


def with_node_ports(service: Service, assigned: AssignedPorts) -> Service:
    """Return a Service with the numbers that were assigned to it."""
    if not assigned:
        return service
    numbers = dict(assigned)
    ports = tuple(
        replace(port, node_port=port.node_port or numbers.get(_use(port), 0))
        for port in service.ports
    )
    exposure = service.exposure
    health = exposure.health_check_port or numbers.get(_HEALTH, 0)
    return replace(service, ports=ports, exposure=replace(exposure, health_check_port=health))


def _use(port: ServicePort) -> str:
    return f"{port.protocol}/{port.port}"


def _declared(service: Service) -> set[int]:
    return {service.exposure.health_check_port, *(port.node_port for port in service.ports)}


def _uses(service: Service) -> list[str]:
    """Return what a Service needs a number for."""
    wanted = [_use(port) for port in service.ports if not port.node_port]
    found = wanted if service.has_node_ports else []
    if service.wants_health_check and not service.exposure.health_check_port:
        found = [*found, _HEALTH]
    return found
