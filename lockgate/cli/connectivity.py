"""``lockgate connectivity test``: try a cluster's network, with and without policies."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from connectivity.objects import IMAGE
from connectivity.report import Result, junit, rows
from connectivity.run import Flows, run
from connectivity.scenarios import Scenario, all_scenarios
from connectivity.world import World
from lockgate.cli.client import AgentClient, AgentUnreachable
from lockgate.cli.observe import flow_line
from lockgate.cli.options import agent_option
from lockgate.cli.output import output_option, show
from lockgate.errors import LockgateError
from lockgate.sources.kube.access import ApiFault, ApiServer

COLUMNS = ("scenario", "from", "request", "wanted", "found", "result", "seconds")
_FLOWS, _LOOKED_AT = 20, 2000


@click.group()
def connectivity() -> None:
    """Try the network of a cluster."""


@connectivity.command()
@click.option("--kubeconfig", default="", help="How to reach the API server.")
@click.option(
    "--namespace",
    default="lockgate-connectivity",
    show_default=True,
    help="Made for the test, and removed after it.",
)
@click.option("--scenario", "names", multiple=True, help="Only this one; may be given again.")
@click.option("--list", "listing", is_flag=True, help="Say what is tried, and do nothing.")
@click.option("--outside", default="", help="A URL of the world to try too.")
@click.option(
    "--ingress-port", default=8080, show_default=True, help="On which nodes serve Ingresses."
)
@click.option("--image", default=IMAGE, show_default=True, help="Of the pods.")
@click.option("--deploy-timeout", default=120.0, show_default=True, help="Seconds for the pods.")
@click.option(
    "--timeout",
    "limit_s",
    default=15.0,
    show_default=True,
    help="Seconds for an outcome to be as wanted.",
)
@click.option(
    "--junit",
    "junit_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the results there too.",
)
@click.option("--keep", is_flag=True, help="Leave the pods after the test.")
@agent_option
@output_option
def test(
    *,
    names: tuple[str, ...],
    listing: bool,
    outside: str,
    junit_file: Path | None,
    client: AgentClient,
    output: str,
    **options: Any,
) -> None:
    """Deploy pods, try scenarios, show what came out. Exit code 1 if one failed."""
    chosen = _chosen(all_scenarios(outside), names)
    if listing:
        listed = [{"scenario": one.name, "probes": len(one.probes)} for one in chosen]
        show(listed, output, ("scenario", "probes"))
        return
    plan = _Plan(**options)
    try:
        results = asyncio.run(plan.run(chosen, lambda pod: _flows(client, plan.namespace, pod)))
    except ApiFault as fault:
        raise LockgateError(f"the API server: {fault}") from fault
    if junit_file is not None:
        junit(results, junit_file)
    show(rows(results), output, COLUMNS)
    failed = [result for result in results if not result.ok]
    for result in failed:
        for line in result.flows:
            _say(f"{result.scenario}: {line}")
    _say(f"{len(results) - len(failed)} of {len(results)} as wanted")
    sys.exit(1 if failed else 0)


@dataclass(frozen=True)
class _Plan:
    kubeconfig: str
    namespace: str
    ingress_port: int
    image: str
    deploy_timeout: float
    limit_s: float
    keep: bool

    async def run(self, scenarios: Sequence[Scenario], flows: Flows) -> list[Result]:
        server = ApiServer(self.kubeconfig)
        await server.connect()
        world = World(server, self.namespace, self.ingress_port)
        try:
            await world.deploy(self.image, self.deploy_timeout, _say)
            return await run(world, scenarios, self.limit_s, _tell, flows)
        finally:
            if not self.keep:
                await world.remove()
            await server.close()


def _say(line: str) -> None:
    click.echo(line, err=True)


def _tell(result: Result) -> None:
    probe, mark = result.probe, "ok    " if result.ok else "FAILED"
    _say(f"{mark} {result.scenario}: {probe.source} {probe.method} {probe.url} {result.found}")


def _chosen(scenarios: Sequence[Scenario], names: Sequence[str]) -> list[Scenario]:
    known = {one.name: one for one in scenarios}
    unknown = sorted(set(names) - known.keys())
    if unknown:
        msg = f"there is no scenario {', '.join(unknown)}; --list names them"
        raise click.UsageError(msg)
    return [known[name] for name in names] if names else list(scenarios)


def _flows(client: AgentClient, namespace: str, pod: str) -> tuple[str, ...]:
    """Return what the agent of this host saw of a pod, if there is one here."""
    name = f"{namespace}/{pod}"
    try:
        seen = list(client.lines(f"/v1/flows?last={_LOOKED_AT}"))
    except AgentUnreachable:
        return ()
    lines = [flow_line(flow) for flow in seen if name in (flow["source"], flow["destination"])]
    return tuple(Text.from_markup(line).plain for line in lines[-_FLOWS:])
