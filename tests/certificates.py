"""Certificates for tests, made when they are needed."""

from __future__ import annotations

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Pair:
    """A certificate with its key, in PEM; ``authority`` is who signed it, itself if none."""

    chain: bytes
    key: bytes
    certificate: x509.Certificate
    private_key: _Key

    def client(self, *, trusts: Pair | None = None) -> ssl.SSLContext:
        """Return a client that trusts one authority, or anybody."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if trusts is None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            context.load_verify_locations(cadata=trusts.chain.decode())
        return context

    def written(self, directory: Path, name: str) -> tuple[Path, Path]:
        """Write certificate and key; return their paths."""
        paths = directory / f"{name}.crt", directory / f"{name}.key"
        paths[0].write_bytes(self.chain)
        paths[1].write_bytes(self.key)
        return paths


def issue(
    *hosts: str,
    by: Pair | None = None,
    rsa_key: bool = False,
    authority: bool = False,
    days: int = 30,
) -> Pair:
    """Return a certificate for some hosts, signed by another or by itself."""
    key: _Key = (
        rsa.generate_private_key(65537, 2048)
        if rsa_key
        else ec.generate_private_key(ec.SECP256R1())
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0] if hosts else "ca")])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=60))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if hosts:
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    made = builder.sign(by.private_key if by else key, hashes.SHA256())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Pair(made.public_bytes(Encoding.PEM), pem, made, key)
