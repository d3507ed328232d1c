"""The plugin as it is put on a host: it must run without anything of this environment."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from agent.cni_install import (
    CONFIGURATION,
    PLUGIN,
    SET_ASIDE,
    install_configuration,
    install_plugin,
    remove,
)

SOCKET = "/run/lockgate/agent.sock"


def test_the_plugin_runs_by_itself(tmp_path: Path) -> None:
    bin_dir, home = tmp_path / "bin", tmp_path / "home"
    for _ in range(2):
        plugin = install_plugin(bin_dir, home)
    config = json.dumps({"cniVersion": "1.1.0", "name": "lockgate", "agentSocket": f"{home}/none"})

    def run(command: str) -> tuple[int, dict[str, object]]:
        done = subprocess.run(
            [plugin],
            input=config,
            capture_output=True,
            text=True,
            check=False,
            env={"CNI_COMMAND": command},
        )
        return done.returncode, json.loads(done.stdout)

    code, answer = run("VERSION")
    assert (code, answer["supportedVersions"]) == (0, ["0.4.0", "1.0.0", "1.1.0"])
    code, answer = run("STATUS")
    assert (code, answer["code"]) == (1, 50)
    assert "the agent does not answer" in str(answer["msg"])
    size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
    assert size < 60 << 20
    loaded = (home / "lib" / "loader").resolve()
    assert loaded.is_relative_to(tmp_path)


def test_other_networks_are_set_aside_and_come_back(tmp_path: Path) -> None:
    conf_dir = tmp_path / "net.d"
    conf_dir.mkdir()
    other = conf_dir / "10-bridge.conflist"
    other.write_text("{}")
    install_configuration(conf_dir, SOCKET, exclusive=False)
    assert other.exists()
    for _ in range(2):
        install_configuration(conf_dir, SOCKET, exclusive=True)
    assert {path.name for path in conf_dir.iterdir()} == {CONFIGURATION, other.name + SET_ASIDE}
    written = json.loads((conf_dir / CONFIGURATION).read_text())
    assert written["plugins"][0]["type"] == PLUGIN
    remove(tmp_path / "bin", conf_dir, tmp_path / "home")
    assert [path.name for path in conf_dir.iterdir()] == [other.name]
