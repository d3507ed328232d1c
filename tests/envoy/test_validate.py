"""Envoy itself judges every kind of resource that the translators make."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lockgate.ir.proxy import (
    CertificateUse,
    Cluster,
    HeaderMatch,
    HttpMatch,
    HttpRuleSet,
    IngressProxy,
    L7Listener,
)
from lockgate.model.meta import ObjectRef
from lockgate.settings import Settings
from xds import codec
from xds.bootstrap import static_bootstrap
from xds.envoy import find_envoy
from xds.resource import Resource
from xds.translate.clusters import cluster, original_dst_cluster
from xds.translate.listeners import ingress_listeners, l7_listener

RULES = {
    "all": HttpRuleSet("all", (HttpMatch(),)),
    "none": HttpRuleSet("none", ()),
    "some": HttpRuleSet(
        "some",
        (
            HttpMatch("GET|HEAD", "/a/.*", "shop[.]test"),
            HttpMatch(headers=(HeaderMatch("x-a"), HeaderMatch("x-b", "1"))),
        ),
    ),
}
USES = (
    CertificateUse("*", "shop/default"),
    CertificateUse("*.shop.test", "shop/wild"),
    CertificateUse("Shop.test", "shop/one"),
    CertificateUse("shop.test", "shop/two"),
)
CASES: dict[str, tuple[Resource, ...]] = {
    "http only": ingress_listeners(IngressProxy(18080, 18443)),
    "https": ingress_listeners(IngressProxy(18080, 18443, USES)),
    "both sides": (l7_listener(L7Listener(15001, "all", "some"), RULES),),
    "deny all": (l7_listener(L7Listener(15001, "", "none"), RULES),),
    "no rules": (l7_listener(L7Listener(15001, "", ""), RULES),),
}


@pytest.mark.parametrize("case", CASES)
def test_envoy_accepts(case: str, tmp_path: Path) -> None:
    """``envoy --mode validate`` accepts the listeners with their clusters."""
    clusters = [cluster(Cluster("shop/web/80", ObjectRef("Service", "shop", "web")))]
    clusters.append(original_dst_cluster())
    made = static_bootstrap(
        tmp_path / "admin.sock",
        tmp_path / "xds.sock",
        [item.body for item in CASES[case]],
        [item.body for item in clusters],
    )
    path = tmp_path / "envoy.json"
    path.write_text(codec.to_json(made))
    command = [str(find_envoy(Settings())), "--mode", "validate", "-c", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
