"""Ingresses with a Service and an endpoint each, created by many requests at once."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any

import aiohttp
import orjson

from tests.kube.apiserver import ApiServer, collection

NAMESPACE = "lg-bench"
CLASS = "bench"
_AT_ONCE = 48
Document = dict[str, Any]


def host_of(number: int) -> str:
    """Return the host of an Ingress."""
    return f"h{number}.bench.test"


def ingress(number: int) -> Document:
    """Return an Ingress of the class that both serve."""
    backend = {"service": {"name": f"s{number}", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": f"i{number}", "namespace": NAMESPACE},
        "spec": {
            "ingressClassName": CLASS,
            "rules": [{"host": host_of(number), "http": {"paths": [path]}}],
        },
    }


def backends(number: int, address: str, port: int) -> tuple[Document, Document]:
    """Return the Service of an Ingress and its endpoint."""
    name = f"s{number}"
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"ports": [{"name": "http", "port": 80}], "clusterIP": "None"},
    }
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-1",
            "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
    }
    return service, endpoints


def create(api: ApiServer, documents: Iterable[Document]) -> None:
    """Create objects as fast as the server takes them."""
    asyncio.run(_create(api, list(documents)))


async def _create(api: ApiServer, documents: list[Document]) -> None:
    context = ssl.create_default_context(cafile=str(api.directory / "ca.crt"))
    context.load_cert_chain(api.directory / "admin.crt", api.directory / "admin.key")
    connector = aiohttp.TCPConnector(limit=_AT_ONCE, ssl=context)
    async with aiohttp.ClientSession(connector=connector) as session:
        waiting = iter(documents)

        async def work() -> None:
            for document in waiting:
                url = f"{api.url}{collection(document)}"
                headers = {"Content-Type": "application/json"}
                async with session.post(url, data=orjson.dumps(document), headers=headers) as done:
                    done.raise_for_status()

        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
