"""What the programs of a node are told, as text."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cluster.images import PAUSE

DNS = "10.96.0.10"
DOMAIN = "cluster.local"
_DISABLED = (
    "io.containerd.grpc.v1.nri", "io.containerd.nri.v1.nri",
    "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.erofs",
    "io.containerd.tracing.processor.v1.otlp",
)  # fmt: skip


def containerd(folder: Path, runc: Path, plugins: Path, networks: Path) -> str:
    """Return containerd's configuration."""
    return f"""
version = 4
root = '{folder}/containerd/root'
state = '/run/containerd'
imports = []
disabled_plugins = {json.dumps(_DISABLED)}
[grpc]
  address = '/run/containerd/containerd.sock'
[plugins.'io.containerd.server.v1.grpc']
  address = '/run/containerd/containerd.sock'
[plugins.'io.containerd.server.v1.ttrpc']
  address = '/run/containerd/containerd.sock.ttrpc'
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = '{PAUSE}'
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  BinaryName = '{runc}'
  SystemdCgroup = false
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ['{plugins}']
  conf_dir = '{networks}'
[plugins.'io.containerd.internal.v1.opt']
  path = '{folder}/containerd/opt'
"""


def kubelet(name: str, folder: Path, pki: Path, runtime: str) -> str:
    """Return the kubelet's configuration."""
    return json.dumps(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "failCgroupV1": False,
            "failSwapOn": False,
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{name}",
            "cgroupsPerQOS": True,
            "enforceNodeAllocatable": ["pods"],
            "containerRuntimeEndpoint": f"unix://{runtime}",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": f"{pki}/ca.crt"},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": f"{pki}/{name}.crt",
            "tlsPrivateKeyFile": f"{pki}/{name}.key",
            "clusterDNS": [DNS],
            "clusterDomain": DOMAIN,
            "resolvConf": f"{folder}/etc/resolv.conf",
            "volumePluginDir": f"{folder}/kubelet/volumeplugins",
            "evictionHard": {
                "memory.available": "100Mi",
                "nodefs.available": "1%",
                "imagefs.available": "1%",
                "nodefs.inodesFree": "1%",
            },
            "imageGCHighThresholdPercent": 100,
            "maxPods": 250,
        }
    )


def corefile(address: str, kubeconfig: Path) -> str:
    """Return CoreDNS's configuration, on an address of a node."""
    return f"""
.:53 {{
  bind {address}
  errors
  kubernetes {DOMAIN} in-addr.arpa ip6.arpa {{
    kubeconfig {kubeconfig} lg
    pods insecure
    ttl 5
  }}
}}
"""
