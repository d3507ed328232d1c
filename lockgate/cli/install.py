"""``lockgate install|upgrade|uninstall``: Lockgate in a cluster, by Helm and the API server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import yaml

from lockgate.cli.cluster_status import report_of, show_cluster, until_well
from lockgate.cli.helm import RELEASE, Helm, chart, find_helm, value_words
from lockgate.errors import LockgateError
from lockgate.sources.kube.access import APPLY, ApiFault, ApiServer

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_CLUSTER = (
    click.option("--namespace", "-n", default="kube-system", show_default=True),
    click.option("--kubeconfig", default="", help="How to reach the API server."),
    click.option("--context", default="", help="Of the kubeconfig."),
    click.option("--helm", "helm_binary", type=click.Path(path_type=Path),
                 help="Helm's binary [default: the one on PATH]."),
)  # fmt: skip
_VALUES = (
    click.option("--set", "settings", multiple=True, help="A value of the chart, as KEY=VALUE."),
    click.option("--values", "-f", multiple=True, type=_FILE, help="A file of values."),
    click.option("--dry-run", is_flag=True, help="Show the objects, and do nothing."),
    click.option("--wait/--no-wait", default=True, show_default=True,
                 help="Wait until every part is well."),
    click.option("--timeout", default=300.0, show_default=True, help="Seconds to wait."),
)  # fmt: skip
Command = Callable[..., None]


def _with(options: tuple[Callable[[Command], Command], ...]) -> Callable[[Command], Command]:
    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


@dataclass(frozen=True)
class _Target:
    namespace: str
    kubeconfig: str
    context: str
    helm_binary: Path | None

    @property
    def helm(self) -> Helm:
        binary = find_helm(self.helm_binary)
        return Helm(binary, self.namespace, self.kubeconfig, self.context)

    def server(self) -> ApiServer:
        if self.context:
            raise LockgateError("--wait works with the kubeconfig's own context; give --no-wait")
        return ApiServer(self.kubeconfig)


def _split(flags: dict[str, Any]) -> _Target:
    return _Target(**{name: flags[name] for name in _Target.__dataclass_fields__})


@click.command()
@_with(_CLUSTER)
@_with(_VALUES)
def install(**flags: Any) -> None:
    """Install Lockgate into a cluster."""
    _deploy("install", flags)


@click.command()
@_with(_CLUSTER)
@_with(_VALUES)
def upgrade(**flags: Any) -> None:
    """Bring an installed Lockgate to this version, with the values it has and those given."""
    _deploy("upgrade", flags)


def _deploy(verb: str, flags: dict[str, Any]) -> None:
    target = _split(flags)
    words = [RELEASE, str(chart()), *value_words(flags["settings"], flags["values"])]
    if verb == "upgrade":
        words.append("--reset-then-reuse-values")
    if flags["dry_run"]:
        click.echo(target.helm.run(verb, *words, "--dry-run=server"))
        return
    if verb == "upgrade":
        # Helm installs definitions once and never again.
        asyncio.run(_apply_definitions(target.server()))
    target.helm.run(verb, *words)
    click.echo(f"{verb}: {RELEASE} is in namespace {target.namespace}", err=True)
    if flags["wait"]:
        server = target.server()
        report = asyncio.run(until_well(server, target.namespace, flags["timeout"], _say))
        show_cluster(report)
        sys.exit(0 if report["healthy"] else 1)


@click.command()
@_with(_CLUSTER)
@click.option(
    "--crds", is_flag=True, help="Remove the kinds too, and with them every policy there is."
)
def uninstall(crds: bool, **flags: Any) -> None:
    """Remove Lockgate from a cluster; kinds and their objects stay unless --crds is given.

    What agents programmed into the nodes' kernels stays until `lockgate agent cleanup` or a
    restart of the node.
    """
    target = _split(flags)
    target.helm.run("uninstall", RELEASE, "--wait")
    if crds:
        asyncio.run(_delete_definitions(target.server()))
    click.echo(f"uninstall: {RELEASE} is gone", err=True)


def _definitions() -> list[dict[str, Any]]:
    return [yaml.safe_load(path.read_text()) for path in sorted((chart() / "crds").glob("*.yaml"))]


async def _apply_definitions(server: ApiServer) -> None:
    await _each(server, lambda name, row: server.patch(
        f"{_CRDS}/{name}", row, APPLY, fieldManager="lockgate-operator", force="true"))  # fmt: skip


async def _delete_definitions(server: ApiServer) -> None:
    await _each(server, lambda name, _row: server.delete(f"{_CRDS}/{name}"))


async def _each(server: ApiServer, work: Callable[[str, dict[str, Any]], Any]) -> None:
    await server.connect()
    try:
        for definition in _definitions():
            try:
                await work(definition["metadata"]["name"], definition)
            except ApiFault as fault:
                if fault.status != 404:
                    name = definition["metadata"]["name"]
                    raise LockgateError(f"definition {name}: {fault}") from fault
    finally:
        await server.close()


def _say(line: str) -> None:
    click.echo(line, err=True)


async def cluster_report(kubeconfig: str, namespace: str) -> dict[str, Any]:
    """Return the health of what is installed.

    Raises: LockgateError: the API server does not say.
    """
    server = ApiServer(kubeconfig)
    await server.connect()
    try:
        return await report_of(server, namespace)
    except ApiFault as fault:
        raise LockgateError(f"the API server: {fault}") from fault
    finally:
        await server.close()
