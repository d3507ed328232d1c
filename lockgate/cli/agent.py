"""``lockgate up`` and ``lockgate agent run``: the node agent in the foreground."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from lockgate.errors import ConfigError, LockgateError

FAILURE = 3
"""Exit code of our own failures; 1 is no, 2 is wrong usage."""
_USAGE = 2

_PORT = click.IntRange(1, 65535)
_FOLDER = click.Path(file_okay=False, path_type=Path)

_OPTIONS = (
    click.option("--http-port", type=_PORT, help="Ingress, plain [default: 8080]."),
    click.option("--https-port", type=_PORT, help="Ingress, TLS [default: 8443]."),
    click.option(
        "--state",
        "state_dir",
        type=_FOLDER,
        help="What survives a restart [default: /var/lib/lockgate].",
    ),
    click.option("--run-dir", type=_FOLDER, help="Sockets and lock [default: /run/lockgate]."),
    click.option("--bpf-dir", type=_FOLDER, help="Pins [default: /sys/fs/bpf/lockgate]."),
    click.option("--pod-cidr", help="Addresses of pods here [default: 10.77.0.0/24]."),
    click.option("--pod-cidr6", help="Their IPv6 addresses, or '' for none [default: fd77::/64]."),
    click.option("--service-cidr", help="Addresses of Services [default: 10.78.0.0/16]."),
    click.option(
        "--service-cidr6", help="Their IPv6 addresses, or '' for none [default: fd78::/112]."
    ),
    click.option("--node-name", help="This node's name [default: the host's]."),
    click.option(
        "--log-level",
        type=click.Choice(["debug", "info", "warning", "error"]),
        help="[default: info]",
    ),
)


def settings_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the agent; what is not given comes from ``LOCKGATE_*`` or a default."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@settings_options
def up(directory: Path, **flags: Any) -> None:
    """Run this host as one node, declared by the YAML files in DIRECTORY, until Ctrl-C.

    Prints one line `ready ...` with the addresses when traffic can flow.
    """
    _run(source=f"manifests:{directory.resolve()}", **flags)


@click.group()
def agent() -> None:
    """The node agent."""


@agent.command("run")
@click.option("--source", help="`manifests:DIR` or `kubernetes` [default: manifests:.].")
@settings_options
def run_agent(**flags: Any) -> None:
    """Run the agent of this node until SIGTERM."""
    _run(**flags)


@agent.command()
@settings_options
def cleanup(**flags: Any) -> None:
    """Remove what agents left on this host: Envoy, programs, maps and routes. Pods stay."""
    from agent.run import clean_up
    from lockgate.settings import read_settings

    clean_up(read_settings(**flags))


def _run(**flags: Any) -> None:
    # Imported here: the agent's libraries take a second that no other command should pay.
    from agent.run import run
    from lockgate.settings import read_settings

    settings = read_settings(**flags)
    console = Console(stderr=True)
    if not console.is_terminal:
        sys.exit(run(settings))
    with console.status("starting") as status:

        def ready(line: str) -> None:
            status.stop()
            click.echo(line)

        def step(text: str) -> None:
            status.start()
            status.update(text)

        code = run(settings, on_ready=ready, on_step=step)
    sys.exit(code)


def exit_code(error: LockgateError) -> int:
    """Return the exit code of a failure: a setting that cannot be used is wrong usage."""
    return _USAGE if isinstance(error, ConfigError) else FAILURE


def main() -> None:
    """Run the agent, as the command ``lockgate-agent``."""
    try:
        run_agent(prog_name="lockgate-agent", standalone_mode=True)
    except LockgateError as error:
        click.echo(f"lockgate-agent: {error}", err=True)
        sys.exit(exit_code(error))
