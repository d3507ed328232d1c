"""Which backend a request reaches, by the real agent and Envoy, from a folder and an API server."""

from __future__ import annotations

import orjson

from tests.e2e.ingress.declared import NAMESPACE, Shop, ingress, path, service
from tests.e2e.ingress.gate import Cluster, until

NGINX = "nginx.ingress.kubernetes.io/"


def test_paths_by_kind_and_length(shop: Shop) -> None:
    shop.serve(
        ingress(
            "paths",
            "paths.test",
            path("/a"),
            path("/a/b", backend="new"),
            path("/a", "Exact", "new"),
            path("/v[0-9]+/x", "ImplementationSpecific", "new"),
        )
    )
    shop.gate.wait("paths.test", "/a/c")
    wanted = {
        "/a": "new", "/a/": "web", "/a/c": "web", "/a/b": "new", "/a/b/c?q": "new", "/a/bc": "web",
        "/ab": "", "/": "", "/v12/x": "new", "/v12/x/y": "",
    }  # fmt: skip
    found = {asked: shop.gate.ask("paths.test", asked) for asked in wanted}
    assert {asked: answer.seen.get("name", "") for asked, answer in found.items()} == wanted
    assert {answer.status for asked, answer in found.items() if not wanted[asked]} == {404}


def test_wildcards_are_one_label_and_defaults_take_the_rest(shop: Shop) -> None:
    shop.serve(
        ingress("wild", "*.wild.test"),
        ingress("exact", "exact.wild.test", path("/", backend="new")),
        ingress("fallback", "back.test", path("/x"), default="new"),
    )
    shop.gate.wait("a.wild.test")
    shop.gate.wait("exact.wild.test")
    found = shop.gate.wait("back.test", "/y")
    assert found.seen["name"] == "new"
    assert shop.gate.ask("back.test", "/x").seen["name"] == "web"
    assert shop.gate.ask("a.wild.test").seen["name"] == "web"
    assert shop.gate.ask("exact.wild.test").seen["name"] == "new"
    # Hosts that nobody names get the default backend.
    assert shop.gate.wait("nobody.test").seen["name"] == "new"
    shop.gate.objects.delete(ingress("fallback", "back.test"))
    shop.gate.wait("nobody.test", status=404)
    assert shop.gate.ask("a.b.wild.test").status == 404


def test_rewrites_and_redirects(shop: Shop) -> None:
    shop.serve(
        ingress(
            "rewrite",
            "rewrite.test",
            path("/api(/|$)(.*)", "ImplementationSpecific"),
            annotations={NGINX + "rewrite-target": "/$2", NGINX + "use-regex": "true"},
        ),
        ingress("root", "root.test", annotations={"app-root": "/shop"}),
        ingress(
            "moved",
            "moved.test",
            annotations={"permanent-redirect": "https://new.test$request_uri"},
        ),
    )
    assert shop.gate.wait("rewrite.test", "/api/books/7?q=1").seen["path"] == "/books/7?q=1"
    assert shop.gate.ask("rewrite.test", "/API").seen["path"] == "/"
    assert shop.gate.wait("root.test", status=302).headers["location"].endswith("/shop")
    assert shop.gate.ask("root.test", "/shop").status == 200
    moved = shop.gate.wait("moved.test", "/a?b=c", 301)
    assert moved.headers["location"] == "https://new.test/a?b=c"


def test_a_canary_gets_what_it_asks_for(shop: Shop) -> None:
    shop.serve(
        ingress("main", "canary.test"),
        ingress(
            "canary",
            "canary.test",
            path("/", backend="new"),
            annotations={
                NGINX + "canary": "true",
                NGINX + "canary-by-header": "x-new",
                NGINX + "canary-weight": "40",
            },
        ),
    )
    shop.gate.wait("canary.test")

    def names(**headers: str) -> list[str]:
        return [shop.gate.ask("canary.test", headers=headers).seen["name"] for _ in range(40)]

    until(lambda: set(names(**{"x-new": "always"})) == {"new"})
    assert set(names(**{"x-new": "never"})) == {"web"}
    assert 4 <= names().count("new") <= 28


