"""``lockgate status``: the health of every part, and what is wrong in what was declared."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import click

from lockgate.cli.client import AgentClient, AgentUnreachable
from lockgate.cli.cluster_status import show_cluster
from lockgate.cli.install import cluster_report
from lockgate.cli.options import agent_option
from lockgate.cli.output import output_option, show, show_table

_POLL_S = 0.2
PROBLEM_COLUMNS = ("object", "field", "reason", "message", "fix", "origin")


@click.command()
@click.option("--wait", is_flag=True, help="Wait until all is well.")
@click.option(
    "--timeout", "timeout_s", type=float, default=60.0, show_default=True,
    help="Seconds to wait with --wait.",
)  # fmt: skip
@click.option("--cluster", is_flag=True, help="Of what is installed in a cluster.")
@click.option("--kubeconfig", default="", help="With --cluster: how to reach the API server.")
@click.option(
    "--namespace",
    "-n",
    default="kube-system",
    show_default=True,
    help="With --cluster: where it is installed.",
)
@agent_option
@output_option
def status(  # options of a command
    *,
    wait: bool,
    timeout_s: float,
    cluster: bool,
    kubeconfig: str,
    namespace: str,
    client: AgentClient,
    output: str,
) -> None:
    """Show the health of every part, one line each. Exit code 1 when something is not well.

    Objects that were refused are listed below; they do not make the node unhealthy.
    """
    if cluster:
        whole = asyncio.run(cluster_report(kubeconfig, namespace))
        show_cluster(whole) if output == "table" else show(whole, output)
        sys.exit(0 if whole["healthy"] else 1)
    report = wait_until_healthy(client, timeout_s) if wait else client.get("/v1/status")
    if output == "table":
        _show_report(report)
    else:
        show(report, output)
    sys.exit(0 if report["healthy"] else 1)


def wait_until_healthy(client: AgentClient, timeout_s: float) -> dict[str, Any]:
    """Return the first healthy report, or the last one when time is up.

    Raises: AgentUnreachable: no agent answered in the whole time.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        late = time.monotonic() >= deadline
        try:
            report: dict[str, Any] = client.get("/v1/status")
        except AgentUnreachable:
            if late:
                raise
        else:
            if report["healthy"] or late:
                return report
        time.sleep(_POLL_S)


def _show_report(report: dict[str, Any]) -> None:
    parts = [{**part, "state": "ok" if part["ok"] else "NOT OK"} for part in report["parts"]]
    show_table(parts, ("name", "state", "detail"))
    for name, address in report.get("addresses", {}).items():
        click.echo(f"{name}: {address}")
    if report["problems"]:
        click.echo(f"\n{len(report['problems'])} problems in what was declared:")
        for problem in report["problems"]:
            click.echo(f"- {problem_text(problem)}")


def problem_text(problem: dict[str, Any]) -> str:
    """Return a problem as one line: object, place, field, message and fix."""
    where = f" ({problem['origin']})" if problem.get("origin") else ""
    field = f" {problem['field']}:" if problem.get("field") else ""
    fix = f"; {problem['fix']}" if problem.get("fix") else ""
    return f"{problem['object']}{where}:{field} {problem['message']}{fix}"
