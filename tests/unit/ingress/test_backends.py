"""Which backends of a Service its requests are forwarded to."""

from __future__ import annotations

import pytest

from ingress.backends import PortKey, cluster_endpoints
from lockgate.model.service import (
    EndpointPort,
    EndpointSlice,
    Family,
    Service,
    ServicePort,
    SliceEndpoint,
)


def slice_of(family: Family, address: str) -> EndpointSlice:
    ports = (EndpointPort("http", 8080),)
    return EndpointSlice("shop", family, "web", family, ports, (SliceEndpoint((address,)),))


FOUR, SIX = slice_of("IPv4", "10.0.0.2"), slice_of("IPv6", "fd00::2")


@pytest.mark.parametrize(
    ("families", "slices", "chosen"),
    [
        (("IPv4", "IPv6"), [FOUR, SIX], "10.0.0.2"),
        (("IPv6", "IPv4"), [FOUR, SIX], "fd00::2"),
        (("IPv4",), [SIX], "fd00::2"),
    ],
)
def test_a_pod_of_two_families_counts_once_in_the_preferred_one(
    families: tuple[Family, ...], slices: list[EndpointSlice], chosen: str
) -> None:
    service = Service("shop", "web", ports=(ServicePort("http", 80, 8080),), ip_families=families)
    found = cluster_endpoints(PortKey("shop", "web", 80), service, slices)
    assert found.endpoints == ((chosen, 8080),)
