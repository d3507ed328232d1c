"""``lockgate cni``: put the CNI plugin on a host, or take it away."""

from __future__ import annotations

from pathlib import Path

import click

from agent import cni_install

_FOLDER = click.Path(file_okay=False, path_type=Path)
_HOST = (
    click.option("--bin-dir", type=_FOLDER, default="/opt/cni/bin", show_default=True,
                 help="Where the container runtime looks for plugins."),
    click.option("--conf-dir", type=_FOLDER, default="/etc/cni/net.d", show_default=True,
                 help="Where it looks for networks."),
    click.option("--runtime-dir", type=_FOLDER, default="/opt/lockgate", show_default=True,
                 help="Where the plugin's interpreter goes."),
)  # fmt: skip


def _on_host(command: click.decorators.FC) -> click.decorators.FC:
    for option in reversed(_HOST):
        command = option(command)
    return command


@click.group()
def cni() -> None:
    """Put the CNI plugin on a host, or take it away."""


@cni.command()
@_on_host
@click.option("--seen-as", type=_FOLDER, help="What the host calls --runtime-dir.")
@click.option("--agent-socket", default="/run/lockgate/agent.sock", show_default=True)
@click.option(
    "--exclusive/--not-exclusive",
    default=True,
    show_default=True,
    help="Set other networks of the host aside.",
)
def install(
    bin_dir: Path,
    conf_dir: Path,
    runtime_dir: Path,
    seen_as: Path | None,
    agent_socket: str,
    exclusive: bool,
) -> None:
    """Write plugin, interpreter and network; doing it again brings them up to date."""
    click.echo(cni_install.install_plugin(bin_dir, runtime_dir, seen_as))
    click.echo(cni_install.install_configuration(conf_dir, agent_socket, exclusive=exclusive))


@cni.command()
@_on_host
def remove(bin_dir: Path, conf_dir: Path, runtime_dir: Path) -> None:
    """Remove what was installed; networks that were set aside come back."""
    cni_install.remove(bin_dir, conf_dir, runtime_dir)
