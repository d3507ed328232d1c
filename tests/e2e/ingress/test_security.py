"""TLS and what keeps clients out, by the real agent and Envoy, from both sources."""

from __future__ import annotations

import base64
import hashlib
import http.client
import socket
import ssl
from pathlib import Path

import orjson
import pytest

from tests.certificates import Pair, issue
from tests.e2e.ingress.declared import NAMESPACE, Shop, ingress, path, secret, tls_secret
from tests.e2e.ingress.gate import until

NGINX = "nginx.ingress.kubernetes.io/"


def tls_of(name: str, *hosts: str) -> list[dict[str, object]]:
    return [{"hosts": list(hosts), "secretName": name}]


def shown(shop: Shop, host: str, pair: Pair) -> bytes:
    """Return the certificate that is shown for a host, in DER; nothing if none is."""
    try:
        with (
            socket.create_connection(("127.0.0.1", shop.gate.https_port), 5) as plain,
            pair.client().wrap_socket(plain, server_hostname=host) as secured,
        ):
            return secured.getpeercert(binary_form=True) or b""
    except OSError:
        return b""


def der(pair: Pair) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pair.chain.decode())


def test_certificates_are_shown_and_rotated_without_a_cut(shop: Shop) -> None:
    old, new = issue("tls.test"), issue("tls.test")
    shop.serve(
        tls_secret("tls", old),
        ingress(
            "tls",
            "tls.test",
            tls=tls_of("tls", "tls.test"),
            annotations={"force-https": "tls", "hsts": "max-age=60"},
        ),
    )
    until(lambda: shown(shop, "tls.test", old) == der(old))
    answer = shop.gate.ask("tls.test", tls=old.client(trusts=old))
    assert (answer.status, answer.headers["strict-transport-security"]) == (200, "max-age=60")
    plain = shop.gate.ask("tls.test", "/x?y=z")
    assert plain.status == 308
    assert plain.headers["location"] == f"https://tls.test:{shop.gate.https_port}/x?y=z"
    shop.serve(tls_secret("tls", new))
    until(lambda: shown(shop, "tls.test", new) == der(new))


def test_a_wrong_certificate_harms_only_itself(shop: Shop) -> None:
    good = issue("good.test")
    expired = issue("old.test", days=-1)
    shop.serve(
        tls_secret("good", good),
        tls_secret("old", expired),
        ingress("good", "good.test", tls=tls_of("good", "good.test")),
        ingress("bad", "bad.test", tls=tls_of("missing", "bad.test")),
        ingress("old", "old.test", tls=tls_of("old", "old.test")),
    )
    until(lambda: shown(shop, "good.test", good) == der(good))
    assert shop.gate.wait("bad.test").status == 200
    assert shown(shop, "bad.test", good) != der(good)
    told = shop.gate.command("status", "-o", "json").stdout
    assert "SecretNotFound" in told
    assert "CertificateExpired" in told


def test_clients_show_certificates(shop: Shop, tmp_path: Path) -> None:
    pair, ca = issue("mutual.test"), issue(authority=True)
    known = issue("ann", by=ca)
    shop.serve(
        tls_secret("mutual", pair),
        secret("clients", ca_crt=ca.chain),
        ingress(
            "mutual",
            "mutual.test",
            tls=tls_of("mutual", "mutual.test"),
            annotations={
                NGINX + "auth-tls-secret": f"{NAMESPACE}/clients",
                NGINX + "auth-tls-pass-certificate-to-upstream": "true",
            },
        ),
    )
    client = pair.client(trusts=pair)
    client.load_cert_chain(*known.written(tmp_path, "ann"))

    def served() -> bool:
        try:
            return shop.gate.ask("mutual.test", tls=client).status == 200
        except OSError:
            return False

    until(served)
    seen = shop.gate.ask("mutual.test", tls=client).seen["headers"]
    assert "DNS=ann" in seen["x-forwarded-client-cert"]
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
        shop.gate.ask("mutual.test", tls=pair.client(trusts=pair))
    assert shop.gate.ask("mutual.test").status == 403


