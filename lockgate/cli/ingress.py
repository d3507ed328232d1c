"""``lockgate ingress``: what Ingresses come to, and which of them serves a URL."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import click

from agent.desired import Desired
from agent.ingress_view import explanation_view, ingress_view, ingresses_view
from agent.saved_state import SavedState
from lockgate.cli.client import AgentClient, AgentRefused
from lockgate.cli.options import agent_option
from lockgate.cli.output import output_option, show, show_table
from lockgate.model.meta import Problem
from lockgate.settings import read_settings
from lockgate.sources.manifests import ManifestSource
from lockgate.sources.parse import IGNORED

_COLUMNS = ("ingress", "class", "hosts", "tls", "problems")
_NOT_FOUND = 404


class View(Protocol):
    """Who is asked: a running agent, or a folder."""

    def all(self) -> list[dict[str, Any]]:
        """Return every Ingress."""

    def one(self, namespace: str, name: str) -> dict[str, Any] | None:
        """Return one Ingress, or None."""

    def explain(self, url: str, headers: dict[str, str]) -> dict[str, Any]:
        """Return what becomes of a request."""


class AgentView:
    """Asks the agent."""

    def __init__(self, client: AgentClient) -> None:
        self._client = client

    def all(self) -> list[dict[str, Any]]:
        """Return every Ingress."""
        found: list[dict[str, Any]] = self._client.get("/v1/ingresses")
        return found

    def one(self, namespace: str, name: str) -> dict[str, Any] | None:
        """Return one Ingress, or None."""
        try:
            found: dict[str, Any] = self._client.get(
                f"/v1/ingresses/{quote(namespace)}/{quote(name)}"
            )
        except AgentRefused as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        return found

    def explain(self, url: str, headers: dict[str, str]) -> dict[str, Any]:
        """Return what becomes of a request."""
        body = {"url": url, "headers": headers}
        try:
            found: dict[str, Any] = self._client.post("/v1/ingress/explain", body)
        except AgentRefused as error:
            raise click.BadParameter(str(error)) from error
        return found


class FolderView:
    """Reads a folder; nothing needs to run. Pods of the folder do not, and so are no endpoints."""

    def __init__(self, folder: Path) -> None:
        settings = read_settings()
        self._desired = Desired(settings, SavedState(folder / "none"))
        delta = ManifestSource(folder, compat_cilium=settings.compat_cilium).read()
        self._desired.declared.put(delta.put)
        self._desired.tick()
        self._refused = [
            problem
            for problems in delta.problems.values()
            for problem in problems
            if problem.reason != IGNORED
        ]

    def _problems(self) -> list[Problem]:
        return sorted({*self._refused, *self._desired.ingress.problems()})

    def all(self) -> list[dict[str, Any]]:
        """Return every Ingress."""
        return ingresses_view(self._desired, self._problems())

    def one(self, namespace: str, name: str) -> dict[str, Any] | None:
        """Return one Ingress, or None."""
        return ingress_view(self._desired, (namespace, name), self._problems())

    def explain(self, url: str, headers: dict[str, str]) -> dict[str, Any]:
        """Return what becomes of a request."""
        try:
            return explanation_view(self._desired, url, headers)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error


_manifests_option = click.option(
    "--manifests",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Read a folder instead of asking the agent.",
)


def _view(client: AgentClient, manifests: Path | None) -> View:
    return AgentView(client) if manifests is None else FolderView(manifests)


@click.group()
def ingress() -> None:
    """Ingresses: what they come to, and which of them serves a URL."""


@ingress.command("list")
@_manifests_option
@agent_option
@output_option
def list_ingresses(client: AgentClient, output: str, manifests: Path | None) -> None:
    """List the Ingresses that are ours."""
    show(_view(client, manifests).all(), output, _COLUMNS)


@ingress.command("get")
@click.argument("name", metavar="NAMESPACE/NAME")
@_manifests_option
@agent_option
@output_option
def get_ingress(name: str, client: AgentClient, output: str, manifests: Path | None) -> None:
    """Show one Ingress: paths with their endpoints, options, problems."""
    namespace, _, bare = name.rpartition("/")
    found = _view(client, manifests).one(namespace or "default", bare)
    if found is None:
        raise click.ClickException(f"no Ingress {name} is ours; its class may be another's")
    if output != "table":
        show(found, output)
        return
    paths, options, problems = found.pop("paths"), found.pop("options"), found.pop("problems")
    rows = [{"field": key, "value": value} for key, value in (found | options).items()]
    show_table(rows, ("field", "value"))
    show_table(paths, ("host", "kind", "path", "backend", "endpoints"))
    for problem in problems:
        click.echo(f"{problem['field']}: {problem['message']}; {problem['fix']}")


@ingress.command("explain")
@click.argument("url")
@click.option("-H", "--header", "headers", multiple=True, help='"Name: value" of the request.')
@_manifests_option
@agent_option
@output_option
def explain_url(
    url: str, headers: Sequence[str], client: AgentClient, output: str, manifests: Path | None
) -> None:
    """Say which rule of which object serves URL, and why the others do not.

    Exits with 1 if none does.
    """
    found = _view(client, manifests).explain(url, dict(map(_header, headers)))
    if output == "table":
        _show_explanation(found)
    else:
        show(found, output)
    sys.exit(0 if found["object"] else 1)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (name.strip() and colon):
        raise click.BadParameter(f'{text!r} is no header; write "Name: value"')
    return name.strip(), value.strip()


def _show_explanation(found: dict[str, Any]) -> None:
    click.echo(f"{found['url']}: {found['outcome']}")
    if found["object"]:
        click.echo(f"  by {found['object']}, host {found['host']}")
    if found["endpoints"]:
        click.echo(f"  endpoints: {', '.join(found['endpoints'])}")
    elif found["outcome"].startswith("forwarded"):
        click.echo("  no endpoint is ready: it answers 503")
    if found["tls"]:
        click.echo(f"  TLS: {found['tls']}")
    if found["considered"]:
        click.echo()
        columns = ("object", "host", "kind", "path", "serves", "why")
        show_table(found["considered"], columns)
