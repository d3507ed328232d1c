"""The agent's metrics, read from its parts when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agent.request_metrics import RequestMetrics
from xds.server import XdsServer
from xds.snapshot import SnapshotCache


class _XdsCollector(Collector):
    def __init__(self, cache: SnapshotCache, server: XdsServer) -> None:
        self._cache = cache
        self._server = server

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "lockgate_xds_streams", "Open discovery streams.", self._cache.connected
        )
        resources = GaugeMetricFamily(
            "lockgate_xds_resources", "Published resources.", labels=("type",)
        )
        for type_url in self._cache.types():
            resources.add_metric((_short(type_url),), len(self._cache.of_type(type_url)))
        yield resources
        refused = GaugeMetricFamily(
            "lockgate_xds_refused_resources",
            "Resources of which the last good version is in force instead.",
            len(self._cache.refusals),
        )
        yield refused
        refusals = CounterMetricFamily(
            "lockgate_xds_refusals",
            "Refused versions: by our own rules, or by Envoy, which is a defect of ours.",
            labels=("by", "type"),
        )
        for (by, type_url), count in sorted(self._cache.refused_total.items()):
            refusals.add_metric((by, _short(type_url)), count)
        yield refusals
        for name, about in (
            ("responses", "Discovery responses sent."),
            ("resources", "Resources sent in discovery responses."),
            ("bytes", "Bytes of discovery responses sent."),
        ):
            yield CounterMetricFamily(f"lockgate_xds_sent_{name}", about, self._server.sent[name])


def _short(type_url: str) -> str:
    return type_url.rpartition(".")[2]


def exposition(cache: SnapshotCache, server: XdsServer, requests: RequestMetrics) -> bytes:
    """Return all metrics in the text format of Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_XdsCollector(cache, server))
    registry.register(requests)
    return generate_latest(registry)
