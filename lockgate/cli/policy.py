"""``lockgate policy``: list, look at, check and try out policies."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from lockgate.cli.client import AgentClient
from lockgate.cli.options import agent_option
from lockgate.cli.output import output_option, show
from lockgate.cli.trace import engine_over_rows, trace
from lockgate.model.meta import Problem
from lockgate.model.policy import Policy
from lockgate.model.workload import Pod
from lockgate.policy.useless import useless_rules
from lockgate.settings import read_settings
from lockgate.sources.manifests import ManifestSource, read_file, validate_files
from lockgate.sources.parse import Declaration


@click.group()
def policy() -> None:
    """Network policies."""


policy.add_command(trace)


@policy.command("list")
@agent_option
@output_option
def list_policies(client: AgentClient, output: str) -> None:
    """List the policies in force and the pods each selects."""
    rows = client.get("/v1/policies")
    show(rows, output, ("policy", "kind", "subject", "endpoints", "problems"))


@policy.command("get")
@click.argument("name", metavar="[NAMESPACE/]NAME")
@agent_option
@output_option
def get_policy(name: str, client: AgentClient, output: str) -> None:
    """Show one policy; of several kinds with this name, all."""
    found = [row for row in client.get("/v1/policies") if row["policy"] == name]
    if not found:
        raise click.ClickException(f"no policy {name} is in force on this node")
    show(found, output, ("policy", "kind", "subject", "endpoints", "problems"))


@policy.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@output_option
def validate(files: Sequence[Path], output: str) -> None:
    """Check manifests without an agent. Exit code 1 when any object would be refused.

    A folder stands for the YAML files in it, and is checked as a whole: what one object says of
    another, such as an Ingress of its Secret, must hold there. Where there are pods, warnings
    name the rules that do nothing among them: a selector that selects none, an allow that a deny
    covers, a port that no pod declares.
    """
    problems, useless = manifest_problems(files), useless_in(files)
    if output == "table":
        for problem in problems:
            click.echo(str(problem))
        for problem in useless:
            click.echo(f"warning: {problem}")
        click.echo(f"{len(problems)} problems" if problems else "valid")
    else:
        rows = [problem_row(problem) | {"severity": "error"} for problem in problems]
        rows += [problem_row(problem) | {"severity": "warning"} for problem in useless]
        show(rows, output)
    sys.exit(1 if problems else 0)


def useless_in(paths: Sequence[Path]) -> list[Problem]:
    """Return what policies do nothing among the pods of the same paths; none without pods."""
    rows: list[Declaration] = []
    for path in paths:
        if path.is_dir():
            rows += ManifestSource(path, compat_cilium=read_settings().compat_cilium).read().put
        else:
            rows += [row for found in read_file(path, path.name) for row in found.rows]
    pods = {row.ref.path: row for row in rows if isinstance(row, Pod)}
    policies = [row for row in rows if isinstance(row, Policy)]
    return useless_rules(engine_over_rows(rows), policies, pods) if pods else []


def manifest_problems(paths: Sequence[Path]) -> list[Problem]:
    """Return what is wrong in each object and, where a folder is named, between objects."""
    from agent.desired import Desired
    from agent.saved_state import SavedState

    settings = read_settings()
    problems = validate_files(paths, compat_cilium=settings.compat_cilium)
    for folder in (path for path in paths if path.is_dir()):
        source = ManifestSource(folder, compat_cilium=settings.compat_cilium)
        desired = Desired(settings, SavedState(Path()))
        desired.declared.put(source.read().put)
        desired.tick()
        problems += desired.problems()
    return problems


def problem_row(problem: Problem) -> dict[str, Any]:
    """Return a problem as plain values, in the words of the agent's status."""
    row = asdict(problem)
    del row["ref"]
    return {"object": str(problem.ref), **row}
