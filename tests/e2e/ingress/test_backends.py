"""How backends are named and spoken to, by the real agent and Envoy, from both sources."""

from __future__ import annotations

import socket

import orjson
import pytest

from tests.backends import request_head, server, speaking_h2
from tests.e2e.ingress.declared import NAMESPACE, Document, Shop, ingress, path, service
from tests.e2e.ingress.gate import until


@pytest.mark.parametrize("protocol", ["kubernetes.io/h2c", "grpc"])
def test_http2_is_spoken_where_the_port_says_so(shop: Shop, protocol: str) -> None:
    name = protocol.rpartition("/")[2]
    with server(speaking_h2, "") as shop.ports[name]:
        declared = service(name, ports=[{"name": "http", "port": 80, "appProtocol": protocol}])
        shop.serve(
            declared, shop.endpoints(name), ingress(name, f"{name}.test", path("/", backend=name))
        )
        assert shop.gate.wait(f"{name}.test").body == b"over h2"


def test_the_backend_is_told_the_client_by_proxy_protocol(shop: Shop) -> None:
    def answer(connection: socket.socket) -> None:
        told = request_head(connection).partition(b"\r\n")[0]
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(told) + told)

    with server(answer, "") as shop.ports["told"]:
        shop.serve(
            service("told"),
            shop.endpoints("told"),
            ingress(
                "told",
                "told.test",
                path("/", backend="told"),
                annotations={"backend-proxy-protocol": "v1"},
            ),
        )
        assert shop.gate.wait("told.test").body.startswith(b"PROXY TCP4 127.0.0.1 127.0.0.1 ")


def test_ports_have_names_and_numbers(shop: Shop) -> None:
    by_name = _to("web", {"name": "http"})
    shop.serve(
        ingress(
            "ports", "ports.test", by_name, _to("web", {"number": 81}, "/number"),
            _to("web", {"name": "admin"}, "/name"),
        )
    )  # fmt: skip
    assert shop.gate.wait("ports.test").seen["name"] == "web"
    assert shop.gate.ask("ports.test", "/number").status == 503
    assert shop.gate.ask("ports.test", "/name").status == 503
    told = shop.gate.command("ingress", "get", f"{NAMESPACE}/ports", "-o", "json").stdout
    assert {row["reason"] for row in orjson.loads(told)["problems"]} == {"ServicePortNotFound"}


def _to(name: str, port: dict[str, object], asked: str = "/") -> Document:
    found = path(asked, backend=name)
    found["backend"]["service"]["port"] = port
    return found


def test_what_is_no_service_is_refused_alone(shop: Shop) -> None:
    other = path("/bucket")
    other["backend"] = {"resource": {"apiGroup": "store.test", "kind": "Bucket", "name": "b"}}
    shop.serve(ingress("resource", "resource.test", other, path("/")))
    shop.gate.wait("resource.test")
    assert shop.gate.ask("resource.test", "/bucket").status == 503
    told = shop.gate.command("ingress", "get", f"{NAMESPACE}/resource", "-o", "json").stdout
    assert "UnsupportedBackend" in told


def test_a_headless_service_is_its_endpoints(shop: Shop) -> None:
    shop.ports["headless"] = shop.ports["new"]
    shop.serve(
        service("headless", clusterIP="None"),
        shop.endpoints("headless"),
        ingress("headless", "headless.test", path("/", backend="headless")),
    )
    assert shop.gate.wait("headless.test").seen["name"] == "new"


def test_endpoints_of_the_own_zone_come_first(shop: Shop) -> None:
    """The node has no zone here, so hints must not take endpoints away."""
    shop.ports["zoned"] = shop.ports["web"]
    hinted = shop.endpoints("zoned")
    hinted["endpoints"][0]["hints"] = {"forZones": [{"name": "elsewhere"}]}
    shop.serve(service("zoned"), hinted, ingress("zoned", "zoned.test", path("/", backend="zoned")))
    assert shop.gate.wait("zoned.test").seen["name"] == "web"


def test_classes_by_annotation_and_by_default(shop: Shop) -> None:
    legacy = ingress(
        "legacy", "legacy.test", annotations={"kubernetes.io/ingress.class": "lockgate"}
    )
    theirs = ingress("other", "other.test", annotations={"kubernetes.io/ingress.class": "theirs"})
    unsaid = ingress("unsaid", "unsaid.test")
    for declared in (legacy, theirs, unsaid):
        del declared["spec"]["ingressClassName"]
    shop.serve(legacy, theirs, unsaid)
    shop.gate.wait("legacy.test")
    assert shop.gate.ask("unsaid.test").status == 404
    by_default = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {
            "name": "lg-default",
            "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"},
        },
        "spec": {"controller": "lockgate.io/ingress-controller"},
    }
    shop.serve(by_default)
    shop.gate.wait("unsaid.test")
    assert shop.gate.ask("other.test").status == 404
    shop.gate.objects.delete(by_default)
    shop.gate.wait("unsaid.test", status=404)


def test_a_wrong_host_or_path_harms_only_its_rule(shop: Shop) -> None:
    if shop.is_cluster:  # the API server refuses them itself
        return
    shop.serve(
        ingress("hosts", "a.*.test", annotations={}),
        ingress("relative", "relative.test", path("x"), path("/fine")),
    )
    shop.gate.wait("relative.test", "/fine")
    told = shop.gate.command("status", "-o", "json").stdout
    until(lambda: "InvalidHost" in shop.gate.command("status", "-o", "json").stdout)
    assert "InvalidPath" in told
