"""The metrics of the xDS server, as a scraper reads them."""

from __future__ import annotations

from pathlib import Path

from agent.metrics import exposition
from agent.request_metrics import RequestMetrics
from lockgate.model.meta import ObjectRef
from xds.resource import CLUSTER, framed, resource
from xds.server import XdsServer
from xds.snapshot import SnapshotCache


def test_resources_and_refusals_are_counted(tmp_path: Path) -> None:
    cache = SnapshotCache()
    origin = (ObjectRef("Service", "shop", "web"),)
    cache.update([framed(CLUSTER, name, "1", b"") for name in "ab"])
    cache.update([resource(CLUSTER, "", {"name": ""}, origin)])
    cache.refuse(CLUSTER, "a", "1", "Envoy's words")
    shown = (
        exposition(cache, XdsServer(tmp_path / "xds.sock", cache), RequestMetrics({}))
        .decode()
        .splitlines()
    )
    for line in (
        'lockgate_xds_resources{type="Cluster"} 2.0',
        "lockgate_xds_refused_resources 2.0",
        'lockgate_xds_refusals_total{by="envoy",type="Cluster"} 1.0',
        'lockgate_xds_refusals_total{by="lockgate",type="Cluster"} 1.0',
        "lockgate_xds_streams 0.0",
    ):
        assert line in shown


def test_what_breaks_a_rule_is_not_published_and_its_last_good_version_stays() -> None:
    told: list[str] = []
    cache = SnapshotCache(lambda refusal: told.append(f"{refusal.by}: {refusal.detail}"))
    good = resource(CLUSTER, "c", {"name": "c", "type": "STATIC"})
    cache.update([good])
    wrong = resource(CLUSTER, "c", {"name": "", "type": "STATIC"})
    cache.update([wrong])
    cache.update([wrong])
    assert cache.get(CLUSTER, "c") is good
    assert told == ["lockgate: name: needs at least 1 character"]
    cache.update([good])
    assert cache.refusals == {}
