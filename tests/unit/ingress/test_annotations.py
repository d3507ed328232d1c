"""Each annotation: what it comes to, nginx's form of it, and what becomes of a wrong value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.annotations import document, read_options
from ingress.annotations.nginx import UNSUPPORTED
from ingress.annotations.table import NGINX, OURS, ROWS
from ingress.options import (
    DEFAULT,
    BackendTls,
    Canary,
    ClientCertificates,
    ExternalAuthOptions,
    JwtOptions,
    Options,
)
from lockgate.ir.http import SAFE, Cors, ErrorPage, HashKey, HeaderEdits, RateLimit, Redirect, Retry
from lockgate.ir.upstream import ClusterOptions
from lockgate.model.ingress import Ingress, ServiceBackend
from lockgate.model.meta import Problem, labels_of

O, N = OURS, NGINX  # noqa: E741  # short, for the tables


def read(annotations: dict[str, str], **defaults: str) -> tuple[Options, tuple[Problem, ...]]:
    ingress = Ingress("shop", "web", annotations=labels_of(annotations))
    return read_options(ingress, defaults)


HEADERS = (
    "DNT", "Keep-Alive", "User-Agent", "X-Requested-With", "If-Modified-Since", "Cache-Control",
    "Content-Type", "Range", "Authorization",
)  # fmt: skip
METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS")
CASES: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({O + "use-regex": "true"}, {"use_regex": True}),
    ({N + "use-regex": "true"}, {"use_regex": True}),
    ({O + "rewrite-target": "/new/$2"}, {"rewrite": r"/new/\2"}),
    ({N + "rewrite-target": "/"}, {"rewrite": "/"}),
    ({N + "app-root": "/app"}, {"app_root": "/app"}),
    ({N + "permanent-redirect": "https://a.test/x?y=z"}, {"redirect": Redirect(301, "https", "a.test", 0, "/x?y=z")}),
    ({O + "temporal-redirect": "http://a.test:81$request_uri"}, {"redirect": Redirect(302, "http", "a.test", 81)}),
    ({N + "permanent-redirect": "https://a.test", N + "permanent-redirect-code": "308"}, {"redirect": Redirect(308, "https", "a.test", 0, "/")}),
    ({N + "permanent-redirect": "https://a.test", N + "temporal-redirect": "/b"}, {"redirect": Redirect(302, path="/b")}),
    ({O + "force-https": "true"}, {"force_https": "always"}),
    ({N + "ssl-redirect": "true"}, {"force_https": "tls"}),
    ({N + "ssl-redirect": "false"}, {"force_https": "never"}),
    ({N + "ssl-redirect": "false", N + "force-ssl-redirect": "true"}, {"force_https": "always"}),
    ({N + "force-ssl-redirect": "false"}, {}),
    ({O + "hsts": "true"}, {"hsts": "max-age=31536000"}),
    ({O + "hsts": "max-age=60; includeSubDomains; preload"}, {"hsts": "max-age=60; includeSubDomains; preload"}),
    ({N + "upstream-vhost": "Inner.test:81"}, {"host": "inner.test:81"}),
    ({N + "canary": "true", N + "canary-weight": "20", N + "canary-by-header": "X-New"}, {"canary": Canary(20, 100, "x-new")}),
    ({O + "canary": "true", O + "canary-by-header": "x", O + "canary-by-header-pattern": "a.*", O + "canary-by-cookie": "c", O + "canary-weight-total": "1000"}, {"canary": Canary(0, 1000, "x", "", "a.*", "c")}),
    ({O + "mirror": "copy:http", O + "mirror-percent": "2.5"}, {"mirror": ServiceBackend("copy", "http"), "mirror_percent": 2.5}),
    ({O + "request-timeout": "1m30s"}, {"request_timeout_s": 90.0}),
    ({N + "proxy-read-timeout": "30", N + "proxy-send-timeout": "90"}, {"idle_timeout_s": 90.0}),
    ({N + "proxy-connect-timeout": "2"}, {"cluster": ClusterOptions(connect_timeout_s=2.0)}),
    ({O + "retry-on": "5xx,reset", O + "retry-attempts": "3", O + "retry-try-timeout": "500ms"}, {"retry": Retry(("5xx", "reset"), 3, (), 0.5)}),
    ({N + "proxy-next-upstream": "error http_502 http_503", N + "proxy-next-upstream-tries": "3"}, {"retry": Retry(("connect-failure", "refused-stream", "reset", "retriable-status-codes"), 2, (502, 503))}),
    ({N + "proxy-next-upstream": "off"}, {"retry": Retry(attempts=0)}),
    ({N + "proxy-body-size": "8m"}, {"max_body": 8 << 20}),
    ({O + "max-body-size": "0"}, {}),
    ({N + "limit-rps": "10"}, {"rate": RateLimit(10, 1, 50)}),
    ({O + "rate-limit": "300/m", O + "rate-limit-burst-factor": "1"}, {"rate": RateLimit(300, 60, 300)}),
    ({N + "enable-cors": "true"}, {"cors": Cors(("*",), METHODS, HEADERS)}),
    ({N + "enable-cors": "true", N + "cors-allow-origin": "https://*.a.test, https://b.test", N + "cors-max-age": "600", N + "cors-allow-credentials": "false", N + "cors-allow-methods": "GET", N + "cors-allow-headers": "X-A", N + "cors-expose-headers": "X-B"}, {"cors": Cors(("https://*.a.test", "https://b.test"), ("GET",), ("X-A",), ("X-B",), credentials=False, max_age_s=600)}),
    ({O + "request-headers-set": "X-A: 1\nX-B: a: b", O + "request-headers-remove": "X-C, X-D"}, {"request_headers": HeaderEdits((("x-a", "1"), ("x-b", "a: b")), (), ("x-c", "x-d"))}),
    ({O + "response-headers-add": "X-A: 100%"}, {"response_headers": HeaderEdits((), (("x-a", "100%"),))}),
    ({N + "x-forwarded-prefix": "/api"}, {"request_headers": HeaderEdits((("x-forwarded-prefix", "/api"),))}),
    ({O + "temporal-redirect": "/a", O + "temporal-redirect-code": "307"}, {"redirect": Redirect(307, path="/a")}),
    ({O + "auth-url": "http://a.test/", O + "auth-timeout": "1s"}, {"external_auth": ExternalAuthOptions("http://a.test/", timeout_s=1.0)}),
    ({O + "affinity": "cookie", O + "affinity-cookie-path": "/a"}, {"hash_on": (HashKey("cookie", "LOCKGATE_AFFINITY", 0.0, "/a"),), "cluster": ClusterOptions(balance="ring_hash")}),
    ({O + "retry-statuses": "502"}, {"retry": Retry((*SAFE.on, "retriable-status-codes"), 2, (502,))}),
    ({O + "request-headers-add": "X-A: 1"}, {"request_headers": HeaderEdits((), (("x-a", "1"),))}),
    ({O + "response-headers-set": "X-A: 1", O + "response-headers-remove": "server"}, {"response_headers": HeaderEdits((("x-a", "1"),), (), ("server",))}),
    ({O + "canary": "true", O + "canary-by-header": "x", O + "canary-by-header-value": "y"}, {"canary": Canary(0, 100, "x", "y")}),
    ({O + "compression": "on"}, {"compress": True}),
    ({O + "error-pages": "503: <p>closed</p>\n4xx: wrong"}, {"error_pages": (ErrorPage("503", "<p>closed</p>"), ErrorPage("4xx", "wrong", "text/plain"))}),
    ({N + "affinity": "cookie", N + "session-cookie-name": "sid", N + "session-cookie-max-age": "60"}, {"hash_on": (HashKey("cookie", "sid", 60.0),), "cluster": ClusterOptions(balance="ring_hash")}),
    ({N + "upstream-hash-by": "$http_x_user"}, {"hash_on": (HashKey("header", "x-user"),), "cluster": ClusterOptions(balance="ring_hash")}),
    ({N + "upstream-hash-by": "$binary_remote_addr"}, {"hash_on": (HashKey("client"),), "cluster": ClusterOptions(balance="ring_hash")}),
    ({O + "hash-by": "query:user", O + "load-balancing": "maglev"}, {"hash_on": (HashKey("query", "user"),), "cluster": ClusterOptions(balance="maglev")}),
    ({O + "load-balancing": "least_request"}, {"cluster": ClusterOptions(balance="least_request")}),
    ({O + "max-connections": "5", O + "max-requests": "6", O + "max-pending-requests": "7", O + "max-retries": "8", O + "eject-after-errors": "9"}, {"cluster": ClusterOptions(max_connections=5, max_requests=6, max_pending_requests=7, max_retries=8, eject_after_errors=9)}),
    ({N + "backend-protocol": "GRPC"}, {"protocol": "http2"}),
    ({N + "backend-protocol": "HTTPS"}, {"protocol": "http1", "backend_tls": BackendTls()}),
    ({N + "backend-protocol": "HTTPS", N + "proxy-ssl-secret": "shop/inner", N + "proxy-ssl-verify": "on", N + "proxy-ssl-name": "inner.test"}, {"protocol": "http1", "backend_tls": BackendTls(("shop", "inner"), verify=True, server_name="inner.test")}),
    ({O + "backend-proxy-protocol": "v2"}, {"cluster": ClusterOptions(proxy_protocol=2)}),
    ({N + "whitelist-source-range": "10.0.0.0/8, 192.0.2.1"}, {"allow_from": ("10.0.0.0/8", "192.0.2.1/32")}),
    ({N + "denylist-source-range": "fd00::/8"}, {"deny_from": ("fd00::/8",)}),
    ({N + "auth-type": "basic", N + "auth-secret": "users", N + "auth-realm": "the shop"}, {"basic_auth": ("shop", "users")}),
    ({N + "auth-url": "http://auth.shop.svc/check?a=b", N + "auth-response-headers": "X-User"}, {"external_auth": ExternalAuthOptions("http://auth.shop.svc/check?a=b", ("x-user",))}),
    ({O + "jwt-issuer": "https://i.test", O + "jwt-audiences": "a, b", O + "jwt-jwks-uri": "https://i.test/keys"}, {"jwt": JwtOptions("https://i.test", ("a", "b"), "https://i.test/keys")}),
    ({O + "jwt-issuer": "i", O + "jwt-jwks-secret": "keys", O + "jwt-forward": "false", O + "jwt-payload-header": "X-Claims"}, {"jwt": JwtOptions("i", (), "", ("shop", "keys"), "x-claims", forward=False)}),
    ({N + "ssl-passthrough": "true"}, {"passthrough": True}),
    ({N + "auth-tls-secret": "shop/ca", N + "auth-tls-verify-client": "optional", N + "auth-tls-verify-depth": "2", N + "auth-tls-pass-certificate-to-upstream": "true"}, {"client_certificates": ClientCertificates(("shop", "ca"), required=False, depth=2, forward=True)}),
    ({N + "auth-tls-secret": "ca", N + "auth-tls-verify-client": "off"}, {}),
    ({N + "proxy-buffering": "off", N + "proxy-buffer-size": "8k", "other.example.com/x": "y"}, {}),
    ({O + "request-timeout": "1s", N + "proxy-read-timeout": "2", O + "idle-timeout": "3s"}, {"request_timeout_s": 1.0, "idle_timeout_s": 3.0}),
]  # fmt: skip


@pytest.mark.parametrize(("annotations", "wanted"), CASES)
def test_annotations_become_options(annotations: dict[str, str], wanted: dict[str, Any]) -> None:
    options, problems = read(annotations)
    assert problems == ()
    assert options == Options(**wanted)


def test_every_row_is_tried() -> None:
    tried = {name for annotations, _ in CASES for name in annotations}
    ours = {name.removeprefix(O) for name in tried if name.startswith(O)}
    nginx = {name.removeprefix(N) for name in tried if name.startswith(N)}
    missed = {
        row.name for row in ROWS.values() if row.name not in ours and not set(row.nginx) & nginx
    }
    assert missed == set()


WRONG = [
    ("use-regex", "maybe", False), ("rewrite-target", "new", False), ("rewrite-target", "/$x", False),
    ("rewrite-target", "/a\\1", False), ("app-root", "app", False),
    ("permanent-redirect", "ftp://a", False), ("permanent-redirect", "https://a/$host", False),
    ("permanent-redirect-code", "304", False), ("hsts", "max-age=x", False),
    ("backend-host", "a b", False), ("canary-by-header-pattern", "(", False),
    ("canary-by-header-pattern", "(a{1000}){1000}", False), ("mirror", "copy", False),
    ("mirror-percent", "101", False), ("request-timeout", "-1", False), ("idle-timeout", "ten", False),
    ("retry-on", "always", False), ("retry-attempts", "1e9", False), ("max-body-size", "5t", False),
    ("rate-limit", "10", True), ("cors-allow-origin", "a.test", False),
    ("request-headers-set", "no colon", False), ("request-headers-set", "X-A: b\x00c", False),
    ("request-headers-set", "Host: a", False), ("request-headers-set", ":path: a", False),
    ("response-headers-add", "X-A: %DYNAMIC_METADATA([a])%", False),
    ("response-headers-add", "X-A: é", False), ("error-pages", "{503: [a]}", False),
    ("error-pages", "!!python/object:x {}", False), ("error-pages", "200: fine", False),
    ("affinity", "ip", False), ("affinity-cookie-name", "a;b", False), ("hash-by", "body", False),
    ("load-balancing", "fastest", False), ("max-requests", "0", False),
    ("backend-protocol", "FCGI", False), ("backend-tls-secret", "A_b", False),
    ("allow-source-range", "10.0.0.0/33", True), ("deny-source-range", "", True),
    ("auth-url", "auth/check", True), ("auth-url", "http://a:99999/", True),
    ("jwt-jwks-uri", "keys", True), ("client-certificate", "sometimes", True),
    ("client-certificate-depth", "0", True), ("basic-auth-secret", "other/users", True),
    ("backend-tls-verify", "true", True), ("jwt-issuer", "https://i.test", True),
    ("jwt-audiences", "a", True), ("canary-weight", "5", False),
    ("client-certificate", "required", True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "protects"), WRONG)
def test_a_wrong_value_is_left_out_or_closes(name: str, text: str, protects: bool) -> None:
    options, problems = read({O + name: text, O + "compression": "true"})
    [problem] = problems
    assert (problem.field, problem.reason) == (
        f"metadata.annotations[{O}{name}]",
        "InvalidAnnotation",
    )
    assert problem.fix
    assert bool(options.closed) == protects
    assert options.compress


@pytest.mark.parametrize(
    ("name", "text", "reason", "closes"),
    [
        (O + "rewrite-targt", "/", "UnknownAnnotation", False),
        (N + "rewrite-targets", "/", "UnknownAnnotation", False),
        (N + "configuration-snippet", "deny all;", "UnsupportedAnnotation", False),
        (N + "auth-snippet", "deny all;", "UnsupportedAnnotation", True),
        (N + "proxy-buffering", "on", "UnsupportedAnnotation", False),
        (N + "auth-type", "digest", "UnsupportedAnnotation", True),
        (N + "satisfy", "any", "UnsupportedAnnotation", True),
        (N + "auth-tls-verify-client", "optional_no_ca", "InvalidAnnotation", True),
        (O + "request-headers-set", "X-A: " + "a" * 70_000, "InvalidAnnotation", False),
        (O + "allow-source-range", "10.0.0.0/8," * 10_000, "InvalidAnnotation", True),
    ],
)
def test_what_is_not_served_is_told(name: str, text: str, reason: str, closes: bool) -> None:
    options, [problem] = read({name: text})
    assert (problem.field, problem.reason) == (f"metadata.annotations[{name}]", reason)
    assert problem.fix
    assert len(str(problem)) < 1000
    assert bool(options.closed) == closes


def test_a_near_miss_is_suggested() -> None:
    _, [problem] = read({O + "rewrite-targt": "/"})
    assert problem.fix == f"did you mean {O}rewrite-target?"


def test_annotations_of_the_class_hold_unless_the_ingress_says_otherwise() -> None:
    ingress = Ingress("shop", "web", annotations=((O + "compression", "false"),))
    defaults = {O + "compression": "true", O + "request-timeout": "5s", O + "hsts": "wrong"}
    options, problems = read_options(ingress, defaults)
    assert problems == ()
    assert options == Options(request_timeout_s=5.0)
    assert read_options(Ingress("shop", "web"), {}) == (DEFAULT, ())


def test_the_document_says_what_the_tables_say() -> None:
    assert document.OUTPUT.read_text() == document.text(), (
        "run python -m ingress.annotations.document"
    )
    assert not set(UNSUPPORTED) & {name for row in ROWS.values() for name in row.nginx}


_NAMES = st.sampled_from(
    [O + name for name in ROWS] + [N + name for row in ROWS.values() for name in row.nginx]
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(_NAMES, st.text(), max_size=4))
def test_no_text_is_more_than_a_value(annotations: dict[str, str]) -> None:
    options, _ = read(annotations)
    for edits in (options.request_headers, options.response_headers):
        for name, value in (*edits.set, *edits.add):
            assert not {"\r", "\n", "\0"} & {*name, *value}
            assert ":" not in name
