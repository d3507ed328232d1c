"""The operator's metrics, read from its parts when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from controllers.controller import Controller
from controllers.problem_events import ProblemEvents


class _OperatorCollector(Collector):
    def __init__(
        self, controllers: Sequence[Controller], events: ProblemEvents | None, faults: int
    ) -> None:
        self._controllers = controllers
        self._events = events
        self._faults = faults

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "lockgate_operator_leads", "Whether this operator leads.", int(self._events is not None)
        )
        yield GaugeMetricFamily(
            "lockgate_operator_watch_faults", "Kinds that cannot be watched.", self._faults
        )
        if self._events is not None:
            yield GaugeMetricFamily(
                "lockgate_operator_problems", "Problems of objects.", self._events.count
            )
        yield from self._queues()
        for controller in self._controllers:
            yield from controller.metrics()

    def _queues(self) -> Iterator[Metric]:
        labels = ("controller",)
        written = CounterMetricFamily(
            "lockgate_operator_writes", "Writes to the API server.", labels=labels
        )
        faults = CounterMetricFamily(
            "lockgate_operator_write_faults", "Writes that failed.", labels=labels
        )
        failing = GaugeMetricFamily(
            "lockgate_operator_writes_to_retry", "Objects to be written again.", labels=labels
        )
        for controller in self._controllers:
            written.add_metric((controller.name,), controller.queue.written)
            faults.add_metric((controller.name,), controller.queue.faults)
            failing.add_metric((controller.name,), controller.queue.failing)
        yield from (written, faults, failing)


def exposition(
    controllers: Sequence[Controller], events: ProblemEvents | None, faults: int
) -> bytes:
    """Return all metrics in the text format of Prometheus; no events: another operator leads."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_OperatorCollector(controllers, events, faults))
    return generate_latest(registry)
