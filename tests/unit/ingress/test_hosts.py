"""How the paths of several Ingresses become the routes of one host."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingress.claim import Claim, claim, class_claim, class_of
from ingress.hosts import HostRoutes, host_routes
from ingress.options import Canary, Options
from ingress.path_routes import Surroundings
from lockgate.ir.http import FieldTest, Forward, PathMatch, Redirect, Respond, Route
from lockgate.model.ingress import (
    ClassParameters,
    Ingress,
    IngressClass,
    IngressPath,
    IngressRule,
    PathType,
    ServiceBackend,
)
from lockgate.model.service import Service, ServicePort

WEB = Service("shop", "web", ports=(ServicePort("http", 80, 8000),))
SERVICES = {("shop", "web"): WEB, ("shop", "other"): replace(WEB, name="other")}
AROUND = Surroundings(SERVICES.get, lambda _key: None)
HOST = "shop.local"


def ingress(
    name: str, *paths: tuple[str, PathType], service: str = "web", created: str = ""
) -> Ingress:
    rule = IngressRule(
        HOST,
        tuple(
            IngressPath(path, kind, ServiceBackend(service, 80), number)
            for number, (path, kind) in enumerate(paths)
        ),
    )
    return Ingress("shop", name, class_name="lockgate", rules=(rule,), created=created)


def merged(*ingresses: Ingress | Claim, around: Surroundings = AROUND) -> HostRoutes:
    claims = [claim(entry, None) if isinstance(entry, Ingress) else entry for entry in ingresses]
    return host_routes(HOST, claims, around)


def asking(entry: Ingress, options: Options) -> Claim:
    """Return a claim as if annotations asked for these options."""
    return replace(claim(entry, None), options=options)


def clusters(route: Route) -> list[tuple[str, int]]:
    assert isinstance(route.action, Forward)
    return [(share.cluster, share.weight) for share in route.action.shares]


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
    assert [route.match for route in result.virtual_host.routes] == [
        PathMatch("exact", "/books"),
        PathMatch("regex", "/books/[0-9]+"),
        PathMatch("prefix", "/books"),
        PathMatch("prefix", "/"),
    ]


@pytest.mark.parametrize("kind", ["Prefix", "ImplementationSpecific"])
def test_a_trailing_slash_of_a_prefix_does_not_count(kind: PathType) -> None:
    result = merged(ingress("a", ("/books/", kind)))
    assert result.virtual_host.routes[0].match == PathMatch("prefix", "/books")


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
    first, second = result.virtual_host.routes
    assert (first.match.value, first.action) == ("/x", Respond(503))
    assert clusters(second) == [("shop/web/80", 1)]
    assert [problem.field for problem in result.problems] == [
        "spec.rules[0].http.paths[0].backend.service.name"
    ]


def test_a_missing_port_names_the_ports_there_are() -> None:
    rule = IngressRule(HOST, (IngressPath("/", "Prefix", ServiceBackend("web", 81)),))
    result = merged(Ingress("shop", "a", rules=(rule,)))
    assert result.problems[0].reason == "ServicePortNotFound"
    assert "http:80" in result.problems[0].fix


def test_a_backend_that_is_no_service_answers_503() -> None:
    rule = IngressRule(HOST, (IngressPath("/", "Prefix", None),))
    result = merged(Ingress("shop", "a", rules=(rule,)))
    assert [route.action for route in result.virtual_host.routes] == [Respond(503)]


def test_a_default_backend_takes_what_no_path_of_its_hosts_takes() -> None:
    entry = replace(ingress("a", ("/x", "Prefix")), default_backend=ServiceBackend("other", 80))
    routes = merged(entry).virtual_host.routes
    assert [(route.match.value, clusters(route)) for route in routes] == [
        ("/x", [("shop/web/80", 1)]),
        ("/", [("shop/other/80", 1)]),
    ]
    whole = merged(entry, ingress("b", ("/", "Prefix"), created="2030"))
    assert clusters(whole.virtual_host.routes[-1]) == [("shop/web/80", 1)]
    assert whole.problems == ()


@pytest.mark.parametrize(
    ("canary", "tests"),
    [
        (Canary(header="x-new"), [("always", "other"), ("never", "web")]),
        (Canary(header="x-new", value="yes"), [("yes", "other")]),
        (Canary(cookie="new"), [("always", "other"), ("never", "web")]),
    ],
)
def test_a_canary_is_chosen_by_header_or_cookie(
    canary: Canary, tests: list[tuple[str, str]]
) -> None:
    side = asking(ingress("b", ("/", "Prefix"), service="other"), Options(canary=canary))
    routes = merged(ingress("a", ("/", "Prefix")), side).virtual_host.routes
    asked = [(*route.headers, *route.cookies) for route in routes]
    name = canary.header or canary.cookie
    assert asked == [(FieldTest(name, value),) for value, _ in tests] + [()]
    assert [clusters(route) for route in routes] == [
        *([(f"shop/{service}/80", 1)] for _, service in tests),
        [("shop/web/80", 1)],
    ]


def test_a_canary_gets_its_share() -> None:
    side = asking(ingress("b", ("/", "Prefix"), service="other"), Options(canary=Canary(30, 200)))
    [route] = merged(ingress("a", ("/", "Prefix")), side).virtual_host.routes
    assert clusters(route) == [("shop/web/80", 170), ("shop/other/80", 30)]


def test_a_canary_of_nothing_is_told() -> None:
    side = asking(ingress("b", ("/", "Prefix")), Options(canary=Canary(30)))
    result = merged(side)
    assert result.virtual_host.routes == ()
    assert [problem.reason for problem in result.problems] == ["CanaryWithoutMain"]


def test_https_is_forced_where_the_host_has_it() -> None:
    around = replace(AROUND, is_tls=True, force_https=True, https_port=8443)
    first, second = merged(ingress("a", ("/", "Prefix")), around=around).virtual_host.routes
    assert (first.scheme, first.action) == ("http", Redirect(308, "https", port=8443))
    assert clusters(second) == [("shop/web/80", 1)]
    plain = merged(ingress("a", ("/", "Prefix")), around=replace(around, is_tls=False))
    assert len(plain.virtual_host.routes) == 1
    never = asking(ingress("a", ("/", "Prefix")), Options(force_https="never"))
    assert len(merged(never, around=around).virtual_host.routes) == 1


def test_hsts_is_sent_over_https_only() -> None:
    entry = asking(ingress("a", ("/", "Prefix")), Options(hsts="max-age=60"))
    plain, secure = merged(entry).virtual_host.routes
    assert (plain.scheme, plain.filters.response_headers.set) == ("http", ())
    assert (secure.scheme, secure.filters.response_headers.set) == (
        "https",
        (("strict-transport-security", "max-age=60"),),
    )


def test_a_rewrite_with_captures_reads_the_path_as_an_expression() -> None:
    options = Options(rewrite=r"/\2")
    entry = replace(ingress("a", ("/api(/|$)(.*)", "Prefix")), annotations=())
    made = claim(entry, None)
    paths = tuple(
        replace(path, kind="ImplementationSpecific", path=f"(?i){path.path}.*")
        for path in made.paths
    )
    [route] = merged(replace(made, options=options, paths=paths)).virtual_host.routes
    assert isinstance(route.action, Forward)
    assert route.action.rewrite is not None
    assert route.action.rewrite.pattern == r"^(?:(?i)/api(/|$)(.*).*)$"
    few = replace(made, options=Options(rewrite=r"/\3"), paths=paths)
    assert [problem.reason for problem in merged(few).problems] == ["MissingCapture"]


def test_a_protection_that_cannot_be_had_closes_the_path() -> None:
    entry = asking(ingress("a", ("/", "Prefix")), Options(basic_auth=("shop", "users")))
    result = merged(entry)
    assert [route.action for route in result.virtual_host.routes] == [Respond(503)]
    assert [problem.reason for problem in result.problems] == ["SecretNotFound"]
    closed = asking(ingress("a", ("/", "Prefix")), Options(closed="why"))
    assert [route.action for route in merged(closed).virtual_host.routes] == [Respond(503)]


def test_protocols_of_ports_and_annotations_make_clusters_of_their_own() -> None:
    grpc = replace(WEB, ports=(ServicePort("http", 80, 80, app_protocol="kubernetes.io/h2c"),))
    around = replace(AROUND, find_service={("shop", "web"): grpc}.get)
    result = merged(ingress("a", ("/", "Prefix")), around=around)
    [key] = result.backends
    assert key.options.protocol == "http2"
    assert key.cluster.startswith("shop/web/80?")
    spoken = asking(ingress("a", ("/", "Prefix")), Options(protocol="http1"))
    [plain] = merged(spoken, around=around).backends
    assert plain.cluster == "shop/web/80"


def test_an_external_name_is_resolved_by_dns() -> None:
    outside = Service("shop", "web", "ExternalName", external_name="api.example.com.")
    around = replace(AROUND, find_service={("shop", "web"): outside}.get)
    [key] = merged(ingress("a", ("/", "Prefix")), around=around).backends
    assert (key.port, key.dns, key.cluster) == (
        None,
        ("api.example.com", 80),
        "dns/api.example.com:80",
    )


def test_class_decides_whose_an_ingress_is() -> None:
    ours = IngressClass("gate", "lockgate.io/ingress-controller")
    theirs = IngressClass("other", "example.com/other")

    def named(entry: Ingress, *classes: IngressClass) -> str:
        found = class_of(entry, "lockgate", classes)
        return found.name if found else ""

    assert named(Ingress("n", "a", class_name="lockgate")) == "lockgate"
    assert named(Ingress("n", "a", class_name="gate"), ours, theirs) == "gate"
    assert named(Ingress("n", "a", class_name="other"), ours, theirs) == ""
    assert named(Ingress("n", "a"), ours) == ""
    assert named(Ingress("n", "a"), replace(ours, default=True)) == "gate"
    legacy = Ingress("n", "a", annotations=(("kubernetes.io/ingress.class", "lockgate"),))
    assert named(legacy) == "lockgate"
    taken = IngressClass("lockgate", "example.com/other")
    assert named(Ingress("n", "a", class_name="lockgate"), taken) == ""


def test_parameters_of_the_class_hold_for_each_ingress() -> None:
    parameters = ClassParameters("all", default_certificate=("ns", "cert"))
    assert claim(ingress("a"), parameters).default_certificate == ("ns", "cert")


def test_missing_parameters_are_told_at_their_class_and_nobody_elses() -> None:
    ours = IngressClass("gate", "lockgate.io/ingress-controller", parameters="all")
    told = class_claim(ours, None)
    assert told is not None
    assert [(row.ref, row.reason) for row in told.problems] == [(ours.ref, "ParametersNotFound")]
    assert class_claim(ours, ClassParameters("all")) is None
    assert class_claim(replace(ours, controller="example.com/other"), None) is None
    assert class_claim(replace(ours, parameters=""), None) is None
