"""Container images made of what this host has, under the names that Kubernetes' own tests ask for.

Source: Open Container Initiative image specification 1.1.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.tools.build import HERE, KUBERNETES, built

PAUSE = "registry.k8s.io/pause:3.10.2"
_TESTING = "registry.k8s.io/e2e-test-images"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_USERS = "root:x:0:0:root:/root:/bin/sh\nuser-defined-in-image:x:1000:1000::/home:/bin/sh\n"
_GROUPS = (
    "root:x:0:\nuser-defined-in-image:x:1000:\n"
    "group-defined-in-image:x:50000:user-defined-in-image\n"
)
_OUR_OWN = frozenset({"busybox", "nc", "ip", "ss", "nslookup", "sh", "ash", "bash", "wget"})
"""Commands of which the tests' image has the full ones instead of busybox's."""
_FULL = {
    "/usr/bin/curl": "curl", "/usr/bin/nc": "nc.openbsd", "/usr/bin/dig": "dig",
    "/usr/bin/nslookup": "nslookup", "/usr/bin/iperf": "iperf", "/usr/bin/socat": "socat",
    "/sbin/ip": "ip", "/bin/ss": "ss", "/bin/bash": "bash", "/bin/sh": "dash",
    "/usr/bin/getent": "getent", "/usr/bin/wget": "wget",
}  # fmt: skip


@dataclass(frozen=True)
class Image:
    """What an image holds, by path in it."""

    names: tuple[str, ...]
    config: Mapping[str, Any]
    files: Mapping[str, Path] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    directories: tuple[str, ...] = ("/tmp",)  # noqa: S108  # of the image


def write_all(folder: Path, waiter: Path) -> list[Path]:
    """Write the archives of all images; return their paths."""
    busybox = _program("busybox")
    listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True)
    applets = listed.stdout.split()
    images = {"pause": _pause(waiter), "busybox": _busybox(busybox, applets)}
    images["agnhost"] = _agnhost(busybox, applets)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, image in images.items():
        path = folder / f"{name}.tar"
        path.write_bytes(archive(image))
        paths.append(path)
    return paths


def _pause(waiter: Path) -> Image:
    config = {"Entrypoint": ["/pause"], "User": "65535:65535"}
    return Image((PAUSE,), config, {"/pause": waiter}, directories=())


def _busybox(busybox: Path, applets: list[str]) -> Image:
    return Image(
        (f"{_TESTING}/busybox:1.37.0-2",),
        {"Cmd": ["sh"], "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]},
        {"/bin/busybox": busybox},
        {"/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "/etc/group": "root:x:0:\n"},
        {f"/bin/{name}": "busybox" for name in applets if name != "busybox"},
        ("/tmp", "/root", "/home", "/var/www"),  # noqa: S108  # of the image
    )


def _agnhost(busybox: Path, applets: list[str]) -> Image:
    files = {"/bin/busybox": busybox, "/agnhost": built("agnhost")}
    for target, name in _FULL.items():
        program = _program(name)
        files |= {target: program, **_libraries(program)}
    porter = _source() / "test" / "images" / "agnhost" / "porter"
    files |= {f"/localhost.{kind}": porter / f"localhost.{kind}" for kind in ("crt", "key")}
    return Image(
        (f"{_TESTING}/agnhost:2.66.1", f"{_TESTING}/glibc-dns-testing:2.1.1"),
        {
            "Entrypoint": ["/agnhost"],
            "Cmd": ["pause"],
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "ExposedPorts": {f"{port}/tcp": {} for port in (80, 8080, 8081, 9376, 5000)},
        },
        files,
        {
            "/etc/passwd": _USERS,
            "/etc/group": _GROUPS,
            "/etc/nsswitch.conf": "hosts: files dns\n",
        },
        {
            **{f"/bin/{name}": "busybox" for name in applets if name not in _OUR_OWN},
            "/agnhost-2": "agnhost",
            "/usr/local/bin/iperf": "/usr/bin/iperf",
        },
        ("/tmp", "/root", "/uploads", "/var/registry"),  # noqa: S108  # of the image
    )


def _source() -> Path:
    """Return where the sources of Kubernetes are, of which the tests want two files."""
    go = shutil.which("go") or "go"
    words = [go, "list", "-m", "-f", "{{.Dir}}", "k8s.io/kubernetes"]
    folder = HERE / "kubernetes"
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def _program(name: str) -> Path:
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if found is None:
        msg = f"{name} is not installed, and the tests' image needs it; run `make e2e`"
        raise RuntimeError(msg)
    return Path(found).resolve()


def _libraries(program: Path) -> dict[str, Path]:
    """Return the shared libraries of a program by where the loader looks for them."""
    text = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    words = [word for line in text.splitlines() for word in line.split() if word.startswith("/")]
    found = {}
    for word in words:
        path = Path(word)
        home = "/lib64" if path.name.startswith("ld-linux") else "/lib/x86_64-linux-gnu"
        found[f"{home}/{path.name}"] = path.resolve()
    return found


def archive(image: Image) -> bytes:
    """Return an image as an archive of one layer, as ``ctr images import`` reads it."""
    layer = _layer(image)
    config = _json(
        architecture="amd64",
        os="linux",
        config=image.config,
        rootfs={"type": "layers", "diff_ids": [_digest(layer)]},
    )
    manifest = _json(
        schemaVersion=2,
        mediaType=_MANIFEST,
        config=_descriptor("application/vnd.oci.image.config.v1+json", config),
        layers=[_descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
    )
    listed = [
        {**_descriptor(_MANIFEST, manifest), "annotations": {"io.containerd.image.name": name}}
        for name in image.names
    ]
    parts = {f"blobs/sha256/{_digest(one)[7:]}": one for one in (layer, config, manifest)}
    parts["oci-layout"] = _json(imageLayoutVersion="1.0.0")
    parts["index.json"] = _json(schemaVersion=2, manifests=listed)
    with io.BytesIO() as out:
        with tarfile.open(fileobj=out, mode="w") as tar:
            for name, body in sorted(parts.items()):
                _add(tar, name, body)
        return out.getvalue()


def _layer(image: Image) -> bytes:
    with io.BytesIO() as out:
        with tarfile.open(fileobj=out, mode="w") as tar:
            paths = (*image.files, *image.texts, *image.links)
            wanted = {str(parent) for path in paths for parent in Path(path).parents}
            for directory in sorted({*wanted, *image.directories} - {"/"}):
                entry = tarfile.TarInfo(directory.lstrip("/"))
                entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if directory == "/tmp" else 0o755  # noqa: S108  # of the image
                tar.addfile(entry)
            for path, source in sorted(image.files.items()):
                _add(tar, path.lstrip("/"), source.read_bytes(), 0o755)
            for path, text in sorted(image.texts.items()):
                _add(tar, path.lstrip("/"), text.encode())
            for path, target in sorted(image.links.items()):
                entry = tarfile.TarInfo(path.lstrip("/"))
                entry.type, entry.linkname = tarfile.SYMTYPE, target
                tar.addfile(entry)
        return out.getvalue()


def _add(tar: tarfile.TarFile, name: str, body: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(body), mode
    tar.addfile(entry, io.BytesIO(body))


def _descriptor(media_type: str, body: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(body), "size": len(body)}


def _digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _json(**fields: Any) -> bytes:
    return json.dumps(fields, sort_keys=True).encode()


VERSION = f"{KUBERNETES}-2"
"""Changes with what the images hold."""