def test_the_older_of_two_wins_and_the_other_is_told(shop: Shop) -> None:
    shop.serve(ingress("aaa", "twice.test"))
    shop.gate.wait("twice.test")
    shop.serve(ingress("bbb", "twice.test", path("/", backend="new"), path("/only-b")))
    assert shop.gate.wait("twice.test", "/only-b").seen["name"] == "web"
    assert shop.gate.ask("twice.test").seen["name"] == "web"
    assert (
        "Conflict" in shop.gate.command("ingress", "get", f"{NAMESPACE}/bbb", "-o", "json").stdout
    )
    done = shop.gate.command("ingress", "explain", "http://twice.test/", "-o", "json")
    assert done.returncode == 0, done.stderr
    found = orjson.loads(done.stdout)
    assert found["object"] == f"Ingress {NAMESPACE}/aaa"
    [lost] = [
        row for row in found["considered"] if row["object"].endswith("/bbb") and row["path"] == "/"
    ]
    assert "older" in lost["why"]


def test_a_missing_service_is_503_until_it_comes(shop: Shop) -> None:
    shop.serve(ingress("late", "late.test", path("/", backend="late"), path("/ok")))
    shop.gate.wait("late.test", "/ok")
    assert shop.gate.ask("late.test").status == 503
    told = shop.gate.command("ingress", "get", f"{NAMESPACE}/late", "-o", "json").stdout
    assert "ServiceNotFound" in told
    shop.ports["late"] = shop.ports["new"]
    shop.serve(service("late"), shop.endpoints("late"))
    assert shop.gate.wait("late.test").seen["name"] == "new"
    shop.serve(shop.endpoints("late", ready=False))
    shop.gate.wait("late.test", status=503)
    shop.serve(shop.endpoints("late", ready=False, serving=True, terminating=True))
    shop.gate.wait("late.test")


def test_a_name_outside_is_asked_of_dns(shop: Shop) -> None:
    outside = service("outside", type="ExternalName", externalName="localhost")
    outside["spec"]["ports"] = [{"name": "http", "port": shop.ports["new"]}]
    shop.serve(
        outside,
        ingress("outside", "outside.test", path("/", backend="outside", port=shop.ports["new"])),
    )
    assert shop.gate.wait("outside.test").seen["name"] == "new"


def test_other_classes_are_left_alone(shop: Shop) -> None:
    shop.serve(ingress("theirs", "theirs.test", class_name="theirs"), ingress("ours", "ours.test"))
    shop.gate.wait("ours.test")
    assert shop.gate.ask("theirs.test").status == 404


def test_a_class_gives_defaults_to_its_ingresses(shop: Shop) -> None:
    backend = {"namespace": NAMESPACE, "name": "new", "port": {"number": 80}}
    shop.serve(
        {
            "apiVersion": "lockgate.io/v1",
            "kind": "LockgateIngressParameters",
            "metadata": {"name": "lg-params"},
            "spec": {
                "defaultBackend": backend,
                "annotations": {"ingress.lockgate.io/response-headers-set": "X-Class: gate"},
            },
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": "lg-gate"},
            "spec": {
                "controller": "lockgate.io/ingress-controller",
                "parameters": {
                    "apiGroup": "lockgate.io",
                    "kind": "LockgateIngressParameters",
                    "name": "lg-params",
                },
            },
        },
        ingress("classy", "classy.test", path("/x"), class_name="lg-gate"),
    )
    shop.gate.wait("classy.test", "/x")
    until(lambda: shop.gate.ask("classy.test", "/x").headers.get("x-class") == "gate")
    assert shop.gate.wait("unheard-of.test").seen["name"] == "new"


def test_status_and_events_tell_the_cluster(shop: Shop) -> None:
    wrong = ingress("wrong", "wrong.test", annotations={"rewrite-targt": "/"})
    shop.serve(wrong)
    shop.gate.wait("wrong.test")
    told = shop.gate.command("status", "-o", "json").stdout
    assert "did you mean ingress.lockgate.io/rewrite-target?" in told
    objects = shop.gate.objects
    if not isinstance(objects, Cluster):
        return
    until(
        lambda: (
            objects.api.get(wrong)["status"]["loadBalancer"].get("ingress") == [{"ip": "192.0.2.1"}]
        )
    )
    events = f"/apis/events.k8s.io/v1/namespaces/{NAMESPACE}/events"
    until(
        lambda: any(
            row["reason"] == "UnknownAnnotation"
            for row in objects.api.request("GET", events)["items"]
        )
    )


def test_traffic_outlives_the_agent(shop: Shop) -> None:
    shop.serve(ingress("steady", "steady.test"))
    shop.gate.wait("steady.test")
    shop.gate.kill()
    assert shop.gate.ask("steady.test").status == 200
    shop.gate.start()
    assert shop.gate.ask("steady.test").status == 200
    shop.serve(ingress("after", "after.test"))
    shop.gate.wait("after.test")
