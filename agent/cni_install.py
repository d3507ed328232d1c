"""Puts the CNI plugin on a host that has neither Python nor this package.

The runtime starts the plugin on the host, so an interpreter with the few modules it imports goes
there too, with the libraries and the loader that it was linked with: about 20 MB.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from agent import cni_plugin
from lockgate.errors import LockgateError

PLUGIN = "lockgate-cni"
CONFIGURATION = "05-lockgate.conflist"
"""Runtimes take the first file by name."""
SET_ASIDE = ".set-aside-by-lockgate"
_LEFT_OUT = (
    "__pycache__", "test", "tests", "idlelib", "lib2to3", "tkinter", "turtledemo", "ensurepip",
    "distutils", "site-packages", "dist-packages", "config-*", "pydoc_data", "asyncio", "sqlite3",
    "_sqlite3*", "_test*", "*.a",
)  # fmt: skip


def network(agent_socket: str) -> dict[str, Any]:
    """Return the network of pods, as runtimes read it."""
    plugin = {
        "type": PLUGIN,
        "agentSocket": agent_socket,
        "capabilities": {"portMappings": True},
    }
    return {"cniVersion": "1.1.0", "name": "lockgate", "plugins": [plugin]}


def install_plugin(bin_dir: Path, runtime_dir: Path, seen_as: Path | None = None) -> Path:
    """Write the plugin and its interpreter; return the plugin.

    Args:
        bin_dir: where the runtime looks for plugins.
        runtime_dir: where the interpreter goes.
        seen_as: what the host calls ``runtime_dir``, if that is a mount of it.

    Raises: LockgateError: the interpreter is of a kind that cannot be taken along.
    """
    home = seen_as or runtime_dir
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for part in ("bin", "lib", f"lib/{version}"):
        (runtime_dir / part).mkdir(parents=True, exist_ok=True)
    python = Path(sys.executable).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    loader, libraries = _linked(python)
    if loader is None:
        raise LockgateError(f"{python} is not linked as the plugin's interpreter must be")
    _replace(python, runtime_dir / "bin" / "python3")
    _replace(loader, runtime_dir / "lib" / "loader")
    for extension in (library / "lib-dynload").glob("*.so"):
        libraries |= _linked(extension)[1]
    for path in libraries:
        _replace(path, runtime_dir / "lib" / path.name)
    ignore = shutil.ignore_patterns(*_LEFT_OUT)
    shutil.copytree(library, runtime_dir / "lib" / version, ignore=ignore, dirs_exist_ok=True)
    _replace(Path(cni_plugin.__file__), runtime_dir / "cni_plugin.py")
    _compile(runtime_dir)
    script = (
        "#!/bin/sh\n"
        f"exec {home}/lib/loader --library-path {home}/lib "
        f"{home}/bin/python3 -I -S -B {home}/cni_plugin.py\n"
    )
    bin_dir.mkdir(parents=True, exist_ok=True)
    return _write(bin_dir / PLUGIN, script, 0o755)


def _compile(runtime_dir: Path) -> None:
    """Run the plugin once, so that what it imports is there compiled: it then takes a third."""
    words = ("lib/loader", "--library-path", "lib", "bin/python3", "-I", "-S", "cni_plugin.py")
    command = [word if word.startswith("-") else str(runtime_dir / word) for word in words]
    environment = {"CNI_COMMAND": "VERSION"}
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        env=environment,
    )  # fmt: skip
    if done.returncode:
        raise LockgateError(f"the plugin does not run by itself: {done.stderr[-500:]}")


def install_configuration(conf_dir: Path, agent_socket: str, *, exclusive: bool) -> Path:
    """Write the network of pods; ``exclusive`` sets other networks of this host aside."""
    conf_dir.mkdir(parents=True, exist_ok=True)
    if exclusive:
        for other in sorted(conf_dir.iterdir()):
            if other.suffix in (".conf", ".conflist", ".json") and other.name != CONFIGURATION:
                other.rename(other.with_name(other.name + SET_ASIDE))
    text = json.dumps(network(agent_socket), indent=2)
    return _write(conf_dir / CONFIGURATION, f"{text}\n", 0o644)


def remove(bin_dir: Path, conf_dir: Path, runtime_dir: Path) -> None:
    """Undo what was installed; networks that were set aside come back."""
    (bin_dir / PLUGIN).unlink(missing_ok=True)
    (conf_dir / CONFIGURATION).unlink(missing_ok=True)
    for other in conf_dir.glob(f"*{SET_ASIDE}"):
        other.rename(other.with_name(other.name.removesuffix(SET_ASIDE)))
    shutil.rmtree(runtime_dir, ignore_errors=True)


def _linked(binary: Path) -> tuple[Path | None, set[Path]]:
    """Return the loader and the libraries of a binary, as far as it has any."""
    done = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False)
    words = [word for word in done.stdout.split() if word.startswith("/")]
    loaders = [Path(word) for word in words if Path(word).name.startswith("ld-")]
    found = {Path(word) for word in words} - set(loaders)
    return (loaders[0].resolve() if loaders else None), found


def _replace(source: Path, target: Path) -> None:
    """Copy a file in one step: a plugin may be running from the old one."""
    partial = target.with_name(f"{target.name}.new")
    shutil.copyfile(source, partial)
    shutil.copymode(source, partial)
    partial.replace(target)


def _write(path: Path, text: str, mode: int) -> Path:
    partial = path.with_name(f".{path.name}.new")
    partial.write_text(text)
    partial.chmod(mode)
    return partial.replace(path)