def test_passwords_of_a_secret_are_asked_for(shop: Shop) -> None:
    digest = base64.b64encode(hashlib.sha1(b"secret").digest()).decode()  # noqa: S324  # htpasswd's
    said = {NGINX + "auth-type": "basic", NGINX + "auth-secret": "users"}
    shop.serve(ingress("password", "password.test", annotations=said))
    shop.gate.wait("password.test", status=503)
    shop.serve(secret("users", auth=f"ann:{{SHA}}{digest}\nbob:$apr1$x$y\n"))
    shop.gate.wait("password.test", status=401)
    token = base64.b64encode(b"ann:secret").decode()
    answer = shop.gate.ask("password.test", headers={"Authorization": f"Basic {token}"})
    assert answer.status == 200
    told = shop.gate.command("ingress", "get", f"{NAMESPACE}/password", "-o", "json").stdout
    assert "UnsupportedHash" in told


def test_addresses_rates_sizes_and_origins(shop: Shop) -> None:
    shop.serve(
        ingress("closed", "closed.test", annotations={"allow-source-range": "192.0.2.0/24"}),
        ingress("wrong", "unread.test", annotations={"allow-source-range": "192.0.2.0/99"}),
        ingress(
            "rate", "rate.test", annotations={"rate-limit": "1/h", "rate-limit-burst-factor": "3"}
        ),
        ingress("size", "size.test", annotations={NGINX + "proxy-body-size": "1k"}),
        ingress("cors", "cors.test", annotations={NGINX + "enable-cors": "true"}),
    )
    spoofed = {"X-Forwarded-For": "192.0.2.5"}
    shop.gate.wait("closed.test", status=403)
    assert shop.gate.ask("closed.test", headers=spoofed).status == 403
    shop.gate.wait("unread.test", status=503)
    shop.gate.wait("rate.test", status=429)
    shop.gate.wait("size.test")
    assert shop.gate.ask("size.test", method="POST", body=b"a" * 1025).status == 413
    assert shop.gate.ask("size.test", method="POST", body=b"a" * 1024).status == 200
    shop.gate.wait("cors.test")
    answer = shop.gate.ask("cors.test", headers={"Origin": "https://a.test"})
    assert answer.headers["access-control-allow-origin"] == "https://a.test"


def test_the_client_is_who_connects(shop: Shop) -> None:
    shop.serve(ingress("client", "client.test", path("/seen")))
    shop.gate.wait("client.test", "/seen")
    forged = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Real-IP": "203.0.113.9",
        "X-Forwarded-Proto": "https",
    }
    seen = shop.gate.ask("client.test", "/seen", headers=forged).seen["headers"]
    assert "203.0.113.9" not in str(seen)
    assert (seen["x-real-ip"], seen["x-forwarded-proto"]) == ("127.0.0.1", "http")


def test_the_access_log_names_the_ingress(shop: Shop) -> None:
    shop.serve(ingress("logged", "logged.test"))
    shop.gate.wait("logged.test")
    shop.gate.ask("logged.test", "/find-me")

    def line() -> list[dict[str, object]]:
        rows = [orjson.loads(row) for row in shop.gate.access_log.read_bytes().splitlines()]
        return [row for row in rows if row["path"] == "/find-me"]

    until(line)
    [row] = line()
    assert (row["ingress_namespace"], row["ingress"]) == (NAMESPACE, "logged")
    assert (row["status"], row["client"], row["host"]) == (200, "127.0.0.1", "logged.test")


def test_metrics_count_the_requests_of_each_ingress(shop: Shop) -> None:
    shop.serve(ingress("counted", "counted.test"))
    shop.gate.wait("counted.test")
    shop.gate.ask("counted.test")
    labels = f'ingress="counted",namespace="{NAMESPACE}"'

    def counted() -> bool:
        shown = shop.gate.metrics()
        requests = f'lockgate_ingress_requests_total{{code="2xx",{labels}}}'
        latency = f"lockgate_ingress_request_duration_seconds_count{{{labels}}}"
        return all(shown.get(name, 0) >= 2 for name in (requests, latency))

    until(counted, lambda: str(sorted(shop.gate.metrics())))
    shop.gate.ask("uncounted.test")
    shop.gate.objects.delete(ingress("counted", "counted.test"))
    until(lambda: not any(labels in name for name in shop.gate.metrics()))
