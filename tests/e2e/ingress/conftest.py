"""One agent for each source; each test has hosts of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.e2e.ingress.declared import Shop
from tests.e2e.ingress.echo import echo
from tests.e2e.ingress.gate import Cluster, Folder, Gate, address_of_our_own
from tests.kube.apiserver import running


@pytest.fixture(scope="module", params=["folder", "kubernetes"])
def shop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """Return an agent with two backends, ``web`` and ``new``."""
    root = tmp_path_factory.mktemp(request.param)
    with contextlib.ExitStack() as stack:
        settings = {"ingress_addresses": '["192.0.2.1"]'}
        if request.param == "folder":
            objects: Folder | Cluster = Folder(root / "manifests")
        else:
            address = stack.enter_context(address_of_our_own())
            api = stack.enter_context(running(root))
            objects = Cluster(api, address)
            settings["kubeconfig"] = str(api.kubeconfig)
        ports = {name: stack.enter_context(echo(name)) for name in ("web", "new")}
        gate = Gate(root, objects, **settings)
        made = Shop(gate, ports)
        made.declare_backends()
        gate.start()
        stack.callback(gate.stop)
        yield made
