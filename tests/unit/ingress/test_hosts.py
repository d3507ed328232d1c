"""How the paths of several Ingresses become the routes of one host."""

from ingress.claim import host_paths, is_ours
from ingress.hosts import HostRoutes, host_routes
from lockgate.model.ingress import (
    Ingress,
    IngressClass,
    IngressPath,
    IngressRule,
    PathType,
    ServiceBackend,
)
from lockgate.model.service import Service, ServicePort

WEB = Service("shop", "web", ports=(ServicePort("http", 80, 8000),))


def ingress(
    name: str, *paths: tuple[str, PathType], service: str = "web", created: str = ""
) -> Ingress:
    rule = IngressRule(
        "shop.local",
        tuple(IngressPath(path, kind, ServiceBackend(service, 80)) for path, kind in paths),
    )
    return Ingress("shop", name, class_name="lockgate", rules=(rule,), created=created)


def merged(*ingresses: Ingress) -> HostRoutes:
    paths = [path for entry in ingresses for _, path in host_paths(entry)]
    services = {("shop", "web"): WEB, ("shop", "other"): WEB}
    return host_routes("shop.local", paths, services.get)


def test_exact_comes_before_regex_before_prefix_and_longer_before_shorter() -> None:
    result = merged(
        ingress(
            "a",
            ("/", "Prefix"),
            ("/books", "Prefix"),
            ("/books/[0-9]+", "ImplementationSpecific"),
            ("/books", "Exact"),
        )
    )
    assert [(route.match.kind, route.match.value) for route in result.virtual_host.routes] == [
        ("exact", "/books"),
        ("regex", "/books/[0-9]+"),
        ("prefix", "/books"),
        ("prefix", "/"),
    ]


def test_a_trailing_slash_of_a_prefix_does_not_count() -> None:
    result = merged(ingress("a", ("/books/", "Prefix")))
    assert result.virtual_host.routes[0].match.value == "/books"


def test_the_older_ingress_wins_a_conflict_and_the_younger_is_told() -> None:
    old = ingress("z", ("/", "Prefix"), created="2024-01-01T00:00:00Z")
    young = ingress("a", ("/", "Prefix"), service="other", created="2025-01-01T00:00:00Z")
    result = merged(young, old)
    assert [route.origin for route in result.virtual_host.routes] == [old.ref]
    assert [(problem.ref, problem.reason) for problem in result.problems] == [
        (young.ref, "Conflict")
    ]


def test_a_missing_service_answers_503_and_only_that_path_is_affected() -> None:
    result = merged(ingress("a", ("/", "Prefix")), ingress("b", ("/x", "Prefix"), service="gone"))
    assert [(route.match.value, route.status) for route in result.virtual_host.routes] == [
        ("/x", 503),
        ("/", 0),
    ]
    assert [problem.field for problem in result.problems] == [
        "spec.rules[0].http.paths[0].backend.service.name"
    ]


def test_a_missing_port_names_the_ports_there_are() -> None:
    rule = IngressRule("h", (IngressPath("/", "Prefix", ServiceBackend("web", 81)),))
    result = merged(Ingress("shop", "a", rules=(rule,)))
    assert result.problems[0].reason == "ServicePortNotFound"
    assert "http:80" in result.problems[0].fix


def test_class_decides_whose_an_ingress_is() -> None:
    ours = IngressClass("gate", "lockgate.io/ingress-controller")
    theirs = IngressClass("other", "example.com/other")
    assert is_ours(Ingress("n", "a", class_name="lockgate"), "lockgate", [])
    assert is_ours(Ingress("n", "a", class_name="gate"), "lockgate", [ours, theirs])
    assert not is_ours(Ingress("n", "a", class_name="other"), "lockgate", [ours, theirs])
    assert not is_ours(Ingress("n", "a"), "lockgate", [ours])
    default = IngressClass("gate", "lockgate.io/ingress-controller", default=True)
    assert is_ours(Ingress("n", "a"), "lockgate", [default])
    legacy = Ingress("n", "a", annotations=(("kubernetes.io/ingress.class", "lockgate"),))
    assert is_ours(legacy, "lockgate", [])
