"""What Envoy would refuse is found, named by its path, before Envoy sees it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.message import Message

from lockgate.errors import EnvoyError, XdsError
from lockgate.ir.http import Forward, PathMatch, Respond, Route, Share, VirtualHost
from lockgate.ir.proxy import HeaderMatch, HttpMatch, HttpRuleSet, IngressProxy, L7Listener, TlsHost
from lockgate.ir.upstream import Cluster, ClusterEndpoints
from lockgate.model.meta import ObjectRef
from lockgate.settings import Settings
from tests.golden.pipeline import Case
from tests.golden.test_golden import CASES, name_of
from xds import codec
from xds.bootstrap import bootstrap, static_bootstrap
from xds.codec import extract_rules, validate
from xds.codec.roots import ROOTS
from xds.envoy import find_envoy
from xds.resource import CLUSTER, LISTENER, ROUTES, Resource, resource
from xds.translate.clusters import cluster, endpoints, original_dst_cluster
from xds.translate.ingress.listeners import ingress_listeners
from xds.translate.ingress.routes import encode_host, joined_hosts
from xds.translate.listeners import l7_listener

Fields: TypeAlias = Mapping[str, Any]

REF = ObjectRef("Ingress", "shop", "web")
MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = "envoy.extensions.filters.http.router.v3.Router"
OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
HTTP: Fields = {"explicit_http_config": {"http_protocol_options": {}}}
HEALTH_CHECK = {
    "timeout": {"seconds": 1},
    "interval": {"seconds": 1},
    "healthy_threshold": {"value": 1},
    "unhealthy_threshold": {"value": 1},
}


def named(type_url: str) -> str:
    return type_url.removeprefix(codec.TYPE_PREFIX)


def wrong_with(name: str, fields: Fields) -> tuple[str, ...]:
    return validate.violations(codec.build(name, fields))


def a_cluster(**changes: Any) -> Fields:
    return {"name": "c", "type": "STATIC", "connect_timeout": {"seconds": 1}} | changes


def a_route(**changes: Any) -> Fields:
    return {"match": {"prefix": "/"}, "direct_response": {"status": 404}} | changes


def routes(*given: Fields, **changes: Any) -> Fields:
    host = {"name": "h", "domains": ["*"], "routes": list(given or [a_route()])} | changes
    return {"name": "r", "virtual_hosts": [host]}


def to_cluster(**action: Any) -> Fields:
    return {"match": {"prefix": "/"}, "route": {"cluster": "c"} | action}


def added_header(key: str, value: str) -> Fields:
    return routes(a_route(response_headers_to_add=[{"header": {"key": key, "value": value}}]))


def a_manager(**changes: Any) -> Fields:
    router = {"name": "router", "typed_config": codec.any_of(ROUTER, {})}
    fields = {"stat_prefix": "m", "route_config": routes(), "http_filters": [router]}
    return fields | changes


def a_listener(port: int = 1, **manager: Any) -> Fields:
    config = codec.any_of(MANAGER, a_manager(**manager))
    return {
        "name": "l",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": config}]}],
    }


def options(fields: Fields) -> Fields:
    return a_cluster(typed_extension_protocol_options={OPTIONS: codec.any_of(OPTIONS, fields)})


# Type, broken and corrected fields, and the complaint.
BROKEN: dict[str, tuple[str, Fields, Fields, str]] = {
    "a cluster without a name": (
        CLUSTER,
        a_cluster(name=""),
        a_cluster(),
        "name: needs at least 1 character",
    ),
    "a negative duration": (
        CLUSTER,
        a_cluster(connect_timeout={"seconds": -1}),
        a_cluster(connect_timeout={"nanos": 1_000_000}),
        "connect_timeout: must be greater than 0s, not -1s",
    ),
    "an undefined enum": (
        CLUSTER,
        a_cluster(lb_policy=99),
        a_cluster(lb_policy=1),
        "lb_policy: must be a value of LbPolicy, not 99",
    ),
    "a health check of no kind": (
        CLUSTER,
        a_cluster(health_checks=[HEALTH_CHECK]),
        a_cluster(health_checks=[HEALTH_CHECK | {"tcp_health_check": {}}]),
        (
            "health_checks[0].health_checker: needs one of http_health_check, tcp_health_check, "
            "grpc_health_check, custom_health_check"
        ),
    ),
    "a wrapped number": (
        CLUSTER,
        a_cluster(outlier_detection={"max_ejection_percent": {"value": 101}}),
        a_cluster(outlier_detection={"max_ejection_percent": {"value": 100}}),
        "outlier_detection.max_ejection_percent: must be at most 100, not 101",
    ),
    "the value of a map, in an Any": (
        CLUSTER,
        options({}),
        options(HTTP),
        (
            f'typed_extension_protocol_options["{OPTIONS}"].upstream_protocol_options: needs one of '
            "explicit_http_config, use_downstream_protocol_config, auto_config"
        ),
    ),
    "no domain": (
        ROUTES,
        routes(domains=[]),
        routes(),
        "virtual_hosts[0].domains: needs at least 1 item",
    ),
    "a prefix with a line's end": (
        ROUTES,
        routes(to_cluster(prefix_rewrite="/a\r\nb")),
        routes(to_cluster(prefix_rewrite="/a b")),
        "virtual_hosts[0].routes[0].route.prefix_rewrite: may not have NUL, LF or CR",
    ),
    "no action": (
        ROUTES,
        routes({"match": {"prefix": "/"}}),
        routes(),
        (
            "virtual_hosts[0].routes[0].action: needs one of route, redirect, direct_response, "
            "filter_action, non_forwarding_action"
        ),
    ),
    "no match": (
        ROUTES,
        routes({"direct_response": {"status": 404}}),
        routes(),
        "virtual_hosts[0].routes[0].match: is required",
    ),
    "a status that is none": (
        ROUTES,
        routes(a_route(direct_response={"status": 600})),
        routes(a_route(direct_response={"status": 599})),
        "virtual_hosts[0].routes[0].direct_response.status: must be less than 600, not 600",
    ),
    "a set field of a oneof that is empty": (
        ROUTES,
        routes(to_cluster(cluster="")),
        routes(to_cluster()),
        "virtual_hosts[0].routes[0].route.cluster: needs at least 1 character",
    ),
    "a header's value with NUL": (
        ROUTES,
        added_header("a", "b\0"),
        added_header("a", "b\t"),
        (
            "virtual_hosts[0].routes[0].response_headers_to_add[0].header.value: "
            "may not have NUL, LF or CR"
        ),
    ),
    "a port too large": (
        LISTENER,
        a_listener(65536),
        a_listener(65535),
        "address.socket_address.port_value: must be at most 65535, not 65536",
    ),
    "the content of an Any": (
        LISTENER,
        a_listener(stat_prefix=""),
        a_listener(),
        "filter_chains[0].filters[0].typed_config.stat_prefix: needs at least 1 character",
    ),
    "a limit that is reached": (
        LISTENER,
        a_listener(common_http_protocol_options={"max_headers_count": {"value": 0}}),
        a_listener(common_http_protocol_options={"max_headers_count": {"value": 1}}),
        (
            "filter_chains[0].filters[0].typed_config.common_http_protocol_options."
            "max_headers_count: must be at least 1, not 0"
        ),
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_message_is_named(case: str) -> None:
    type_url, broken, corrected, text = BROKEN[case]
    assert wrong_with(named(type_url), broken) == (text,)
    assert wrong_with(named(type_url), corrected) == ()


def judged_by_envoy(type_url: str, fields: Fields, directory: Path) -> str:
    """Return what ``envoy --mode validate`` objects to, or nothing."""
    if type_url == ROUTES:
        type_url, fields = LISTENER, a_listener(route_config=fields)
    body = resource(type_url, "broken", fields).body
    spare = resource(CLUSTER, "c", a_cluster()).body
    clusters = [body] if type_url == CLUSTER else [spare]
    made = static_bootstrap(
        directory / "admin.sock",
        directory / "xds.sock",
        [body] if type_url == LISTENER else [],
        clusters,
    )
    # Binary, since an undefined enum is no JSON.
    config = directory / "envoy.pb"
    config.write_bytes(made.SerializeToString())
    command = [str(find_envoy(Settings())), "--mode", "validate", "-c", str(config)]
    done = subprocess.run(
        [*command, "--log-level", "error"], capture_output=True, text=True, check=False
    )
    return done.stderr + done.stdout if done.returncode else ""


@pytest.mark.envoy
@pytest.mark.parametrize("case", BROKEN)
def test_envoy_agrees(case: str, tmp_path: Path) -> None:
    type_url, broken, corrected, _ = BROKEN[case]
    complaint = judged_by_envoy(type_url, broken, tmp_path)
    # Durations below zero meet a check of all durations first.
    assert "constraint validation failed" in complaint or "Expected positive duration" in complaint
    assert judged_by_envoy(type_url, corrected, tmp_path) == ""


CORE = "envoy.config.core.v3"
# Message, its fields, and all that is wrong with them.
RULES: dict[str, tuple[str, Fields, tuple[str, ...]]] = {
    "a wrapper that is not set has no limit": (f"{CORE}.RateLimitSettings", {}, ()),
    "a wrapper that is set to zero has": (
        f"{CORE}.RateLimitSettings",
        {"fill_rate": {}},
        ("fill_rate: must be greater than 0.0, not 0.0",),
    ),
    "what is not a number is beyond no limit": (
        f"{CORE}.RateLimitSettings",
        {"fill_rate": {"value": float("nan")}},
        (),
    ),
    "an empty header name may be ignored": (f"{CORE}.UpstreamHttpProtocolOptions", {}, ()),
    "a header name has no blanks": (
        f"{CORE}.UpstreamHttpProtocolOptions",
        {"override_auto_sni_header": "a b"},
        ("override_auto_sni_header: must be the name of an HTTP header",),
    ),
    "a pattern must match as a whole": (
        "envoy.config.route.v3.RouteMatch",
        {"path_separated_prefix": "/a/"},
        ("path_separated_prefix: must match ^[^?#]+[^?#/]$",),
    ),
    "all that is wrong is said": (
        "envoy.config.route.v3.RateLimit.HitsAddend",
        {"format": "x", "number": {"value": 2**40}},
        (
            "number: must be at most 1000000000, not 1099511627776",
            'format: must begin with "%"',
            'format: must end with "%"',
        ),
    ),
    "items may not be equal": (
        "envoy.config.metrics.v3.HistogramBucketSettings",
        {"match": {"exact": "a"}, "buckets": [1, 2, 1, 0]},
        (
            "buckets[2]: is there already",
            "buckets[3]: must be greater than 0.0, not 0.0",
        ),
    ),
    "a map's key": (
        f"{CORE}.Metadata",
        {"filter_metadata": {"": codec.build("google.protobuf.Struct", {})}},
        ('filter_metadata[""] (key): needs at least 1 character',),
    ),
    "a map without pairs": (
        "xds.type.matcher.v3.Matcher.MatcherTree.MatchMap",
        {},
        ("map: needs at least 1 pair",),
    ),
    "a constant": (
        "envoy.config.rbac.v3.Permission",
        {"any": False},
        ("any: must be true",),
    ),
    "an enum's default that is refused": (
        "envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher",
        {"matcher": {"exact": "a"}},
        ("san_type: may not be SAN_TYPE_UNSPECIFIED",),
    ),
    "an enum's value that is refused": (
        f"{CORE}.HealthCheck.HttpHealthCheck",
        {"path": "/", "method": "CONNECT"},
        ("method: may not be CONNECT",),
    ),
    "nothing where all is required": (
        f"{CORE}.TypedExtensionConfig",
        {},
        ("name: needs at least 1 character", "typed_config: is required"),
    ),
    "an Any of a type that is not in our schema": (
        f"{CORE}.TypedExtensionConfig",
        {"name": "a", "typed_config": {"type_url": "type.googleapis.com/a.B", "value": b"\xff"}},
        (),
    ),
    "an Any that does not hold its type": (
        f"{CORE}.TypedExtensionConfig",
        {"name": "a", "typed_config": {"type_url": f"a/{ROUTER}", "value": b"\xff"}},
        (f"typed_config: does not hold a {ROUTER}",),
    ),
    "an Any of nothing": (f"{CORE}.TypedExtensionConfig", {"name": "a", "typed_config": {}}, ()),
    "an Any itself": (
        "google.protobuf.Any",
        codec.any_of("envoy.config.cluster.v3.Cluster", {}),
        ("name: needs at least 1 character",),
    ),
    "rules of an Any for what is none": (
        f"{CORE}.ExtensionConfigSource",
        {"type_urls": ["a"], "config_source": {"initial_fetch_timeout": {"seconds": -1}}},
        (),
    ),
    "the same where it is missing": (
        f"{CORE}.ExtensionConfigSource",
        {"type_urls": ["a"]},
        ("config_source: is required",),
    ),
    "bytes": (
        f"{CORE}.HeaderValue",
        {"key": "a", "raw_value": b"b" * 16385},
        ("raw_value: may have at most 16384 bytes",),
    ),
    "bytes of a string": (
        f"{CORE}.HeaderValue",
        {"key": "\N{LATIN SMALL LETTER E WITH ACUTE}" * 8193},
        ("key: may have at most 16384 bytes",),
    ),
    "messages that hold their own type": (
        "envoy.config.rbac.v3.Permission",
        {"and_rules": {"rules": [{"any": True}, {"not_rule": {"or_rules": {}}}]}},
        ("and_rules.rules[1].not_rule.or_rules.rules: needs at least 1 item",),
    ),
    "nothing where nothing is asked": ("google.protobuf.Struct", {}, ()),
}


@pytest.mark.parametrize("case", RULES)
def test_rules(case: str) -> None:
    name, fields, texts = RULES[case]
    assert wrong_with(name, fields) == texts


def field_of(kind: str) -> Any:
    """Return a field that rules of a kind may be set to."""
    name, field = {
        "string": ("HeaderValue", "key"),
        "bytes": ("HeaderValue", "raw_value"),
        "uint32": ("TlvEntry", "type"),
        "enum": ("SocketAddress", "protocol"),
        "bool": ("SocketAddress", "ipv4_compat"),
        "duration": ("HealthCheck", "timeout"),
        "timestamp": ("HealthCheck", "timeout"),
        "any": ("TypedExtensionConfig", "typed_config"),
        "repeated": ("BindConfig", "socket_options"),
    }[kind]
    return codec.message(f"{CORE}.{name}").DESCRIPTOR.fields_by_name[field]


def span(seconds: int, nanos: int = 0) -> Message:
    return codec.build("google.protobuf.Duration", {"seconds": seconds, "nanos": nanos})


# Kinds of rules that Envoy's messages hardly have: kind, rules, good and bad values.
KINDS: list[tuple[str, Fields, tuple[Any, ...], tuple[Any, ...]]] = [
    ("string", {"const": "a"}, ("a",), ("b", "")),
    ("string", {"len": 2}, ("ab", "\xe9\xe9"), ("a", "")),
    ("string", {"max_len": 2}, ("ab", ""), ("abc",)),
    ("string", {"len_bytes": 2}, ("ab", "\xe9"), ("a", "\xe9\xe9")),
    ("string", {"min_bytes": 2}, ("\xe9",), ("a",)),
    ("string", {"contains": "b"}, ("abc",), ("ac",)),
    ("string", {"not_contains": "b"}, ("ac",), ("abc",)),
    ("string", {"in": ["a", "b"]}, ("a",), ("c",)),
    ("string", {"not_in": ["a", "b"]}, ("c",), ("a",)),
    ("string", {"pattern": "a|ab"}, ("ab",), ("abc", "ab\n")),
    ("string", {"ip": True}, ("::1", "10.0.0.1"), ("10.0.0", "a", "")),
    ("string", {"ip": False}, ("a",), ()),
    ("string", {"ipv4": True}, ("10.0.0.1", "10.0.0.1\0x"), ("::1", "010.0.0.1")),
    ("string", {"ipv6": True}, ("::1",), ("10.0.0.1", "[::1]")),
    ("string", {"hostname": True}, ("a-b.C0", "a."), ("", ".", "a..", "-a", "a_b", "a" * 64)),
    ("string", {"hostname": True}, (("a" * 62 + ".") * 4,), (("a" * 62 + ".") * 4 + "ab",)),
    ("string", {"address": True}, ("a", "::1"), ("a b",)),
    ("string", {"uuid": True}, ("8cde1a34-0000-4000-8000-0123456789aB",), ("8cde1a34",)),
    ("string", {"min_len": 2, "ignore_empty": True}, ("", "ab"), ("a",)),
    ("string", {"well_known_regex": "HTTP_HEADER_VALUE"}, ("a\t\xe9", ""), ("a\n", "\x7f")),
    ("string", {"well_known_regex": "HTTP_HEADER_NAME"}, (":path", "a-b"), ("", "a:", "\xe9")),
    ("bytes", {"const": "00ff"}, (b"\0\xff",), (b"",)),
    ("bytes", {"len": 1}, (b"\xff",), (b"", b"ab")),
    ("bytes", {"prefix": "61"}, (b"ab",), (b"b",)),
    ("bytes", {"in": ["61"], "ignore_empty": True}, (b"a", b""), (b"b",)),
    ("bytes", {"pattern": "a+"}, (b"aa",), (b"ab",)),
    ("uint32", {"const": 5}, (5,), (0,)),
    ("uint32", {"gt": 1, "lte": 3}, (2, 3), (1, 4)),
    ("uint32", {"lt": 2, "gte": 5}, (1, 5), (2, 4)),
    ("uint32", {"lte": 2, "gt": 2}, (1, 3), ()),
    ("uint32", {"in": [1, 2]}, (1,), (0,)),
    ("uint32", {"not_in": [1, 2]}, (0,), (1,)),
    ("uint32", {"gte": 5, "ignore_empty": True}, (0, 5), (4,)),
    ("enum", {"const": 1}, (1,), (0,)),
    ("enum", {"in": [1]}, (1,), (0,)),
    ("enum", {"defined_only": False}, (99,), ()),
    ("bool", {"const": False}, (False,), (True,)),
    ("duration", {"lt": "2s", "gte": "1.5s"}, (span(1, 500_000_000),), (span(2), span(1))),
    ("duration", {"const": "1s"}, (span(1),), (span(1, 1),)),
    ("duration", {"in": ["1s", "2s"]}, (span(2),), (span(3),)),
    ("duration", {"not_in": ["1s"]}, (span(2),), (span(1),)),
    ("duration", {"gt": "0s"}, (), (span(1, 1_000_000_000), span(315_576_000_001))),
    ("repeated", {"max_items": 1}, ((), (1,)), ((1, 2),)),
    ("repeated", {"min_items": 1, "ignore_empty": True}, ((), (1,)), ()),
]


@pytest.mark.parametrize(("kind", "rules", "good", "bad"), KINDS, ids=str)
def test_kinds(kind: str, rules: Fields, good: tuple[Any, ...], bad: tuple[Any, ...]) -> None:
    field = field_of(kind)
    if kind == "repeated":  # its items are messages with rules of their own
        rules = {**rules, "items": {"message": {"skip": True}}}
    test = validate._field_test(field, {kind: rules}) or (lambda _: ())
    assert [value for value in good if test(value)] == []
    assert [value for value in bad if not test(value)] == []


def test_type_of_an_any() -> None:
    rules = {"any": {"in": ["a/b.C"]}}
    test = validate._field_test(field_of("any"), rules)
    assert test is not None
    assert test(codec.build("google.protobuf.Any", {"type_url": "a/b.C"})) == ()
    other = codec.build("google.protobuf.Any", {"type_url": "b.C"})
    assert test(other) == (': must be one of "a/b.C"',)


@pytest.mark.parametrize(
    ("kind", "rules"),
    [
        ("string", {"email": True}),
        ("uint32", {"odd": True}),
        ("bool", {"odd": True}),
        ("timestamp", {"lt_now": True}),
        ("strange", {}),
    ],
)
def test_unknown_rule_is_not_passed_over(kind: str, rules: Fields) -> None:
    field = field_of(kind if kind != "strange" else "string")
    with pytest.raises(XdsError, match="not known"):
        validate._field_test(field, {kind: rules})


def schema() -> Iterator[Any]:
    """Yield every message of our schema."""
    waiting = [codec.message(root).DESCRIPTOR for root in ROOTS]
    seen = set(waiting)
    while waiting:
        descriptor = waiting.pop()
        yield descriptor
        held = {field.message_type for field in descriptor.fields if field.message_type}
        waiting += held - seen
        seen |= held


def test_every_rule_is_known() -> None:
    compiled = [validate._Checker(descriptor)._compile() for descriptor in schema()]
    assert sum(bool(fields) for fields in compiled) > 200


def test_nothing_is_wrong_with_the_bootstrap(tmp_path: Path) -> None:
    assert validate.violations(bootstrap("n", tmp_path / "a", tmp_path / "b")) == ()


def _translated() -> list[Resource]:
    rules = HttpRuleSet(
        "r", (HttpMatch("GET", "/a.*", "h"), HttpMatch(headers=(HeaderMatch("x"),)))
    )
    given = (
        Route(PathMatch("prefix", "/a"), Forward((Share("c"),)), REF),
        Route(PathMatch("exact", "/"), Respond(404), REF),
    )
    proxy = IngressProxy(80, 443, (TlsHost("*", ("shop/tls",)),))
    return [
        cluster(Cluster("c", REF)),
        original_dst_cluster(),
        endpoints(ClusterEndpoints("c", (("10.0.0.1", 1),))),
        joined_hosts("r", [encode_host(VirtualHost("*.a", given))]),
        *ingress_listeners(proxy),
        l7_listener(L7Listener(1, "r", "r"), {"r": rules}),
    ]


@pytest.mark.parametrize("item", _translated(), ids=lambda item: f"{item.type_url} {item.name}")
def test_nothing_is_wrong_with_what_is_translated(item: Resource) -> None:
    assert validate.violations(codec.decode("google.protobuf.Any", item.body)) == ()


@pytest.mark.parametrize("path", CASES, ids=name_of)
def test_nothing_is_wrong_with_golden_cases(path: Path) -> None:
    found = {
        item.name: texts
        for item in Case(path).resources
        if (texts := validate.violations(codec.decode("google.protobuf.Any", item.body)))
    }
    assert found == {}


@pytest.mark.envoy
def test_rules_are_those_of_envoy() -> None:
    """The committed rules belong to the installed Envoy."""
    assert extract_rules.extract(find_envoy(Settings())) == extract_rules.OUTPUT.read_text()


@pytest.mark.envoy
def test_enums_have_the_values_of_envoy() -> None:
    """``defined_only`` is judged by our schema, so it must know the same values."""
    files = extract_rules.read_files(find_envoy(Settings()).read_bytes())
    theirs = dict(extract_rules.messages(files.values()))
    values = dict(_enums(files.values()))
    differing = [
        field.full_name
        for descriptor in schema()
        for field in descriptor.fields
        if field.enum_type is not None and descriptor.full_name in theirs
        for other in theirs[descriptor.full_name].field
        if other.name == field.name
        and values[other.type_name.removeprefix(".")] != set(field.enum_type.values_by_number)
    ]
    assert differing == []


def _enums(files: Any) -> Iterator[tuple[str, set[int]]]:
    found: list[tuple[str, descriptor_pb2.EnumDescriptorProto]] = []
    files = list(files)
    found += [(file.package, enum) for file in files for enum in file.enum_type]
    for name, message in extract_rules.messages(files):
        found += [(name, enum) for enum in message.enum_type]
    for scope, enum in found:
        yield f"{scope}.{enum.name}", {value.number for value in enum.value}


@pytest.mark.envoy
def test_checks_that_are_switched_off() -> None:
    options = extract_rules.Options(extract_rules.read_files(find_envoy(Settings()).read_bytes()))
    message = descriptor_pb2.DescriptorProto(name="A")
    assert options.message(message) == {}
    message.options.MergeFromString(b"\xf8\x42\x01")  # field 1071 is true
    assert options.message(message) == {"disabled": True}


def test_messages_whose_checks_are_off_are_not_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    router: Any = codec.message(ROUTER)
    monkeypatch.setattr(validate, "_all_rules", lambda: {ROUTER: {"disabled": True}})
    assert not validate._has_rules(router.DESCRIPTOR)


def test_binary_without_descriptors_is_refused() -> None:
    with pytest.raises(EnvoyError, match="no descriptor of validate"):
        extract_rules.read_rules(b"\n\x07a.proto\x12 none")


def test_rules_file_is_a_message_a_line() -> None:
    lines = extract_rules.OUTPUT.read_text().splitlines()
    assert json.loads("\n".join(lines))["envoy"]
    assert lines[1:-1] == sorted(lines[1:-1])
