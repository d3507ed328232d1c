"""Envoy accepts what every golden case becomes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lockgate.settings import Settings
from tests.golden.pipeline import Case
from tests.golden.test_golden import CASES, name_of
from xds import codec
from xds.bootstrap import static_bootstrap
from xds.envoy import find_envoy
from xds.resource import CLUSTER, LISTENER, ROUTES, Resource

_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = "envoy.extensions.filters.http.router.v3.Router"


def route_listener(routes: Resource) -> dict[str, Any]:
    """Return a listener that holds routes inline, since validation asks no server for them."""
    held = json.loads(codec.to_json(codec.decode("google.protobuf.Any", routes.body)))
    del held["@type"]
    router = {"@type": f"{codec.TYPE_PREFIX}{_ROUTER}"}
    manager = {
        "@type": f"{codec.TYPE_PREFIX}{_MANAGER}",
        "stat_prefix": "routes",
        "route_config": held,
        "http_filters": [{"name": "router", "typed_config": router}],
    }
    return {
        "name": "routes",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 1}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }


@pytest.mark.envoy
@pytest.mark.parametrize("path", CASES, ids=name_of)
def test_envoy_accepts(path: Path, tmp_path: Path) -> None:
    by_type: dict[str, list[Resource]] = {}
    for resource in Case(path).resources:
        by_type.setdefault(resource.type_url, []).append(resource)
    made = static_bootstrap(
        tmp_path / "admin.sock",
        tmp_path / "xds.sock",
        [resource.body for resource in by_type.get(LISTENER, [])],
        [resource.body for resource in by_type.get(CLUSTER, [])],
    )
    document = json.loads(codec.to_json(made))
    extra = [route_listener(routes) for routes in by_type.get(ROUTES, [])]
    document["static_resources"].setdefault("listeners", []).extend(extra)
    config = tmp_path / "envoy.json"
    config.write_text(json.dumps(document))
    command = [find_envoy(Settings()), "--mode", "validate", "-c", config, "--log-level", "error"]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stderr
