"""Runs scenarios one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from connectivity.report import Result
from connectivity.scenarios import Scenario
from connectivity.world import World

Flows = Callable[[str], tuple[str, ...]]
"""What was seen of a pod of late."""


async def run(
    world: World,
    scenarios: Iterable[Scenario],
    limit_s: float,
    tell: Callable[[Result], None],
    flows: Flows = lambda _pod: (),
) -> list[Result]:
    """Run scenarios; ``tell`` is called with each result.

    ``limit_s`` is how long an outcome may take to be as wanted, since policies need a moment.
    """
    results = []
    for scenario in scenarios:
        for document in scenario.policies:
            await world.apply(document)
        try:
            for probe in scenario.probes:
                begun = time.monotonic()
                found = await world.outcome(probe, limit_s)
                seen = flows(probe.source) if found != probe.wanted else ()
                took = time.monotonic() - begun
                results.append(Result(scenario.name, probe, found, took, seen))
                tell(results[-1])
        finally:
            for document in scenario.policies:
                await world.delete(document)
    return results
