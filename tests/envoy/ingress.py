"""One ingress in front of the real Envoy: routes as IR in, requests through it."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from lockgate.ir.http import PLAIN, Action, Filters, Forward, PathMatch, Route, Share, VirtualHost
from lockgate.ir.proxy import IngressProxy
from lockgate.ir.upstream import PLAIN as PLAIN_CLUSTER
from lockgate.ir.upstream import Cluster, ClusterEndpoints, ClusterOptions
from lockgate.model.meta import ObjectRef
from tests.envoy.live import TIMEOUT, free_port, serving, started
from xds.envoy import EnvoyProcess
from xds.resource import ROUTES, Resource
from xds.route_table import RouteTable
from xds.snapshot import SnapshotCache
from xds.translate.clusters import cluster, endpoints
from xds.translate.ingress.listeners import ingress_listeners
from xds.translate.ingress.shards import shard_name

BACKEND = "shop/web/80"
HOST = "shop.test"
SHOP = ObjectRef("Ingress", "shop", "web")
SERVICE = ObjectRef("Service", "shop", "web")
TO_BACKEND = Forward((Share(BACKEND),))


@dataclass(frozen=True)
class Answer:
    """What came back of one request."""

    status: int
    body: str
    headers: Mapping[str, str]


@dataclass
class Setting:
    """What an ingress serves, and the ports it is reached by."""

    backend_port: int
    hosts: list[VirtualHost] = field(default_factory=list)
    proxy: IngressProxy = field(
        default_factory=lambda: IngressProxy(free_port(), free_port(), address="127.0.0.1")
    )
    options: ClusterOptions = PLAIN_CLUSTER
    more: list[Resource] = field(default_factory=list)

    def route(
        self, path: str = "/", action: Action = TO_BACKEND, filters: Filters = PLAIN, **more: object
    ) -> Route:
        """Return a route for a prefix."""
        made = Route(PathMatch("prefix", path), action, SHOP, filters)
        return replace(made, **more) if more else made

    def add_cluster(self, name: str, *ports: int, options: ClusterOptions = PLAIN_CLUSTER) -> None:
        """Serve a further cluster with endpoints on loopback."""
        pairs = tuple(("127.0.0.1", port) for port in ports)
        made = Cluster(name, SERVICE, name, options=options)
        self.more += [cluster(made), endpoints(ClusterEndpoints(name, pairs))]

    def host(self, *routes: Route, name: str = HOST) -> None:
        """Serve routes at a host."""
        self.hosts.append(VirtualHost(name, routes))

    def resources(self) -> list[Resource]:
        """Return all that Envoy is to have."""
        table = RouteTable(lambda _resource: False)
        table.apply({host.host: host for host in self.hosts})
        assert not table.problems(), table.problems()
        return [
            cluster(Cluster(BACKEND, SERVICE, BACKEND, options=self.options)),
            endpoints(ClusterEndpoints(BACKEND, (("127.0.0.1", self.backend_port),))),
            *table.collect(),
            *ingress_listeners(self.proxy),
            *self.more,
        ]

    async def serve(self, envoy: EnvoyProcess, test: Callable[[], Awaitable[None]]) -> None:
        """Serve and run a test; whatever is refused fails it."""
        cache = SnapshotCache()
        cache.update(self.resources())
        cache.ready()
        assert not cache.refusals
        async with serving(envoy, cache):
            await started(envoy)
            assert await cache.wait_acked(ROUTES, shard_name(0, 1), TIMEOUT), envoy.last_log()
            await test()
            assert not cache.refusals, cache.refusals

    def get(
        self,
        path: str = "/",
        *,
        method: str = "GET",
        host: str = HOST,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterable[bytes] | None = None,
        tls: ssl.SSLContext | None = None,
        source: str = "127.0.0.1",
    ) -> Answer:
        """Ask for a path; a blocking call."""
        connection: http.client.HTTPConnection
        if tls is None:
            connection = http.client.HTTPConnection(
                "127.0.0.1", self.proxy.http_port, TIMEOUT, source_address=(source, 0)
            )
        else:
            connection = _TlsConnection(self.proxy.https_port, host, tls)
        try:
            connection.request(method, path, body, {"Host": host, **(headers or {})})
            response = connection.getresponse()
            text = response.read().decode("latin-1")
            return Answer(response.status, text, {k.lower(): v for k, v in response.getheaders()})
        finally:
            connection.close()


class _TlsConnection(http.client.HTTPSConnection):
    """To loopback, with any server name."""

    def __init__(self, port: int, name: str, context: ssl.SSLContext) -> None:
        super().__init__("127.0.0.1", port, timeout=TIMEOUT, context=context)
        self._name = name
        self._tls = context

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name)
