"""What routes ask of requests, in the real Envoy: each filter, alone and beside a plain route."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
import time
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from lockgate.ir.http import (
    Cors,
    ErrorPage,
    ExternalAuth,
    FieldTest,
    Filters,
    Forward,
    HashKey,
    HeaderEdits,
    JwtProvider,
    RateLimit,
    Redirect,
    Respond,
    Rewrite,
    Share,
)
from tests.envoy.ingress import BACKEND, TO_BACKEND, Answer, Setting
from tests.envoy.live import backend, envoy, run
from xds.envoy import EnvoyProcess

__all__ = ["backend", "envoy"]


def asking(setting: Setting, envoy: EnvoyProcess, *requests: dict[str, object]) -> list[Answer]:
    """Serve a setting and return the answers to some requests."""
    answers: list[Answer] = []

    async def test() -> None:
        for request in requests:
            answer = await asyncio.to_thread(setting.get, **request)  # type: ignore[arg-type]
            answers.append(answer)

    run(setting.serve(envoy, test))
    return answers


def filtered(backend: int, filters: Filters) -> Setting:
    """Return a setting with a filtered and a plain path."""
    setting = Setting(backend)
    setting.host(setting.route("/plain"), setting.route("/", filters=filters))
    return setting


def test_a_password_is_asked_for_on_its_route_only(backend: int, envoy: EnvoyProcess) -> None:
    digest = base64.b64encode(hashlib.sha1(b"secret").digest()).decode()  # noqa: S324  # htpasswd's
    setting = filtered(backend, Filters(basic_auth=f"ann:{{SHA}}{digest}".encode()))
    right = base64.b64encode(b"ann:secret").decode()
    wrong = base64.b64encode(b"ann:guess").decode()
    answers = asking(
        setting,
        envoy,
        {"path": "/plain"},
        {"path": "/x"},
        {"path": "/x", "headers": {"Authorization": f"Basic {wrong}"}},
        {"path": "/x", "headers": {"Authorization": f"Basic {right}"}},
    )
    assert [answer.status for answer in answers] == [200, 401, 401, 200]
    assert "Basic" in answers[1].headers["www-authenticate"]


def test_large_bodies_are_refused_whether_they_say_so_or_not(
    backend: int, envoy: EnvoyProcess
) -> None:
    setting = filtered(backend, Filters(max_body=1000))
    answers = asking(
        setting,
        envoy,
        {"path": "/x", "method": "POST", "body": b"a" * 1000},
        {"path": "/x", "method": "POST", "body": b"a" * 1001},
        {"path": "/x", "method": "POST", "body": [b"a" * 400] * 2},
        {"path": "/x", "method": "POST", "body": [b"a" * 400] * 3},
        {"path": "/plain", "method": "POST", "body": b"a" * 5000},
    )
    assert [answer.status for answer in answers] == [200, 413, 200, 413, 200]


def test_addresses_are_allowed_and_denied(backend: int, envoy: EnvoyProcess) -> None:
    only = Filters(allow_from=("127.0.0.2/32",), deny_from=("127.0.0.3/32",))
    but = Filters(deny_from=("127.0.0.3/32",))
    setting = Setting(backend)
    setting.host(setting.route("/only", filters=only), setting.route("/but", filters=but))
    wanted = [
        ("/only", "127.0.0.1", 403),
        ("/only", "127.0.0.2", 200),
        ("/only", "127.0.0.3", 403),
        ("/but", "127.0.0.1", 200),
        ("/but", "127.0.0.3", 403),
    ]
    answers = asking(setting, envoy, *({"path": p, "source": s} for p, s, _ in wanted))
    assert [answer.status for answer in answers] == [status for *_, status in wanted]


def test_each_client_has_a_rate_of_its_own(backend: int, envoy: EnvoyProcess) -> None:
    setting = filtered(backend, Filters(rate=RateLimit(1, 60, 2)))
    first = [{"path": "/x", "source": "127.0.0.1"}] * 3
    second = [{"path": "/x", "source": "127.0.0.2"}] * 3
    answers = asking(setting, envoy, *first, *second, *[{"path": "/plain"}] * 4)
    assert [answer.status for answer in answers] == [200, 200, 429, 200, 200, 429, *[200] * 4]


def test_cross_origin_requests_are_answered(backend: int, envoy: EnvoyProcess) -> None:
    cors = Cors(("https://*.shop.test", "https://a.test"), ("GET", "PUT"), ("X-A",), ("X-B",))
    setting = filtered(backend, Filters(cors=cors))
    preflight = {"Access-Control-Request-Method": "PUT"}
    answers = asking(
        setting,
        envoy,
        {"method": "OPTIONS", "headers": {"Origin": "https://x.y.shop.test", **preflight}},
        {"headers": {"Origin": "https://a.test"}},
        {"headers": {"Origin": "https://evil.test"}},
        {"path": "/plain", "headers": {"Origin": "https://a.test"}},
    )
    told = "access-control-allow-origin"
    assert answers[0].headers[told] == "https://x.y.shop.test"
    assert answers[0].headers["access-control-allow-methods"] == "GET, PUT"
    assert answers[0].headers["access-control-max-age"] == "1728000"
    assert answers[1].headers[told] == "https://a.test"
    assert answers[1].headers["access-control-expose-headers"] == "X-B"
    assert told not in answers[2].headers
    assert told not in answers[3].headers


def test_headers_are_written_on_both_ways(backend: int, envoy: EnvoyProcess) -> None:
    edits = HeaderEdits((("x-show", "x-set"), ("x-set", "100%END%")), (), ("x-gone",))
    back = HeaderEdits((("x-frame", "deny"),), (("x-more", "a%b"),), ("server",))
    setting = filtered(backend, Filters(request_headers=edits, response_headers=back))
    [answer] = asking(setting, envoy, {"path": "/x", "headers": {"X-Set": "mine"}})
    assert answer.body == "/x for 100%END%"
    assert (answer.headers["x-frame"], answer.headers["x-more"]) == ("deny", "a%b")


def test_error_pages_replace_bodies_by_status_and_class(backend: int, envoy: EnvoyProcess) -> None:
    pages = (ErrorPage("503", "closed"), ErrorPage("4xx", "your fault"))
    setting = Setting(backend)
    filters = Filters(error_pages=pages)
    setting.host(
        setting.route("/503", Respond(503), filters),
        setting.route("/404", Respond(404), filters),
        setting.route("/500", Respond(500), filters),
        setting.route("/plain", Respond(503)),
    )
    answers = asking(setting, envoy, *({"path": p} for p in ("/503", "/404", "/500", "/plain")))
    assert [(row.status, row.body) for row in answers] == [
        (503, "closed"),
        (404, "your fault"),
        (500, "Internal Server Error\n"),
        (503, "Service Unavailable\n"),
    ]


def test_answers_are_compressed_where_asked_for(backend: int, envoy: EnvoyProcess) -> None:
    setting = filtered(backend, Filters(compress=True))
    long = {"X-Show": "X-Long", "X-Long": "a" * 2000, "Accept-Encoding": "gzip"}
    answers = asking(
        setting, envoy, {"path": "/x", "headers": long}, {"path": "/plain", "headers": long}
    )
    assert answers[0].headers.get("content-encoding") == "gzip"
    assert gzip.decompress(answers[0].body.encode("latin-1")).endswith(b"aaa")
    assert "content-encoding" not in answers[1].headers


def test_a_service_decides_who_passes(backend: int, envoy: EnvoyProcess) -> None:
    url = f"http://127.0.0.1:{backend}"
    setting = Setting(backend)
    setting.add_cluster("shop/none/80")
    allow = ExternalAuth(url, "/verify?a=b", BACKEND, ("x-status", "content-length"))
    deny = ExternalAuth(url, "/status/418", BACKEND)
    lost = ExternalAuth(url, "/", "shop/none/80")
    setting.host(
        setting.route("/deny", filters=Filters(external_auth=deny)),
        setting.route("/lost", filters=Filters(external_auth=lost)),
        setting.route("/", filters=Filters(external_auth=allow)),
    )
    answers = asking(setting, envoy, *({"path": path} for path in ("/yes", "/deny", "/lost")))
    assert [answer.status for answer in answers] == [200, 418, 503]


def test_a_token_is_required_and_checked(backend: int, envoy: EnvoyProcess) -> None:
    key = rsa.generate_private_key(65537, 2048)
    keys = json.dumps({"keys": [jwk(key, "one")]}).encode()
    provider = JwtProvider("https://issuer.test", ("shop",), keys=keys, payload_header="x-claims")
    setting = filtered(backend, Filters(jwt=provider))
    good = {"iss": "https://issuer.test", "aud": "shop", "exp": time.time() + 60}
    tokens = [
        token(key, good),
        token(key, good | {"aud": "other"}),
        token(key, good | {"exp": time.time() - 600}),
        token(rsa.generate_private_key(65537, 2048), good),
    ]
    answers = asking(
        setting,
        envoy,
        {"path": "/plain"},
        {"path": "/x"},
        *({"path": "/x", "headers": {"Authorization": f"Bearer {one}"}} for one in tokens),
    )
    assert [answer.status for answer in answers] == [200, 401, 200, 403, 401, 401]


def jwk(key: rsa.RSAPrivateKey, name: str) -> dict[str, str]:
    """Return the public half as a JSON Web Key."""
    public = key.public_key().public_numbers()
    return {
        "kty": "RSA",
        "kid": name,
        "alg": "RS256",
        "n": encoded(public.n.to_bytes(256, "big")),
        "e": encoded(public.e.to_bytes(3, "big")),
    }


def token(key: rsa.RSAPrivateKey, claims: dict[str, object]) -> str:
    """Return a signed token."""
    head = {"alg": "RS256", "typ": "JWT", "kid": "one"}
    text = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
    signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{encoded(signature)}"


def encoded(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("target", "path", "seen"),
    [
        (Rewrite("^/api(?:/.*)?$", "/"), "/api/x?q=1", "/?q=1"),
        (Rewrite("^(?i)/api(/|$)(.*).*$", r"/\2"), "/API/books/7?q=1", "/books/7?q=1"),
        (Rewrite("^(?i)/api(/|$)(.*).*$", r"/new/\2/end"), "/api/a", "/new/a/end"),
    ],
)
def test_paths_are_rewritten(
    backend: int, envoy: EnvoyProcess, target: Rewrite, path: str, seen: str
) -> None:
    setting = Setting(backend)
    setting.host(setting.route("/", replace(TO_BACKEND, rewrite=target)))
    [answer] = asking(setting, envoy, {"path": path})
    assert answer.body.partition(" ")[0] == seen


def test_redirects_keep_what_they_do_not_name(backend: int, envoy: EnvoyProcess) -> None:
    setting = Setting(backend)
    setting.host(
        setting.route("/s", Redirect(308, "https", port=8443)),
        setting.route("/h", Redirect(301, "https", "other.test")),
        setting.route("/p", Redirect(302, path="/elsewhere?a=b")),
    )
    answers = asking(setting, envoy, *({"path": f"/{p}/x?q=1"} for p in "shp"))
    assert [(row.status, row.headers["location"]) for row in answers] == [
        (308, "https://shop.test:8443/s/x?q=1"),
        (301, "https://other.test/h/x?q=1"),
        (302, "http://shop.test/elsewhere?a=b"),
    ]


def test_headers_cookies_and_shares_choose(backend: int, envoy: EnvoyProcess) -> None:
    setting = Setting(backend)
    setting.host(
        setting.route("/", Respond(201), headers=(FieldTest("x-canary", "always"),)),
        setting.route("/", Respond(202), cookies=(FieldTest("canary", "always"),)),
        setting.route("/", Respond(203), headers=(FieldTest("x-user", "a.*", regex=True),)),
        setting.route("/w", Forward((Share(BACKEND, 0), Share("missing", 10)))),
        setting.route("/", Respond(204), scheme="https"),
        setting.route("/", replace(TO_BACKEND, hash_on=(HashKey("cookie", "sid", 60.0),))),
    )
    answers = asking(
        setting,
        envoy,
        {"headers": {"X-Canary": "always"}},
        {"headers": {"Cookie": "a=b; canary=always"}},
        {"headers": {"X-User": "ann"}},
        {"path": "/w"},
        {"headers": {"X-Forwarded-Proto": "https"}},
        {"headers": {"Cookie": "canary=alwaysnot"}},
    )
    assert [answer.status for answer in answers] == [201, 202, 203, 503, 200, 200]
