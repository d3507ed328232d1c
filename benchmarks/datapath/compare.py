"""Measure contenders in turn and say how they compare."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence

Probe = Callable[[], float]


def emit(measure: str, **figures: object) -> None:
    """Print one JSON line."""
    print(json.dumps({"benchmark": "datapath", "measure": measure, **figures}), flush=True)


def unavailable(measure: str, contender: str, reason: str) -> None:
    """Print that something cannot be measured here, in the words of what refuses."""
    emit(measure, contender=contender, unavailable=reason)


def interleave(probes: Mapping[str, Probe], rounds: int) -> dict[str, list[float]]:
    """Return each contender's figures, one a round.

    Each round asks all of them, and begins one further than the last, so that a machine which
    slows down harms all alike. A round before the first warms up and does not count.
    """
    names = list(probes)
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-1, rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            value = probes[name]()
            if number >= 0:
                found[name].append(value)
    return found


def median(values: Sequence[float]) -> float:
    """Return the median, to four significant digits."""
    return float(f"{statistics.median(values):.4g}")


def report(
    measure: str, unit: str, found: Mapping[str, Sequence[float]],
    quotients: Sequence[tuple[str, str]] = (), **context: object,
) -> None:  # fmt: skip
    """Print each contender's median, then the quotients asked for of those that were measured."""
    for name, values in found.items():
        emit(measure, **context, contender=name, **{unit: median(values)})
    for one, other in quotients:
        if one in found and other in found:
            emit(measure, **context, ratio=f"{one} / {other}", **ratio(found[one], found[other]))


def ratio(values: Sequence[float], base: Sequence[float]) -> dict[str, float]:
    """Return the median quotient of the same rounds, and its quartiles."""
    quotients = [one / other for one, other in zip(values, base, strict=True)]
    low, middle, high = statistics.quantiles(quotients, n=4)
    return {"median": round(middle, 3), "from": round(low, 3), "to": round(high, 3)}
