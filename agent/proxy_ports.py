"""Numbers the kernel and Envoy agree on: rule sets to class ids, pairs of them to ports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

from lockgate.errors import LockgateError
from lockgate.ir.proxy import DNS_PREFIX, L7Listener

NO_CLASS = 0
MAX_CLASS = 0xFFFF
Pair = tuple[str, str]
"""(egress rule set, ingress rule set); an empty name is none."""


def pairs_in_use(egress: Iterable[str], ingress: Iterable[str]) -> set[Pair]:
    """Return every pair of rule sets that one connection on this node can meet."""
    pairs = set(product({"", *egress}, {"", *ingress})) - {("", "")}
    # DNS rules stand alone: their proxy asks the server itself, as the host.
    return {pair for pair in pairs if not (pair[0].startswith(DNS_PREFIX) and pair[1])}


class ProxyPorts:
    """Class ids and ports, stable while in use and across restarts."""

    def __init__(self, first: int, last: int, restored: dict[str, dict[str, int]]) -> None:
        self._range = range(first, last + 1)
        self._classes: dict[str, int] = dict(restored.get("classes", {}))
        self._ports: dict[Pair, int] = {
            _pair(text): port for text, port in restored.get("ports", {}).items()
        }

    def use(self, pairs: set[Pair]) -> None:
        """Number every pair that has no number yet, lowest free number first.

        Raises: LockgateError: more pairs than ports.
        """
        names = sorted({name for pair in pairs for name in pair if name})
        free = _free(range(1, MAX_CLASS + 1), self._classes.values())
        for name in names:
            if name not in self._classes:
                self._classes[name] = next(free)
        free_ports = _free(self._range, self._ports.values())
        for pair in sorted(pairs - self._ports.keys()):
            try:
                self._ports[pair] = next(free_ports)
            except StopIteration:
                msg = (
                    f"{len(pairs)} pairs of HTTP rule sets need as many ports, but only "
                    f"{len(self._range)} are set aside; widen proxy_port_first..proxy_port_last"
                )
                raise LockgateError(msg) from None

    def release(self, pairs: set[Pair]) -> None:
        """Forget every pair that is not in ``pairs``."""
        self._ports = {pair: port for pair, port in self._ports.items() if pair in pairs}
        names = {name for pair in pairs for name in pair}
        self._classes = {name: id_ for name, id_ in self._classes.items() if name in names}

    @property
    def class_ids(self) -> dict[str, int]:
        """Class id by rule set name."""
        return dict(self._classes)

    def listeners(self) -> list[L7Listener]:
        """Return the listeners Envoy is to serve, by port."""
        return [
            L7Listener(port, *pair)
            for pair, port in sorted(self._ports.items(), key=lambda item: item[1])
            if not pair[0].startswith(DNS_PREFIX)
        ]

    def dns(self) -> dict[str, int]:
        """Return the port of each DNS rule set."""
        return {
            name: port for (name, _), port in self._ports.items() if name.startswith(DNS_PREFIX)
        }

    def by_class(self) -> dict[tuple[int, int], int]:
        """Return the port by (egress class id, ingress class id)."""
        ids = {"": NO_CLASS, **self._classes}
        return {
            (ids[egress], ids[ingress]): port for (egress, ingress), port in self._ports.items()
        }

    def state(self) -> dict[str, dict[str, int]]:
        """Return what the next agent must be given to number alike."""
        ports = {"/".join(pair): port for pair, port in self._ports.items()}
        return {"classes": self._classes, "ports": ports}


def _pair(text: str) -> Pair:
    egress, _, ingress = text.partition("/")
    return egress, ingress


def _free(numbers: range, taken: Iterable[int]) -> Iterator[int]:
    used = set(taken)
    return (number for number in numbers if number not in used)
