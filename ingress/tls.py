"""Certificates that Ingresses refer to."""

from __future__ import annotations

from dataclasses import dataclass

from ingress.claim import ANY_HOST
from lockgate.ir.proxy import Certificate, CertificateUse
from lockgate.model.ingress import Ingress
from lockgate.model.meta import Problem
from lockgate.model.service import Secret


@dataclass(frozen=True, slots=True)
class TlsResult:
    """Which certificates one Ingress shows for which hosts."""

    uses: tuple[CertificateUse, ...]
    problems: tuple[Problem, ...]


def secrets_of(ingress: Ingress) -> set[tuple[str, str]]:
    """Return the Secrets an Ingress refers to, as (namespace, name)."""
    return {(ingress.namespace, entry.secret) for entry in ingress.tls if entry.secret}


def certificate(secret: Secret) -> Certificate | None:
    """Return a Secret's certificate, or None if it holds none; the source has checked the pair."""
    chain, key = secret.value("tls.crt"), secret.value("tls.key")
    if not chain or not key:
        return None
    return Certificate(f"{secret.namespace}/{secret.name}", chain, key, secret.ref)


def tls_result(ingress: Ingress, usable: set[tuple[str, str]]) -> TlsResult | None:
    """Say which of an Ingress's certificates can be shown; None if it has no TLS at all."""
    if not ingress.tls:
        return None
    uses: list[CertificateUse] = []
    problems: list[Problem] = []
    for number, entry in enumerate(ingress.tls):
        if (ingress.namespace, entry.secret) in usable:
            name = f"{ingress.namespace}/{entry.secret}"
            uses += [CertificateUse(host, name) for host in entry.hosts or (ANY_HOST,)]
            continue
        problems.append(
            Problem(
                ingress.ref,
                f"spec.tls[{number}].secretName",
                "SecretNotFound",
                f"there is no valid TLS Secret {ingress.namespace}/{entry.secret}; "
                f"hosts {', '.join(entry.hosts) or ANY_HOST} are not served over HTTPS by it",
                "create a Secret of type kubernetes.io/tls with tls.crt and tls.key",
            )
        )
    return TlsResult(tuple(uses), tuple(problems))
