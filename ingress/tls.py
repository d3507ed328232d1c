"""TLS of Ingresses: certificates and authorities from Secrets, and how each server name is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from ingress.backends import BackendFault, BackendKey, FindService, resolve_backend
from ingress.claim import Claim
from lockgate.ir.http import ANY_HOST
from lockgate.ir.proxy import ClientAuth, TlsHost
from lockgate.ir.upstream import Certificate, CertificateAuthority
from lockgate.model.meta import Problem
from lockgate.model.service import Secret

SecretKey = tuple[str, str]
FindCertificate = Callable[[SecretKey], Certificate | None]


@dataclass(frozen=True, slots=True)
class TlsUse:
    """What one claim asks for one server name; ``certificate`` is empty for passthrough."""

    host: str
    certificate: str
    key_type: str
    field: str
    client: ClientAuth | None = None
    passthrough: str = ""


@dataclass(frozen=True, slots=True)
class TlsResult:
    """Which server names one claim is for, and how."""

    claim: Claim
    uses: tuple[TlsUse, ...]
    backends: frozenset[BackendKey]
    problems: tuple[Problem, ...]


def secrets_of(claim: Claim) -> set[SecretKey]:
    """Return the Secrets whose certificates a claim shows."""
    found = {(claim.namespace, entry.secret) for entry in claim.tls if entry.secret}
    if claim.default_certificate is not None:
        found.add(claim.default_certificate)
    tls = claim.options.backend_tls
    if tls is not None and tls.secret is not None:
        found.add(tls.secret)
    return found


def authorities_of(claim: Claim) -> set[SecretKey]:
    """Return the Secrets whose ``ca.crt`` a claim needs."""
    found = set()
    if claim.options.client_certificates is not None:
        found.add(claim.options.client_certificates.secret)
    tls = claim.options.backend_tls
    if tls is not None and tls.secret is not None and tls.verify:
        found.add(tls.secret)
    return found


def certificate(secret: Secret) -> Certificate | None:
    """Return a Secret's certificate, or None if it holds none; the source has checked the pair."""
    chain, key = secret.value("tls.crt"), secret.value("tls.key")
    if not chain or not key:
        return None
    try:
        leaf = x509.load_pem_x509_certificate(chain)
    except ValueError:
        return None
    return Certificate(
        f"{secret.namespace}/{secret.name}",
        chain,
        key,
        secret.ref,
        "ecdsa" if isinstance(leaf.public_key(), EllipticCurvePublicKey) else "rsa",
        tuple(_names(leaf)),
        leaf.not_valid_after_utc,
    )


def authority(secret: Secret) -> CertificateAuthority | None:
    """Return a Secret's authority, or None if it holds none that can be read."""
    bundle = secret.value("ca.crt")
    try:
        x509.load_pem_x509_certificates(bundle or b"")
    except ValueError:
        return None
    name = f"{secret.namespace}/{secret.name}/ca"
    return CertificateAuthority(name, bundle or b"", secret.ref, secret.value("ca.crl") or b"")


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [name.lower() for name in names.get_values_for_type(x509.DNSName)]


def covers(pattern: str, host: str) -> bool:
    """Tell whether a name of a certificate, or of a rule, is for a host; ``*.`` is one label."""
    if pattern.startswith("*.") and not host.startswith("*."):
        return host.partition(".")[2] == pattern[2:]
    return pattern == host


@dataclass(slots=True)
class _Found:
    uses: list[TlsUse] = field(default_factory=list)
    backends: set[BackendKey] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)


def tls_result(
    claim: Claim,
    find_certificate: FindCertificate,
    has_authority: Callable[[SecretKey], bool],
    find_service: FindService,
) -> TlsResult | None:
    """Say how a claim's server names are taken; None if it has nothing to do with TLS."""
    found = _Found()
    _backend_secret(claim, find_certificate, has_authority, found)
    if claim.options.passthrough:
        _pass_through(claim, find_service, found)
    elif claim.tls or claim.default_certificate is not None:
        client = _client_auth(claim, has_authority, found)
        for number, entry in enumerate(claim.tls):
            where = f"spec.tls[{number}].secretName"
            key = (claim.namespace, entry.secret) if entry.secret else claim.default_certificate
            hosts = entry.hosts or (ANY_HOST,)
            _show(claim, key, hosts, where, client, find_certificate, found)
        if claim.default_certificate is not None:
            default = find_certificate(claim.default_certificate)
            if default is not None:
                found.uses.append(TlsUse(ANY_HOST, default.name, default.key_type, ""))
    if not (found.uses or found.problems):
        return None
    return TlsResult(claim, tuple(found.uses), frozenset(found.backends), tuple(found.problems))


