"""``lockgate endpoint|identity|service``: what the agent knows of this node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from lockgate.cli.client import AgentClient, AgentRefused
from lockgate.cli.options import agent_option
from lockgate.cli.output import output_option, show, show_table

ENDPOINT_COLUMNS = (
    "endpoint", "id", "identity", "address", "ingress_enforced", "egress_enforced", "audit", "state",
    "restarts",
)  # fmt: skip
_NOT_FOUND = 404


@click.group()
def endpoint() -> None:
    """Pods of this node."""


@endpoint.command("list")
@agent_option
@output_option
def list_endpoints(client: AgentClient, output: str) -> None:
    """List the pods of this node."""
    show(client.get("/v1/endpoints"), output, ENDPOINT_COLUMNS)


@endpoint.command("get")
@click.argument("name", metavar="NAMESPACE/POD")
@agent_option
@output_option
def get_endpoint(name: str, client: AgentClient, output: str) -> None:
    """Show one pod and the policy entries that hold for it."""
    found = _endpoint(client, name)
    if output != "table":
        show(found, output)
        return
    policy = found.pop("policy", [])
    show_table([{"field": key, "value": value} for key, value in found.items()], ("field", "value"))
    click.echo()
    _show_entries(policy)


@endpoint.command()
@click.argument("name", metavar="NAMESPACE/POD")
@click.argument("mode", type=click.Choice(["on", "off"]))
@agent_option
def audit(name: str, mode: str, client: AgentClient) -> None:
    """Let a pod's traffic pass and report what policy would drop, or enforce again.

    HTTP rules are enforced all the same.
    """
    where = _path(name)
    with _naming_what_is_not_there():
        client.post(f"/v1/endpoints/{where}/audit", mode == "on")
    click.echo(f"audit of {where} is {mode}")


def _endpoint(client: AgentClient, name: str) -> dict[str, Any]:
    with _naming_what_is_not_there():
        found: dict[str, Any] = client.get(f"/v1/endpoints/{_path(name)}")
    return found


def _path(name: str) -> str:
    return name if "/" in name else f"default/{name}"


@contextmanager
def _naming_what_is_not_there() -> Iterator[None]:
    try:
        yield
    except AgentRefused as error:
        if error.status != _NOT_FOUND:
            raise
        raise click.ClickException(str(error)) from error


def _show_entries(entries: Sequence[dict[str, Any]]) -> None:
    columns = list(dict.fromkeys(key for entry in entries for key in entry))
    if entries:
        show_table(entries, columns)
    else:
        click.echo("no policy entries: nothing is enforced here, or nothing is allowed")


@click.group()
def identity() -> None:
    """Security identities: what the kernel knows of labels."""


@identity.command("list")
@agent_option
@output_option
def list_identities(client: AgentClient, output: str) -> None:
    """List every identity and the labels it stands for."""
    show(client.get("/v1/identities"), output, ("id", "labels"))


@identity.command("get")
@click.argument("number", type=click.IntRange(min=0))
@agent_option
@output_option
def get_identity(number: int, client: AgentClient, output: str) -> None:
    """Show one identity."""
    found = [row for row in client.get("/v1/identities") if row["id"] == number]
    if not found:
        raise click.ClickException(f"no identity {number} is in use on this node")
    show(found if output == "table" else found[0], output, ("id", "labels"))


@click.group()
def service() -> None:
    """Services and the backends behind them."""


@service.command("list")
@agent_option
@output_option
def list_services(client: AgentClient, output: str) -> None:
    """List every Service frontend with its backends."""
    columns = ("service", "kind", "frontend", "scope", "backends", "affinity")
    show(client.get("/v1/services"), output, columns)
