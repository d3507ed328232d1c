"""What the operator's decisions cost, and that one event's cost does not grow with the cluster.

Prints a JSON line for each size, with microseconds a node and a Service, then the ratio of the
largest size over the smallest (near 1: the cost does not grow).
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import TypeVar

from controllers.load_balanced import LoadBalanced
from controllers.pod_cidrs import NodeCidrs, PodCidrs, read_pools
from controllers.service_addresses import ServiceAddresses
from lockgate.model.address_pool import AddressPool

SIZES = (100, 1_000, 10_000)
EVENTS = 200
POOLS = ("10.0.0.0/8:24", "fd00::/40:64")
Figures = dict[str, float]
T = TypeVar("T")


def node_figures(size: int) -> Figures:
    """Give prefixes to nodes, take them over as after a restart, then let nodes come and go."""
    names = [f"node-{number}" for number in range(size)]
    cidrs = PodCidrs(read_pools(POOLS))

    def give(name: str) -> None:
        cidrs.put(NodeCidrs(name, name))
        for one in cidrs.take_again():
            cidrs.decide(one)

    first = per_call(give, names)
    held = [NodeCidrs(name, name, cidrs.decide(name).cidrs) for name in names]
    again = PodCidrs(read_pools(POOLS))
    adopted = per_call(again.put, held)

    def come_and_go(number: int) -> None:
        again.remove(names[number % size])
        again.put(held[number % size])
        again.decide(names[number % size])

    return {
        "node_given_us": first,
        "node_adopted_us": adopted,
        "node_event_us": median_call(come_and_go),
    }


def service_figures(size: int) -> Figures:
    """Give addresses to Services of two families, then let Services come and go."""
    addresses = ServiceAddresses()
    addresses.put_pool(AddressPool("p", ("198.18.0.0/15", "2001:db8::/64")))
    rows = [
        LoadBalanced("shop", f"service-{number}", families=("IPv4", "IPv6"))
        for number in range(size)
    ]

    def give(row: LoadBalanced) -> None:
        addresses.put(row)
        for key in addresses.take_again():
            addresses.decide(key)

    def come_and_go(number: int) -> None:
        addresses.remove(rows[number % size].key)
        give(rows[number % size])

    return {
        "service_given_us": per_call(give, rows),
        "service_event_us": median_call(come_and_go),
    }


def per_call(call: Callable[[T], object], arguments: list[T]) -> float:
    """Return microseconds a call."""
    start = time.perf_counter()
    for argument in arguments:
        call(argument)
    return round((time.perf_counter() - start) / len(arguments) * 1e6, 1)


def median_call(call: Callable[[int], object]) -> float:
    """Return the median of microseconds a call."""
    times = []
    for number in range(EVENTS):
        start = time.perf_counter()
        call(number)
        times.append(time.perf_counter() - start)
    return round(statistics.median(times) * 1e6, 1)


def main() -> None:
    """Measure every size."""
    found = {size: {**node_figures(size), **service_figures(size)} for size in SIZES}
    for size, figures in found.items():
        print(json.dumps({"bench": "operator", "size": size, **figures}))
    least, most = found[SIZES[0]], found[SIZES[-1]]
    print(json.dumps({
        "bench": "operator", "ratio": f"{SIZES[-1]}/{SIZES[0]}",
        **{name: round(most[name] / least[name], 2) for name in least},
    }))  # fmt: skip


if __name__ == "__main__":
    main()
