"""``lockgate observe``: connections the kernel judged, and HTTP requests Envoy saw."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from lockgate.cli.client import AgentClient
from lockgate.cli.options import agent_option

Flow = dict[str, Any]

_ALL = 4095
"""As many as the agent keeps: with filters the last N are counted after filtering."""


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C.")
@click.option("--last", type=click.IntRange(min=0), default=20, show_default=True)
@click.option("--verdict", multiple=True, help="Only these verdicts, such as `dropped`.")
@click.option("--pod", multiple=True, help="Only to or from these, as NAMESPACE/POD.")
@click.option("-n", "--namespace", multiple=True, help="Only to or from these namespaces.")
@click.option("--port", type=int, multiple=True, help="Only to these ports.")
@click.option("-t", "--type", "kind", type=click.Choice(["l3_l4", "http"]), help="Only this kind.")
@click.option(
    "-o", "--output", type=click.Choice(["line", "json"]), default="line", show_default=True
)
@agent_option
def observe(client: AgentClient, follow: bool, last: int, output: str, **filters: Any) -> None:
    """Show flows: who spoke to whom, what was decided, and why."""
    console = Console(highlight=False, soft_wrap=True)
    for flow in _flows(client, follow, last, filters):
        if output == "json":
            click.echo(json.dumps(flow, sort_keys=True))
        else:
            console.print(flow_line(flow))


def _flows(client: AgentClient, follow: bool, last: int, filters: dict[str, Any]) -> Iterable[Flow]:
    filtered = any(filters.values())
    asked = _ALL if filtered and last else last
    if follow:
        if filtered:
            # The past is read first, to count it after the filters; then only what is new.
            yield from _chosen(client.lines(f"/v1/flows?last={asked}"), filters)[-last or _ALL :]
            asked = 0
        yield from _matching(client.lines(f"/v1/flows?follow=true&last={asked}"), filters)
        return
    if last:
        yield from _chosen(client.lines(f"/v1/flows?last={asked}"), filters)[-last:]


def _chosen(flows: Iterable[Flow], filters: dict[str, Any]) -> list[Flow]:
    return list(_matching(flows, filters))


def _matching(flows: Iterable[Flow], filters: dict[str, Any]) -> Iterator[Flow]:
    return (flow for flow in flows if matches(flow, **filters))


def matches(
    flow: Flow,
    *,
    verdict: tuple[str, ...] = (),
    pod: tuple[str, ...] = (),
    namespace: tuple[str, ...] = (),
    port: tuple[int, ...] = (),
    kind: str | None = None,
) -> bool:
    """Say whether a flow meets every filter; an empty filter is met by all."""
    ends = (flow["source"], flow["destination"])
    namespaces = {end.partition("/")[0] for end in ends if "/" in end}
    return (
        (not verdict or flow["verdict"].lower() in {one.lower() for one in verdict})
        and (not pod or any(end in pod for end in ends))
        and (not namespace or bool(namespaces & set(namespace)))
        and (not port or flow["destination_port"] in port)
        and (kind is None or flow["type"] == kind)
    )


def flow_line(flow: Flow) -> str:
    """Return a flow as one line of rich markup."""
    time = datetime.fromtimestamp(flow["time"]).astimezone()
    verdict = flow["verdict"]
    colour = "green" if verdict.lower() in ("forwarded", "redirected", "allowed") else "red"
    source = f"{flow['source']}:{flow['source_port']} ({flow['source_identity']})"
    destination = (
        f"{flow['destination']}:{flow['destination_port']} ({flow['destination_identity']})"
    )
    what = _http_text(flow["http"]) if flow.get("http") else flow["protocol"]
    reason = f" {flow['reason']}" if flow.get("reason") else ""
    text = escape(f"{source} -> {destination} {flow['direction']} {what} ")
    return (
        f"{time:%H:%M:%S}.{time.microsecond // 1000:03d} {text}"
        f"[{colour}]{escape(verdict.upper())}[/]{escape(reason)}"
    )


def _http_text(request: dict[str, Any]) -> str:
    return f"{request['method']} {request['host']}{request['path']} {request['status']}"
