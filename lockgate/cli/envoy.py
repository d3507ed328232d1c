"""``lockgate envoy``: what Envoy holds at this moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from lockgate.cli.client import AgentClient
from lockgate.cli.options import agent_option
from lockgate.cli.output import output_option, show, show_table

Row = dict[str, Any]
_NO_HOSTS: list[Row] = [{}]


@click.group()
def envoy() -> None:
    """What Envoy holds, from its admin interface."""


@envoy.command()
@click.option(
    "--run-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Of the agent [default: /run/lockgate].",
)
@click.option("--node-name", help="This node's name [default: the host's].")
def run(**flags: Any) -> None:
    """Become the node's Envoy, for an agent whose LOCKGATE_ENVOY_EXTERNAL is true."""
    from lockgate.settings import read_settings
    from xds.envoy import EnvoyPaths, EnvoyProcess, find_envoy

    settings = read_settings(**flags)
    paths, workers = EnvoyPaths.of(settings), settings.envoy_concurrency
    EnvoyProcess(find_envoy(settings), paths, settings.node_name, workers).become()


def _command(part: str, about: str, columns: tuple[str, ...], rows: Callable[[Any], Any]) -> None:
    @envoy.command(part, help=about)
    @agent_option
    @output_option
    def command(client: AgentClient, output: str) -> None:
        answer = client.get(f"/v1/envoy/{part}")
        if output == "table":
            show_table(list(rows(answer)), columns)
        else:
            show(answer, output)


def listener_rows(answer: Any) -> Iterator[Row]:
    """Yield a row for every listener of ``/listeners?format=json``."""
    for listener in answer.get("listener_statuses", ()):
        yield {"name": listener.get("name"), "address": _address(listener.get("local_address"))}


def cluster_rows(answer: Any) -> Iterator[Row]:
    """Yield a row for every host of ``/clusters?format=json``; an empty cluster has one too."""
    for cluster in answer.get("cluster_statuses", ()):
        for host in cluster.get("host_statuses") or _NO_HOSTS:
            yield {
                "cluster": cluster.get("name"),
                "host": _address(host.get("address")),
                "health": (host.get("health_status") or {}).get("eds_health_status", "-"),
            }


def route_rows(answer: Any) -> Iterator[Row]:
    """Yield a row for every route in a configuration dump."""
    for dump in answer.get("configs", ()):
        for held in (*dump.get("static_route_configs", ()), *dump.get("dynamic_route_configs", ())):
            table = held.get("route_config", {})
            for host in table.get("virtual_hosts", ()):
                for route in host.get("routes", ()):
                    yield {
                        "table": table.get("name"),
                        "hosts": host.get("domains"),
                        "match": _match(route.get("match", {})),
                        "to": _target(route),
                    }


def config_rows(answer: Any) -> Iterator[Row]:
    """Yield a row for every part of a configuration dump, with the number of its resources."""
    for dump in answer.get("configs", ()):
        resources = sum(len(held) for held in dump.values() if isinstance(held, list))
        yield {"part": str(dump.get("@type", "")).rsplit(".", 1)[-1], "resources": resources}


def _address(address: Any) -> str:
    match address:
        case {"socket_address": {"address": host, "port_value": port}}:
            return f"{host}:{port}"
        case {"pipe": {"path": path}}:
            return str(path)
        case _:
            return "-"


def _match(match: Row) -> str:
    for kind in ("path", "prefix", "path_separated_prefix"):
        if kind in match:
            return f"{kind} {match[kind]}"
    regex = match.get("safe_regex", {}).get("regex")
    return f"regex {regex}" if regex else "any"


def _target(route: Row) -> str:
    match route:
        case {"route": {"cluster": cluster}}:
            return str(cluster)
        case {"direct_response": {"status": code}}:
            return f"answers {code}"
        case {"redirect": _}:
            return "redirect"
        case _:
            return "-"


@envoy.command()
@agent_option
@output_option
def diff(client: AgentClient, output: str) -> None:
    """What was published against what Envoy holds, field by field. Exit code 1: they differ."""
    rows = client.get("/v1/envoy/diff")
    if rows or output != "table":
        show(rows, output, ("type", "name", "field", "published", "held"))
    else:
        click.echo("Envoy holds what was published.")
    if rows:
        raise click.exceptions.Exit(1)


_command("listeners", "Listeners and their addresses.", ("name", "address"), listener_rows)
_command("routes", "Routes.", ("table", "hosts", "match", "to"), route_rows)
_command("clusters", "Clusters and hosts.", ("cluster", "host", "health"), cluster_rows)
_command(
    "refused",
    "Resources that are not in force, and why: their last good version is.",
    ("type", "name", "by", "objects", "detail"),
    iter,
)
_command("config", "The whole configuration.", ("part", "resources"), config_rows)
