"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

from lockgate.cli.client import AgentClient, socket_path


def _client(_ctx: click.Context, _parameter: click.Parameter, path: Path | None) -> AgentClient:
    return AgentClient(socket_path(path))


agent_option = click.option(
    "--socket",
    "client",
    type=click.Path(path_type=Path),
    callback=_client,
    help="The agent's socket [default: agent.sock in LOCKGATE_RUN_DIR or /run/lockgate].",
)
