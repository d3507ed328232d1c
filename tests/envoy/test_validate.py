"""Envoy itself judges every kind of resource that the translators make."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lockgate.ir.proxy import (
    ClientAddress,
    ClientAuth,
    HeaderMatch,
    HttpMatch,
    HttpRuleSet,
    IngressProxy,
    L7Listener,
    TlsHost,
)
from lockgate.ir.upstream import Cluster
from lockgate.model.meta import ObjectRef
from lockgate.settings import Settings
from xds import codec
from xds.bootstrap import static_bootstrap
from xds.envoy import find_envoy
from xds.resource import Resource
from xds.translate.clusters import cluster, original_dst_cluster
from xds.translate.ingress.listeners import ingress_listeners
from xds.translate.listeners import l7_listener

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
    TlsHost("*", ("shop/default",)),
    TlsHost("*.shop.test", ("shop/wild",)),
    TlsHost("shop.test", ("shop/one", "shop/two")),
    TlsHost("mutual.test", ("shop/one",), ClientAuth("shop/clients/ca")),
    TlsHost("through.test", passthrough="shop/web/80"),
)
CASES: dict[str, tuple[Resource, ...]] = {
    "http only": ingress_listeners(IngressProxy(18080, 18443)),
    "https": ingress_listeners(IngressProxy(18080, 18443, USES)),
    "http3": ingress_listeners(IngressProxy(18080, 18443, USES, http3=True)),
    "believing": ingress_listeners(
        IngressProxy(
            18080,
            18443,
            USES,
            client=ClientAddress(proxy_protocol=True, trusted_prefixes=("10.0.0.0/8", "fd00::/8")),
            max_connections=10,
            connections_per_s=5,
            access_log="-",
        )
    ),
    "behind hops": ingress_listeners(
        IngressProxy(18080, 18443, client=ClientAddress(trusted_hops=2))
    ),
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
