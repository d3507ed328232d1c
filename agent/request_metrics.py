"""Requests of each Ingress, counted from the access log that Envoy streams to the agent.

The work is one addition for each request that is logged, and one row for each Ingress that has
traffic: neither hosts nor routes cost anything. Of a busy Envoy a share is reported, chosen by
chance, and each stands for those that are not; what Envoy drops from the stream when it cannot send
fast enough is not counted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Iterator
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from xds.access_log import HttpLogEntry

LISTENERS = "ingress/"
"""What the names of the ingress's listeners begin with."""
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency's buckets, in seconds; the last bucket has none."""
_LABELS = ("namespace", "ingress")
_NOBODY = ("", "")
"""Requests that no Ingress took."""

Key = tuple[str, str]


@dataclass(slots=True)
class _Row:
    codes: dict[str, float] = field(default_factory=dict)
    buckets: list[float] = field(default_factory=lambda: [0.0] * (len(BUCKETS_S) + 1))
    seconds: float = 0.0


class RequestMetrics(Collector):
    """Counts requests by Ingress, class of answer and latency.

    Args:
        ingresses: those that there are; the counts of one that is gone are forgotten.
    """

    def __init__(self, ingresses: Container[Key]) -> None:
        self._ingresses = ingresses
        self._rows: dict[Key, _Row] = {}

    def add(self, entry: HttpLogEntry, stands_for: float = 1.0) -> None:
        """Count a request, if it came to the ingress.

        ``stands_for`` is how many there were for each that is reported.
        """
        if not entry.listener.startswith(LISTENERS):
            return
        row = self._rows.setdefault(_ingress_of(entry.route), _Row())
        code = f"{entry.status // 100}xx" if entry.status else "none"
        row.codes[code] = row.codes.get(code, 0) + stands_for
        seconds = entry.duration_ms / 1e3
        row.buckets[bisect_left(BUCKETS_S, seconds)] += stands_for
        row.seconds += seconds * stands_for

    def collect(self) -> Iterator[Metric]:
        """Yield what was counted."""
        for key in [key for key in self._rows if key != _NOBODY and key not in self._ingresses]:
            del self._rows[key]
        requests = CounterMetricFamily(
            "lockgate_ingress_requests",
            "Requests by class of the answer's status; none if the client left before it.",
            labels=(*_LABELS, "code"),
        )
        latency = HistogramMetricFamily(
            "lockgate_ingress_request_duration_seconds",
            "From a request's first byte to its answer's last.",
            labels=_LABELS,
        )
        for key, row in sorted(self._rows.items()):
            for code, count in sorted(row.codes.items()):
                requests.add_metric((*key, code), count)
            latency.add_metric(key, _cumulative(row.buckets), row.seconds)
        yield requests
        yield latency


def _ingress_of(route: str) -> Key:
    """Return the (namespace, name) at the start of a route's name."""
    namespace, slash, name = route.partition(" ")[0].partition("/")
    return (namespace, name) if slash else _NOBODY


def _cumulative(buckets: list[float]) -> list[tuple[str, float]]:
    bounds = [*map(str, BUCKETS_S), "+Inf"]
    return [(bound, sum(buckets[: number + 1])) for number, bound in enumerate(bounds)]
