"""A real etcd and kube-apiserver on loopback, for as long as a context lasts."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import orjson
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.tools.build import built

START_S = 60.0
ADMINS = "system:masters"


class Authority:
    """Signs the certificates of a control plane."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lg-ca")])
        made = self._sign(self._name, self._key, ca=True)
        self._write("ca", made, self._key)

    def issue(self, name: str, *groups: str, hosts: Iterable[str] = ()) -> tuple[Path, Path]:
        """Write a certificate for a client, or a server on loopback and at ``hosts``.

        Return it and its key.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
        parts += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        made = self._sign(x509.Name(parts), key, ca=False, hosts=hosts)
        return self._write(name, made, key)

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        ca: bool,
        hosts: Iterable[str] = (),
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        names = [_general_name(host) for host in ("localhost", "127.0.0.1", *hosts)]
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .add_extension(_usage(ca=ca), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def _write(
        self, name: str, made: x509.Certificate, key: ec.EllipticCurvePrivateKey
    ) -> tuple[Path, Path]:
        paths = self._directory / f"{name}.crt", self._directory / f"{name}.key"
        paths[0].write_bytes(made.public_bytes(Encoding.PEM))
        form = PrivateFormat.TraditionalOpenSSL
        paths[1].write_bytes(key.private_bytes(Encoding.PEM, form, NoEncryption()))
        return paths


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=ca, crl_sign=ca,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


@dataclass
class ApiServer:
    """A control plane that runs."""

    directory: Path
    port: int
    etcd_port: int
    authority: Authority
    kubeconfig: Path
    _context: ssl.SSLContext
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"https://127.0.0.1:{self.port}"

    def request(
        self, method: str, path: str, body: Any = None, kind: str = "application/json"
    ) -> Any:
        """Send a request as an administrator and return the answer.

        Raises: HTTPError: the server refused it.
        """
        data = None if body is None else orjson.dumps(body)
        request = Request(f"{self.url}{path}", data, {"Content-Type": kind}, method=method)
        try:
            with urlopen(request, timeout=30, context=self._context) as response:
                return orjson.loads(response.read())
        except HTTPError as error:
            error.add_note(error.read().decode(errors="replace")[:2000])
            raise

    def create(self, *documents: dict[str, Any]) -> None:
        """Create objects."""
        for document in documents:
            self.request("POST", collection(document), document)

    def apply(self, document: dict[str, Any]) -> Any:
        """Create or change an object."""
        path = (
            f"{collection(document)}/{document['metadata']['name']}?fieldManager=lg-test&force=true"
        )
        return self.request("PATCH", path, document, "application/apply-patch+yaml")

    def get(self, document: dict[str, Any]) -> Any:
        """Return an object as it is."""
        return self.request("GET", f"{collection(document)}/{document['metadata']['name']}")

    def delete(self, document: dict[str, Any]) -> None:
        """Remove an object."""
        self.request("DELETE", f"{collection(document)}/{document['metadata']['name']}")

    def kubeconfig_for(self, user: str, *groups: str) -> Path:
        """Write a kubeconfig of another user; who that is decides what it may."""
        certificate, key = self.authority.issue(user, *groups)
        return write_kubeconfig(self.directory / f"{user}.kubeconfig", self.url, certificate, key)

    def start(self) -> None:
        """Start the API server and wait until it answers."""
        self._run("kube-apiserver", *_api_flags(self))
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with contextlib.suppress(URLError, OSError, ValueError):
                self.request("GET", "/api/v1/namespaces/default")
                return
            if self._processes["kube-apiserver"].poll() is not None:
                break
            time.sleep(0.05)
        log = (self.directory / "kube-apiserver.log").read_text()[-3000:]
        msg = f"kube-apiserver did not start: {log}"
        raise RuntimeError(msg)

    def stop(self, name: str = "kube-apiserver") -> None:
        """End a process and wait for it."""
        process = self._processes.pop(name, None)
        if process is None:
            return
        process.send_signal(signal.SIGTERM if name == "etcd" else signal.SIGKILL)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _run(self, name: str, *flags: str) -> None:
        with (self.directory / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen([built(name), *flags], stdout=log, stderr=log)

    def start_etcd(self) -> None:
        """Start etcd; the API server waits for it."""
        peer = free_port()
        client = f"http://127.0.0.1:{self.etcd_port}"
        self._run(
            "etcd", "--data-dir", str(self.directory / "etcd"), "--unsafe-no-fsync",
            "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--log-level", "error",
        )  # fmt: skip


def _api_flags(server: ApiServer) -> list[str]:
    at = server.directory
    return [
        f"--etcd-servers=http://127.0.0.1:{server.etcd_port}",
        "--bind-address=127.0.0.1", f"--secure-port={server.port}",
        f"--tls-cert-file={at}/server.crt", f"--tls-private-key-file={at}/server.key",
        f"--client-ca-file={at}/ca.crt", f"--service-account-key-file={at}/server.key",
        f"--service-account-signing-key-file={at}/server.key",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--authorization-mode=RBAC,Node", "--service-cluster-ip-range=10.96.0.0/16",
        "--allow-privileged",
        "--disable-admission-plugins=ServiceAccount", "--endpoint-reconciler-type=none",
        "--shutdown-delay-duration=0s", "--max-requests-inflight=4000",
        "--max-mutating-requests-inflight=2000",
    ]  # fmt: skip


def collection(document: dict[str, Any]) -> str:
    """Return the path of the collection an object is in."""
    version, kind = document["apiVersion"], document["kind"].lower()
    plural = (
        kind + "es"
        if kind.endswith("s")
        else kind.removesuffix("y") + ("ies" if kind.endswith("y") else "s")
    )
    plural = {
        "ingressclass": "ingressclasses",
        "lockgateingressparameters": "lockgateingressparameters",
    }.get(kind, plural)
    root = f"/{'apis' if '/' in version else 'api'}/{version}"
    if kind in _CLUSTER_WIDE:
        return f"{root}/{plural}"
    return f"{root}/namespaces/{document['metadata'].get('namespace', 'default')}/{plural}"


_CLUSTER_WIDE = {
    "namespace", "node", "ingressclass", "customresourcedefinition", "clusterrole",
    "clusterrolebinding", "lockgateingressparameters", "lockgateaddresspool",
    "lockgatenode", "lockgateidentity",
}  # fmt: skip


def free_port() -> int:
    """Return a TCP port of loopback that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def write_kubeconfig(path: Path, url: str, certificate: Path, key: Path) -> Path:
    """Write a kubeconfig of a client certificate whose authority is beside it."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lg",
        "clusters": [
            {
                "name": "lg",
                "cluster": {
                    "server": url,
                    "certificate-authority": str(certificate.parent / "ca.crt"),
                },
            }
        ],
        "users": [
            {"name": "lg", "user": {"client-certificate": str(certificate), "client-key": str(key)}}
        ],
        "contexts": [{"name": "lg", "context": {"cluster": "lg", "user": "lg"}}],
    }
    path.write_text(yaml.safe_dump(content))
    return path


@contextlib.contextmanager
def running(directory: Path) -> Iterator[ApiServer]:
    """Run a control plane in a directory; end it, whatever happens."""
    authority = Authority(directory)
    authority.issue("server")
    certificate, key = authority.issue("admin", ADMINS)
    port = free_port()
    kubeconfig = write_kubeconfig(
        directory / "admin.kubeconfig", f"https://127.0.0.1:{port}", certificate, key
    )
    context = ssl.create_default_context(cafile=str(directory / "ca.crt"))
    context.load_cert_chain(certificate, key)
    server = ApiServer(directory, port, free_port(), authority, kubeconfig, context)
    try:
        server.start_etcd()
        server.start()
        yield server
    finally:
        server.stop()
        server.stop("etcd")
        shutil.rmtree(directory / "etcd", ignore_errors=True)


def is_absent(server: ApiServer, document: dict[str, Any]) -> bool:
    """Tell whether there is no such object."""
    try:
        server.get(document)
    except HTTPError as error:
        return error.code == 404
    return False
