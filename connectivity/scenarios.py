"""What is tried, and what must come of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from connectivity.objects import (
    CLIENT,
    INGRESS_HOST,
    PORT,
    STRANGER,
    UDP_PORT,
    Document,
    network_policy,
    policy,
)

OK, DENIED, FORBIDDEN = "200", "000", "403"
"""Statuses of HTTP; none is what curl calls 000."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A request of a pod and its outcome.

    ``url`` may name places in braces, which :class:`connectivity.world.World` knows. A URL that
    begins with ``udp://`` is asked by a datagram, ``dns://NAME`` is resolved; both count as 200
    if there was an answer.
    """

    source: str
    url: str
    wanted: str = OK
    method: str = "GET"
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """Policies, and what holds under them."""

    name: str
    probes: tuple[Probe, ...]
    policies: tuple[Document, ...] = field(default=())


_ECHO = {"role": "echo"}
_FROM_CLIENT = {"fromEndpoints": [{"matchLabels": {"role": "client"}}]}
_TO_ECHO = {"toEndpoints": [{"matchLabels": {"role": "echo"}}]}
_DNS_SERVERS = {"toEntities": ["cluster", "host", "remote-node"]}
_HERE, _THERE = f"http://{{here}}:{PORT}/hostname", f"http://{{there}}:{PORT}/hostname"


def _ports(*numbers: int, protocol: str = "TCP", **rules: Any) -> list[Document]:
    listed = [{"port": str(number), "protocol": protocol} for number in numbers]
    return [{"ports": listed, **rules}]


def _both_ways(source: str, wanted: str, **more: Any) -> tuple[Probe, ...]:
    return tuple(Probe(source, url, wanted, **more) for url in (_HERE, _THERE))


def _http(rule: Document) -> Document:
    allowed = {**_FROM_CLIENT, "toPorts": _ports(PORT, rules={"http": [rule]})}
    return policy("http", _ECHO, ingress=[allowed])


def _deny_all(direction: str) -> Document:
    return network_policy("deny", _ECHO, policyTypes=[direction])


def all_scenarios(outside: str = "") -> list[Scenario]:
    """Return every scenario; ``outside`` is a URL of the world, without one that is not tried."""
    found = [*_reachable(), *_policies(), *_l7(), *_egress()]
    if outside:
        found += _outside(outside)
    return found


def _reachable() -> list[Scenario]:
    named = "http://echo.{namespace}.svc"
    return [
        Scenario("pod-to-pod", _both_ways(CLIENT, OK)),
        Scenario("pod-to-pod-udp", tuple(
            Probe(CLIENT, f"udp://{{{place}}}:{UDP_PORT}") for place in ("here", "there")
        )),
        Scenario("dns", (Probe(CLIENT, "dns://echo.{namespace}.svc"),
                         Probe(CLIENT, "dns://nobody-knows.{namespace}.svc", DENIED))),
        Scenario("service", (Probe(CLIENT, f"{named}/hostname"),)),
        Scenario("service-udp", (Probe(CLIENT, "udp://echo.{namespace}.svc:90"),)),
        Scenario("service-headless", (
            Probe(CLIENT, f"http://echo-headless.{{namespace}}.svc:{PORT}/hostname"),
        )),
        Scenario("service-local", (Probe(CLIENT, "http://echo-local.{namespace}.svc/hostname"),)),
        Scenario("service-sticky", (Probe(CLIENT, "http://echo-sticky.{namespace}.svc/hostname"),)),
        Scenario("service-to-itself", (
            Probe(CLIENT, "http://client-self.{namespace}.svc/hostname"),
        )),
        Scenario("service-without-endpoints", (
            Probe(CLIENT, "http://nobody.{namespace}.svc/", DENIED),
        )),
        Scenario("node-port", (
            Probe(CLIENT, "http://{node_here}:{node_port}/hostname"),
            Probe(CLIENT, "http://{node_there}:{node_port}/hostname"),
        )),
        Scenario("ingress", tuple(
            Probe(CLIENT, f"http://{{{node}}}:{{ingress_port}}/hostname",
                  headers=(f"Host: {INGRESS_HOST}",))
            for node in ("node_here", "node_there")
        )),
        Scenario("api-server", (Probe(CLIENT, "https://kubernetes.default.svc/readyz", OK),)),
    ]  # fmt: skip


def _policies() -> list[Scenario]:
    here_only = {"matchLabels": {"role": "client"}}
    return [
        Scenario(
            "network-policy-deny-all",
            (*_both_ways(CLIENT, DENIED), *_both_ways(STRANGER, DENIED)),
            (_deny_all("Ingress"),),
        ),
        Scenario(
            "network-policy-allow-pods",
            (*_both_ways(CLIENT, OK), *_both_ways(STRANGER, DENIED)),
            (network_policy("allow", _ECHO, ingress=[{"from": [{"podSelector": here_only}]}]),),
        ),
        Scenario(
            "ingress-from-endpoints",
            (*_both_ways(CLIENT, OK), *_both_ways(STRANGER, DENIED)),
            (policy("allow", _ECHO, ingress=[_FROM_CLIENT]),),
        ),
        Scenario(
            "ingress-through-a-service",
            (
                Probe(CLIENT, "http://echo.{namespace}.svc/hostname"),
                Probe(STRANGER, "http://echo.{namespace}.svc/hostname", DENIED),
            ),
            (policy("allow", _ECHO, ingress=[_FROM_CLIENT]),),
        ),
        Scenario(
            "ingress-to-ports",
            (
                *_both_ways(CLIENT, OK),
                Probe(CLIENT, f"udp://{{here}}:{UDP_PORT}", DENIED),
                Probe(CLIENT, f"udp://{{there}}:{UDP_PORT}", DENIED),
            ),
            (policy("ports", _ECHO, ingress=[{**_FROM_CLIENT, "toPorts": _ports(PORT)}]),),
        ),
        Scenario(
            "ingress-deny-over-allow",
            (*_both_ways(CLIENT, DENIED), *_both_ways(STRANGER, OK)),
            (
                policy(
                    "deny",
                    _ECHO,
                    ingress=[{"fromEntities": ["all"]}],
                    ingressDeny=[_FROM_CLIENT],
                ),
            ),
        ),
        Scenario(
            "ingress-entity-cluster",
            (*_both_ways(CLIENT, OK), *_both_ways(STRANGER, OK)),
            (policy("cluster", _ECHO, ingress=[{"fromEntities": ["cluster"]}]),),
        ),
        Scenario(
            "ingress-entity-world",
            (*_both_ways(CLIENT, DENIED),),
            (policy("world", _ECHO, ingress=[{"fromEntities": ["world"]}]),),
        ),
    ]


def _l7() -> list[Scenario]:
    path = "/clientip"
    other = tuple(
        Probe(CLIENT, url.replace("/hostname", path), FORBIDDEN) for url in (_HERE, _THERE)
    )
    posted = _both_ways(CLIENT, FORBIDDEN, method="POST")
    marked = _both_ways(CLIENT, OK, headers=("X-Pass: yes",))
    return [
        Scenario(
            "http-path",
            (*_both_ways(CLIENT, OK), *other, *_both_ways(STRANGER, DENIED)),
            (_http({"path": "/hostname"}),),
        ),
        Scenario("http-method", (*_both_ways(CLIENT, OK), *posted), (_http({"method": "GET"}),)),
        Scenario(
            "http-header",
            (*marked, *_both_ways(CLIENT, FORBIDDEN)),
            (_http({"headers": ["X-Pass: yes"]}),),
        ),
    ]


def _egress() -> list[Scenario]:
    client = {"role": "client"}
    to_echo = {**_TO_ECHO, "toPorts": _ports(PORT)}
    dns = {**_DNS_SERVERS, "toPorts": _ports(53, protocol="ANY")}
    named = {**_DNS_SERVERS, "toPorts": _ports(53, protocol="ANY", rules={
        "dns": [{"matchPattern": "echo.*.svc.*.*"}],
    })}  # fmt: skip
    return [
        Scenario(
            "egress-deny-all",
            (*_both_ways(CLIENT, DENIED), *_both_ways(STRANGER, OK)),
            (network_policy("deny", client, policyTypes=["Egress"]),),
        ),
        Scenario(
            "egress-to-endpoints",
            (
                *_both_ways(CLIENT, OK),
                Probe(CLIENT, f"udp://{{there}}:{UDP_PORT}", DENIED),
                Probe(CLIENT, "dns://echo.{namespace}.svc", DENIED),
            ),
            (policy("egress", client, egress=[to_echo]),),
        ),
        Scenario(
            "egress-by-name",
            (Probe(CLIENT, "http://echo.{namespace}.svc/hostname"),),
            (policy("egress", client, egress=[to_echo, dns]),),
        ),
        Scenario(
            "egress-dns-rules",
            (
                Probe(CLIENT, "dns://echo.{namespace}.svc.{domain}."),
                Probe(CLIENT, "dns://client-self.{namespace}.svc.{domain}.", DENIED),
            ),
            (policy("egress", client, egress=[to_echo, named]),),
        ),
        Scenario(
            "egress-http",
            (
                *_both_ways(CLIENT, OK),
                *_both_ways(CLIENT, FORBIDDEN, method="POST"),
            ),
            (
                policy(
                    "egress",
                    client,
                    egress=[
                        {**_TO_ECHO, "toPorts": _ports(PORT, rules={"http": [{"method": "GET"}]})}
                    ],
                ),
            ),
        ),
    ]


def _outside(url: str) -> list[Scenario]:
    client = {"role": "client"}
    return [
        Scenario("outside", (Probe(CLIENT, url),)),
        Scenario(
            "outside-denied",
            (Probe(CLIENT, url, DENIED),),
            (policy("egress", client, egress=[{"toEntities": ["cluster"]}]),),
        ),
    ]