def _show(  # parts of one entry
    claim: Claim,
    key: SecretKey | None,
    hosts: tuple[str, ...],
    where: str,
    client: ClientAuth | None,
    find_certificate: FindCertificate,
    found: _Found,
) -> None:
    shown = find_certificate(key) if key else None
    if shown is None:
        text = f"there is no valid TLS Secret {'/'.join(key)}" if key else "no secret is named"
        found.problems.append(
            Problem(
                claim.ref,
                where,
                "SecretNotFound",
                f"{text}; hosts {', '.join(hosts)} are not served over HTTPS by it",
                "create a Secret of type kubernetes.io/tls with tls.crt and tls.key",
            )
        )
        return
    for host in hosts:
        found.uses.append(TlsUse(host, shown.name, shown.key_type, where, client))
        if host != ANY_HOST and shown.names and not any(covers(n, host) for n in shown.names):
            found.problems.append(
                Problem(
                    claim.ref,
                    where,
                    "CertificateForOtherHost",
                    f"the certificate of Secret {shown.name} is for {', '.join(shown.names)}, "
                    f"not for {host}; clients will refuse it",
                    "use a certificate that names the host",
                )
            )


def _client_auth(
    claim: Claim, has_authority: Callable[[SecretKey], bool], found: _Found
) -> ClientAuth | None:
    asked = claim.options.client_certificates
    if asked is None:
        return None
    if not has_authority(asked.secret):
        found.problems.append(
            Problem(
                claim.ref,
                "metadata.annotations[ingress.lockgate.io/client-ca-secret]",
                "SecretNotFound",
                f"there is no Secret {'/'.join(asked.secret)} with a valid ca.crt; "
                "TLS connections to its hosts are refused",
                "create it with the certificate of the authority that signs the clients'",
            )
        )
    name = f"{'/'.join(asked.secret)}/ca"
    return ClientAuth(name, asked.required, asked.depth, asked.forward)


def _backend_secret(
    claim: Claim,
    find_certificate: FindCertificate,
    has_authority: Callable[[SecretKey], bool],
    found: _Found,
) -> None:
    asked = claim.options.backend_tls
    if asked is None or asked.secret is None:
        return
    if asked.verify:
        missing = "" if has_authority(asked.secret) else "a valid ca.crt; nothing is sent to it"
    else:
        shown = find_certificate(asked.secret)
        missing = "" if shown else "tls.crt and tls.key; the backend is shown no certificate"
    if missing:
        found.problems.append(
            Problem(
                claim.ref,
                "metadata.annotations[ingress.lockgate.io/backend-tls-secret]",
                "SecretNotFound",
                f"there is no Secret {'/'.join(asked.secret)} with {missing}",
                "create it, or correct the name",
            )
        )


def _pass_through(claim: Claim, find_service: FindService, found: _Found) -> None:
    for path in claim.paths:
        if path.host == ANY_HOST or path.match != ("Prefix", "/") or path.backend is None:
            found.problems.append(
                Problem(
                    claim.ref,
                    path.field,
                    "InvalidPassthrough",
                    "TLS that is passed through has a host and no paths; this one is not served",
                    "name a host and use path / of type Prefix",
                )
            )
            continue
        key = resolve_backend(claim.namespace, path.backend, claim.options, find_service)
        if isinstance(key, BackendFault):
            continue  # told with the routes of the host
        # What passes is TLS already.
        plain = replace(key, options=replace(key.options, tls=None, protocol="http1"))
        found.backends.add(plain)
        found.uses.append(TlsUse(path.host, "", "", path.field, passthrough=plain.cluster))


def merge(results: Iterable[TlsResult]) -> tuple[tuple[TlsHost, ...], tuple[Problem, ...]]:
    """Choose for each server name how it is taken: as the oldest claim says.

    Others can add a certificate of another key type. Returns the names, sorted, and the conflicts.
    """
    chosen: dict[str, TlsHost] = {}
    types: dict[str, dict[str, str]] = {}
    problems: list[Problem] = []
    for result in sorted(results, key=lambda row: row.claim.age):
        for use in result.uses:
            first = chosen.get(use.host)
            if first is None:
                shown = (use.certificate,) if use.certificate else ()
                chosen[use.host] = TlsHost(use.host, shown, use.client, use.passthrough)
                types[use.host] = {use.key_type: use.certificate}
            elif use.passthrough == first.passthrough == "" and use.client == first.client:
                held = types[use.host].setdefault(use.key_type, use.certificate)
                if held != use.certificate:
                    problems.append(_conflict(result, use, held))
                elif use.certificate not in first.certificates:
                    both = (*first.certificates, use.certificate)
                    chosen[use.host] = replace(first, certificates=both)
            elif (use.passthrough, use.client) != (first.passthrough, first.client):
                problems.append(_conflict(result, use, first.passthrough or "other settings"))
    return tuple(sorted(chosen.values(), key=lambda row: row.host)), tuple(problems)


def _conflict(result: TlsResult, use: TlsUse, held: str) -> Problem:
    return Problem(
        result.claim.ref,
        use.field,
        "Conflict",
        f"TLS name {use.host} is already taken with {held} by an older Ingress",
        "remove one of the two",
    )


def expiry_problems(
    results: Iterable[TlsResult], find: Callable[[str], Certificate | None], now: datetime
) -> list[Problem]:
    """Return the uses of certificates that have expired by ``now``."""
    found = []
    for result in results:
        for use in result.uses:
            shown = find(use.certificate)
            if shown is None or shown.expires is None or shown.expires > now:
                continue
            found.append(
                Problem(
                    result.claim.ref,
                    use.field,
                    "CertificateExpired",
                    f"the certificate of Secret {shown.name} expired on "
                    f"{shown.expires:%Y-%m-%d}; clients will refuse it",
                    "renew it",
                )
            )
    return found
