"""Which clients of the Ingress the policies of a backend, or of the Ingress, admit."""

from __future__ import annotations

import pytest
import yaml

from lockgate.model.policy import Policy
from lockgate.policy.clients import client_rules
from lockgate.sources.parse import parse

OFFICE, GUEST, POD, OUTSIDE, SIX = "192.0.2.7", "192.0.2.200", "10.77.0.9", "8.8.8.8", "2001:db8::1"
CLIENTS = (OFFICE, GUEST, POD, OUTSIDE, SIX)
CLUSTER = ("10.77.0.0/24",)
PORTS = {"http": (8080, "TCP")}


def policies(*specs: str) -> tuple[Policy, ...]:
    found: list[Policy] = []
    for number, spec in enumerate(specs):
        document = {
            "apiVersion": "lockgate.io/v1",
            "kind": "LockgateClusterwideNetworkPolicy",
            "metadata": {"name": f"p{number}"},
            "spec": {"endpointSelector": {}, **yaml.safe_load(spec)},
        }
        _, rows, problems = parse(document)
        assert not problems
        found += [row for row in rows if isinstance(row, Policy)]
    return tuple(found)


def admitted(*specs: str, port: int = 8080, of_ingress: bool = False) -> set[str]:
    rules = client_rules(policies(*specs), None if of_ingress else PORTS, "default")
    screen = rules.screen(port, CLUSTER)
    return {one for one in CLIENTS if screen is None or screen.admits(one)}


OFFICES = "{ingress: [{fromCIDRSet: [{cidr: 192.0.2.0/24, except: [192.0.2.128/25]}]}]}"


@pytest.mark.parametrize(
    ("specs", "wanted"),
    [
        pytest.param((), set(CLIENTS), id="no-policy"),
        pytest.param(("{egress: [{}]}",), set(CLIENTS), id="egress-only"),
        pytest.param((OFFICES,), {OFFICE}, id="cidr-less-a-part"),
        pytest.param(("{ingress: [{fromCIDR: ['::/0']}]}",), {SIX}, id="ipv6"),
        pytest.param(("{ingress: [{fromCIDR: [10.0.0.0/8]}]}",), set(), id="pods-are-no-cidr"),
        pytest.param(
            ("{ingress: [{fromEntities: [world]}]}",), {OFFICE, GUEST, OUTSIDE, SIX}, id="world"
        ),
        pytest.param(("{ingress: [{fromEntities: [ingress]}]}",), set(CLIENTS), id="ingress"),
        pytest.param(
            ("{ingress: [{fromEndpoints: [{matchLabels: {app: web}}]}]}",), set(), id="pods-only"
        ),
        pytest.param(
            ("{ingress: [{fromEntities: [ingress]}]}", "{ingressDeny: [{fromCIDR: [8.0.0.0/8]}]}"),
            set(CLIENTS) - {OUTSIDE},
            id="deny-beats-ingress",
        ),
        pytest.param(
            (OFFICES, "{ingressDeny: [{fromEntities: [ingress]}]}"), set(), id="ingress-denied"
        ),
        pytest.param(
            ("{ingress: [{fromEntities: [all], toPorts: [{ports: [{port: http}]}]}]}",),
            set(CLIENTS),
            id="named-port",
        ),
        pytest.param(
            ("{ingress: [{fromEntities: [all], toPorts: [{ports: [{port: '81'}]}]}]}",),
            set(),
            id="other-port",
        ),
    ],
)
def test_a_backend_admits(specs: tuple[str, ...], wanted: set[str]) -> None:
    assert admitted(*specs) == wanted


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        pytest.param(OFFICES, {OFFICE}, id="cidr"),
        pytest.param("{ingress: [{fromEntities: [cluster]}]}", {POD}, id="cluster"),
        pytest.param("{ingress: [{fromEntities: [ingress]}]}", set(), id="nobody-is-the-ingress"),
        pytest.param("{ingress: [{}]}", set(), id="no-rule"),
    ],
)
def test_the_ingress_itself_admits(spec: str, wanted: set[str]) -> None:
    assert admitted(spec, of_ingress=True) == wanted
