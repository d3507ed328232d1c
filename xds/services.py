"""The discovery services and which resource type each serves."""

from __future__ import annotations

from dataclasses import dataclass

from xds.resource import (
    CLUSTER,
    ENDPOINTS,
    EXTENSION,
    LISTENER,
    ROUTES,
    RUNTIME,
    SCOPED_ROUTES,
    SECRET,
    VIRTUAL_HOST,
)


@dataclass(frozen=True, slots=True)
class DiscoveryService:
    """One gRPC service with the methods of the two variants; empty: it has none."""

    name: str
    sotw: str
    delta: str
    served: str = ""
    """The only type it serves; empty: all, on one stream."""


DISCOVERY_SERVICES = (
    DiscoveryService(
        "envoy.service.discovery.v3.AggregatedDiscoveryService",
        "StreamAggregatedResources",
        "DeltaAggregatedResources",
    ),
    *(
        DiscoveryService(
            f"envoy.service.{package}.v3.{name}",
            f"Stream{methods}" if has_sotw else "",
            f"Delta{methods}",
            served,
        )
        for package, name, methods, served, has_sotw in (
            ("cluster", "ClusterDiscoveryService", "Clusters", CLUSTER, True),
            ("endpoint", "EndpointDiscoveryService", "Endpoints", ENDPOINTS, True),
            ("secret", "SecretDiscoveryService", "Secrets", SECRET, True),
            ("listener", "ListenerDiscoveryService", "Listeners", LISTENER, True),
            ("route", "ScopedRoutesDiscoveryService", "ScopedRoutes", SCOPED_ROUTES, True),
            ("route", "RouteDiscoveryService", "Routes", ROUTES, True),
            ("route", "VirtualHostDiscoveryService", "VirtualHosts", VIRTUAL_HOST, False),
            ("extension", "ExtensionConfigDiscoveryService", "ExtensionConfigs", EXTENSION, True),
            ("runtime", "RuntimeDiscoveryService", "Runtime", RUNTIME, True),
        )
    ),
)
