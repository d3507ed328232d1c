"""One real API server for all tests of this folder; each test has a namespace of its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests.kube.apiserver import ApiServer, running

_numbers = count()


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """Return a control plane, ended after the last test."""
    with running(tmp_path_factory.mktemp("kube")) as server:
        yield server


@pytest.fixture
def namespace(api: ApiServer) -> Iterator[str]:
    """Return the name of a new namespace; its Ingresses, which concern all, go at the end."""
    name = f"lg-{next(_numbers)}"
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    api.request("DELETE", f"/apis/networking.k8s.io/v1/namespaces/{name}/ingresses")


@pytest.fixture
def no_nodes(api: ApiServer) -> Iterator[None]:
    """See to it that there are no nodes of another test, before and after."""
    api.request("DELETE", "/api/v1/nodes")
    yield
    api.request("DELETE", "/api/v1/nodes")
