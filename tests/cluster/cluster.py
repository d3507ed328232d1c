"""The cluster: a control plane inside the first node, and all nodes on one link."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from agent import cni_install
from tests.cluster import config, images
from tests.cluster.node import LINK_ADDRESS, Node, until
from tests.kube.apiserver import ADMINS, Authority, write_kubeconfig
from tests.tools.build import NODE_TOOLS, TOOLS, built, cache

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SWITCH = "lg-node-sw"
PODS, SERVICES, API = "10.244.0.0/16", "10.96.0.0/16", "10.96.0.1"
_ETCD = "http://127.0.0.1:2379"
_API_NAMES = (
    "kubernetes", "kubernetes.default", "kubernetes.default.svc",
    f"kubernetes.default.svc.{config.DOMAIN}", API,
)  # fmt: skip


class Cluster:
    """A cluster in a folder; ``up`` makes it, ``down`` removes it, both from any process."""

    def __init__(self, root: Path, count: int = 2) -> None:
        self.root = root
        self.nodes = [Node(number, root) for number in range(1, count + 1)]
        self.programs = root / "bin"
        self._pki = root / "pki"

    @property
    def kubeconfig(self) -> Path:
        """Return the administrator's kubeconfig."""
        return self._pki / "admin.kubeconfig"

    @property
    def pod_cidrs(self) -> str:
        """Return the setting that says where all pods are."""
        return json.dumps([PODS])

    def up(self) -> None:
        """Make the cluster and wait until pods can run on every node."""
        begun = time.monotonic()
        for folder in ("log", "bin", "cni", "pki"):
            (self.root / folder).mkdir(parents=True)
        self._gather()
        archives = self._images()
        self._link()
        self._certificates()
        self._control_plane()
        self._say("control plane", begun)
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: self._runtime(node, archives), self.nodes))
        for path in sorted((ROOT / "charts" / "lockgate" / "crds").glob("*.yaml")):
            self.kubectl("apply", "--server-side", "-f", str(path))
        for node in self.nodes:
            node.start_kubelet(self.programs, self._pki)
            node.start_agent(self.kubeconfig, cluster_cidrs=self.pod_cidrs)
        self._dns()
        until(self._all_ready, f"all nodes are ready; see {self.root}/log")
        self._say("nodes ready", begun)

    def down(self) -> None:
        """Remove what :meth:`up` made, whatever became of it."""
        for node in self.nodes:
            node.destroy()
        subprocess.run(["ip", "netns", "del", SWITCH], capture_output=True, check=False)

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """Run kubectl in the first node and return what it printed."""
        first = self.nodes[0]
        command = first.command(
            self.programs / "kubectl", "--kubeconfig", str(self.kubeconfig), *words
        )
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"kubectl {' '.join(words)}: {done.stderr}")
        return done.stdout

    def suite(self, focus: str, *flags: str) -> int:
        """Run those of Kubernetes' own end-to-end tests that an expression matches."""
        report = self.root / "report"
        command = self.nodes[0].command(
            self.programs / "e2e.test", f"--kubeconfig={self.kubeconfig}",
            f"--kubectl-path={self.programs}/kubectl", "--provider=skeleton",
            "--minStartupPods=0", "--num-nodes=-1", "--disable-log-dump", "--ginkgo.no-color",
            f"--report-dir={report}", f"--ginkgo.focus={focus}", *flags,
        )  # fmt: skip
        return subprocess.run(["env", "-u", "KUBECONFIG", *command], check=False).returncode

    def _gather(self) -> None:
        """Have all programs under their plain names in one folder, our plugin in another."""
        for name in {**TOOLS, **NODE_TOOLS}:
            (self.programs / name).symlink_to(built(name))
        cni_install.install_plugin(self.root / "cni", self.root / "cni-home")
        # The runtime has it do what it could do itself.
        (self.root / "cni" / "loopback").symlink_to(built("loopback"))
        self._waiter = self.programs / "waiter"
        words = ["gcc", "-Os", "-Wall", "-static", "-o", self._waiter, HERE / "waiter.c"]
        subprocess.run(words, check=True)

    def _images(self) -> list[Path]:
        folder = cache() / f"images-{images.VERSION}"
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            images.write_all(partial, self._waiter)
            partial.rename(folder)
        return sorted(folder.glob("*.tar"))

    def _link(self) -> None:
        _ip("netns", "add", SWITCH)
        _ip("-n", SWITCH, "link", "add", "br0", "type", "bridge")
        _ip("-n", SWITCH, "link", "set", "br0", "up")
        for node in self.nodes:
            node.create(self._waiter)
            port = f"n{node.number}"
            peer = ("peer", "name", "eth0", "netns", node.name)
            _ip("-n", SWITCH, "link", "add", port, "type", "veth", *peer)
            _ip("-n", SWITCH, "link", "set", port, "master", "br0", "up")
            _ip("-n", node.name, "addr", "add", f"{node.address}/24", "dev", "eth0")
            _ip("-n", node.name, "link", "set", "eth0", "up")
            _ip("-n", node.name, "route", "add", "default", "via", f"{LINK_ADDRESS}1")

    def _certificates(self) -> None:
        authority = Authority(self._pki)
        url = f"https://{self.nodes[0].address}:6443"
        authority.issue("server", hosts=(self.nodes[0].address, *_API_NAMES))
        authority.issue("front-proxy-client")
        for name, groups, hosts in [
            ("admin", (ADMINS,), ()),
            *((node.name, (), (node.name, node.address)) for node in self.nodes),
        ]:
            user = f"system:node:{name}" if name != "admin" else name
            group = groups or ("system:nodes",)
            pair = authority.issue(user, *group, hosts=hosts)
            own = [path.rename(self._pki / f"{name}{path.suffix}") for path in pair]
            write_kubeconfig(self._pki / f"{name}.kubeconfig", url, own[0], own[1])

    def _control_plane(self) -> None:
        first, pki = self.nodes[0], self._pki
        first.start(
            "etcd", self.programs / "etcd", "--data-dir", self.root / "etcd",
            "--listen-client-urls", _ETCD, "--advertise-client-urls", _ETCD,
            "--listen-peer-urls", "http://127.0.0.1:2380", "--unsafe-no-fsync",
        )  # fmt: skip
        first.start(
            "apiserver", self.programs / "kube-apiserver", f"--etcd-servers={_ETCD}",
            "--secure-port=6443", f"--advertise-address={first.address}",
            f"--service-cluster-ip-range={SERVICES}", f"--cert-dir={pki}",
            f"--client-ca-file={pki}/ca.crt", f"--tls-cert-file={pki}/server.crt",
            f"--tls-private-key-file={pki}/server.key",
            f"--kubelet-client-certificate={pki}/admin.crt",
            f"--kubelet-client-key={pki}/admin.key",
            f"--kubelet-certificate-authority={pki}/ca.crt",
            f"--proxy-client-cert-file={pki}/front-proxy-client.crt",
            f"--proxy-client-key-file={pki}/front-proxy-client.key",
            f"--requestheader-client-ca-file={pki}/ca.crt",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--service-account-key-file={pki}/server.key",
            f"--service-account-signing-key-file={pki}/server.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--kubelet-preferred-address-types=InternalIP", "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction", "--allow-privileged",
        )  # fmt: skip
        asked = (self.programs / "kubectl", "--kubeconfig", self.kubeconfig, "get", "--raw")
        until(lambda: first.succeeds(*asked, "/readyz"), "the API server is ready")
        first.start(
            "controllers", self.programs / "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig}", "--leader-elect=false",
            f"--service-account-private-key-file={pki}/server.key",
            f"--root-ca-file={pki}/ca.crt", "--use-service-account-credentials",
            "--allocate-node-cidrs", f"--cluster-cidr={PODS}",
            f"--service-cluster-ip-range={SERVICES}",
            f"--cluster-signing-cert-file={pki}/ca.crt",
            f"--cluster-signing-key-file={pki}/ca.key",
        )  # fmt: skip
        first.start(
            "scheduler", self.programs / "kube-scheduler", f"--kubeconfig={self.kubeconfig}",
            "--leader-elect=false",
        )  # fmt: skip

    def _runtime(self, node: Node, archives: list[Path]) -> None:
        node.start_runtime(self.programs, self.root / "cni")
        for archive in archives:
            node.import_image(self.programs, archive)

    def _dns(self) -> None:
        first = self.nodes[0]
        path = self.root / "Corefile"
        path.write_text(config.corefile(first.address, self.kubeconfig))
        first.start("coredns", self.programs / "coredns", "-conf", path)
        self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(_dns_service(first.address)))

    def _all_ready(self) -> bool:
        listed = self.kubectl("get", "nodes", "--no-headers").splitlines()
        accounts = self.kubectl("get", "serviceaccounts", "-o", "name")
        ready = [row for row in listed if " Ready" in row]
        return len(ready) == len(self.nodes) and "serviceaccount/default" in accounts

    def _say(self, what: str, begun: float) -> None:
        print(f"{time.monotonic() - begun:6.1f} s  {what}", flush=True)


def _dns_service(address: str) -> list[dict[str, Any]]:
    """Return the cluster's DNS at its usual address, served by a process of a node."""
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
    ]
    where = {"namespace": "kube-system"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "kube-dns", "labels": {"k8s-app": "kube-dns"}, **where},
            "spec": {"clusterIP": config.DNS, "ports": ports},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "kube-dns-node",
                "labels": {"kubernetes.io/service-name": "kube-dns"},
                **where,
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
            "ports": ports,
        },
    ]


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
