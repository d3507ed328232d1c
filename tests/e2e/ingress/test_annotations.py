"""What annotations ask for, by the real agent and Envoy, from both sources."""

from __future__ import annotations

import gzip

import pytest

from tests.e2e.ingress.declared import NAMESPACE, Shop, ingress, path
from tests.e2e.ingress.gate import Answer, Cluster, until

NGINX = "nginx.ingress.kubernetes.io/"
HOSTILE = [
    "quote \" and ' and \\",
    "%REQ(authorization)%",
    '%DYNAMIC_METADATA(["a"])%',
    "${HOME} $(id) `id`",
    "]] end os.execute('id') --",
    "{{ .Values.x }}",
    "line\nbreak: yes",
    "carriage\rreturn",
    "\u2028 unicode",
]


def test_headers_are_set_added_and_removed(shop: Shop) -> None:
    said = {
        "request-headers-set": "X-Set: mine\nX-Other: 100%",
        "request-headers-remove": "X-Gone",
        "response-headers-set": "X-Frame-Options: DENY",
        "response-headers-add": "X-More: a",
        "response-headers-remove": "Server",
        "backend-host": "inner.test",
    }
    shop.serve(ingress("edits", "edits.test", annotations=said))
    shop.gate.wait("edits.test")
    answer = shop.gate.ask("edits.test", headers={"X-Set": "theirs", "X-Gone": "1"})
    seen = answer.seen["headers"]
    assert (seen["x-set"], seen["x-other"], seen["host"]) == ("mine", "100%", "inner.test")
    assert "x-gone" not in seen
    assert (answer.headers["x-frame-options"], answer.headers["x-more"]) == ("DENY", "a")


def test_redirects_for_a_while(shop: Shop) -> None:
    said = {"temporal-redirect": "https://other.test/x", "permanent-redirect": "https://never.test"}
    shop.serve(ingress("while", "while.test", annotations=said))
    answer = shop.gate.wait("while.test", "/a", 302)
    assert answer.headers["location"] == "https://other.test/x"


def test_error_pages_and_compression(shop: Shop) -> None:
    said = {"error-pages": '{"503": "<h1>closed</h1>", "4xx": "lost"}', "compression": "true"}
    shop.serve(
        ingress("pages", "pages.test", path("/"), path("/no", backend="no"), annotations=said)
    )
    shop.gate.wait("pages.test")
    assert shop.gate.ask("pages.test", "/no").body == b"<h1>closed</h1>"
    assert shop.gate.ask("pages.test", "/x/status/418").body == b"lost"
    asked = {"Accept-Encoding": "gzip", "X-Long": "a" * 2000}
    answer = shop.gate.ask("pages.test", headers=asked)
    assert answer.headers["content-encoding"] == "gzip"
    assert b"aaaa" in gzip.decompress(answer.body)


def test_a_client_stays_by_its_cookie(shop: Shop) -> None:
    said = {"affinity": "cookie", "affinity-cookie-name": "stay"}
    shop.serve(ingress("stay", "stay.test", annotations=said))
    answer = shop.gate.wait("stay.test")
    assert "stay=" in answer.headers["set-cookie"]


def test_another_service_decides_and_gets_copies(shop: Shop) -> None:
    url = f"http://{shop.gate.objects.endpoint_address}:{shop.ports['new']}"
    shop.serve(
        ingress("ask", "ask.test", annotations={NGINX + "auth-url": f"{url}/verify"}),
        ingress("deny", "deny.test", annotations={NGINX + "auth-url": f"{url}/status/403"}),
        ingress("copy", "copy.test", annotations={"mirror": "new:80"}),
    )
    shop.gate.wait("ask.test")
    shop.gate.wait("deny.test", status=403)
    assert shop.gate.wait("copy.test").seen["name"] == "web"


def test_a_cookie_chooses_the_canary(shop: Shop) -> None:
    canary = {NGINX + "canary": "true", NGINX + "canary-by-cookie": "try"}
    shop.serve(
        ingress("calm", "calm.test"),
        ingress("bold", "calm.test", path("/", backend="new"), annotations=canary),
    )
    shop.gate.wait("calm.test")
    asked = {"Cookie": "a=b; try=always"}
    until(lambda: shop.gate.ask("calm.test", headers=asked).seen["name"] == "new")
    assert shop.gate.ask("calm.test", headers={"Cookie": "try=never"}).seen["name"] == "web"


def test_time_outs_end_a_request(shop: Shop) -> None:
    shop.serve(ingress("slow", "slow.test", annotations={"request-timeout": "300ms"}))
    shop.gate.wait("slow.test")
    assert shop.gate.ask("slow.test").status == 200
    answer = _first(shop, "slow.test", "/events")
    assert answer.status in (200, 504)  # it had begun to answer; then it was cut
    assert b"data: 2" not in answer.body


def _first(shop: Shop, host: str, asked: str) -> Answer:
    import http.client

    try:
        return shop.gate.ask(host, asked)
    except http.client.IncompleteRead as cut:
        return Answer(200, {}, cut.partial)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_is_more_than_a_value(shop: Shop, text: str) -> None:
    """Whatever an annotation holds, it is refused or arrives as it is, and others are served."""
    number = HOSTILE.index(text)
    host, name = f"hostile{number}.test", f"hostile{number}"
    said = {
        "request-headers-set": f"X-Text: {text}",
        "error-pages": f'{{"418": {text!r}}}',
        "backend-host": text,
        "app-root": text,
        "cors-allow-origin": text,
        "affinity-cookie-name": text,
        "hash-by": f"header:{text}",
    }
    shop.serve(
        *(
            ingress(f"{name}-{key}", f"{index}.{host}", path("/x"), annotations={key: value})
            for index, (key, value) in enumerate(said.items())
        ),
        ingress(f"{name}-calm", f"calm.{host}"),
    )
    shop.gate.wait(f"calm.{host}")
    for index in range(len(said)):
        answer = shop.gate.ask(f"{index}.{host}", "/x", headers={"Authorization": "secret"})
        assert answer.status in (200, 503)
        seen = answer.seen.get("headers", {}).get("x-text")
        assert seen in (None, text.partition("\n")[0].strip())
        assert b"uid=" not in answer.body
    told = shop.gate.command("envoy", "refused", "-o", "json").stdout
    assert host not in told, "what Envoy would refuse is refused before"


def test_a_huge_annotation_and_a_bad_rule_harm_only_themselves(shop: Shop) -> None:
    huge = ingress("huge", "huge.test", annotations={"error-pages": "x" * (200 << 10)})
    bad = ingress(
        "bad", "bad.test", path("/(", "ImplementationSpecific"), path("/fine", backend="new")
    )
    shop.serve(huge, bad, ingress("calm2", "calm2.test"))
    shop.gate.wait("calm2.test")
    assert shop.gate.wait("bad.test", "/fine").seen["name"] == "new"
    assert shop.gate.ask("bad.test", "/(").status in (404, 503)
    told = shop.gate.command("ingress", "get", f"{NAMESPACE}/bad", "-o", "json").stdout
    assert "InvalidRegex" in told
    told = shop.gate.command("ingress", "get", f"{NAMESPACE}/huge", "-o", "json").stdout
    assert "error-pages" in told
    assert isinstance(shop.gate.objects, Cluster) == shop.is_cluster
