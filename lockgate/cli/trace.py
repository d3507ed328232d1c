"""``lockgate policy trace``: would the kernel let this connection pass, and which entry says so."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any

import click

from lockgate.cli.client import AgentClient
from lockgate.cli.options import agent_option
from lockgate.cli.output import output_option, show
from lockgate.ir import node
from lockgate.ir.node import EndpointPolicy, PolicyEntry
from lockgate.model.policy import Direction
from lockgate.policy.resolve import lookup, verdict

_PROTOCOLS = {"TCP": node.PROTOCOL_TCP, "UDP": node.PROTOCOL_UDP, "SCTP": node.PROTOCOL_SCTP}
_RESERVED = {
    "host": node.IDENTITY_HOST,
    "world": node.IDENTITY_WORLD,
    "ingress": node.IDENTITY_INGRESS,
}
_RANK = ("allow", "redirect", "deny")
COLUMNS = ("from", "to", "port", "verdict", "egress", "ingress", "rule_sets")


@dataclass(frozen=True)
class End:
    """One end of a connection; ``policy`` is None where this node enforces nothing."""

    name: str
    identity: int
    policy: EndpointPolicy | None = None


class PortType(click.ParamType[tuple[int, str]]):
    """A port and protocol such as ``80/TCP``; TCP when left out."""

    name = "PORT/PROTOCOL"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, str]:
        """Return (port, protocol)."""
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"(\d{1,5})(?:/([A-Za-z]+))?", value)
        protocol = (found[2] or "TCP").upper() if found else ""
        if found is None or protocol not in _PROTOCOLS or not 0 < int(found[1]) < 1 << 16:
            self.fail(f"{value!r} is no port; write it like 80/TCP", param, ctx)
        return int(found[1]), protocol


@click.command()
@click.option("--from", "source", help="NAMESPACE/POD, or `world`, `host`, `ingress`.")
@click.option("--to", "destination", help="The same.")
@click.option("--port", "target", type=PortType(), required=True, help="Such as 80/TCP.")
@click.option("--matrix", is_flag=True, help="Every pod of this node, to every other.")
@agent_option
@output_option
def trace(
    source: str | None,
    destination: str | None,
    target: tuple[int, str],
    matrix: bool,
    client: AgentClient,
    output: str,
) -> None:
    """Say whether a connection would pass, by the policy in force. Exit code 1: denied.

    `redirect` means that the connection passes and Envoy judges each request on it.
    """
    if matrix:
        ends = [_pod(client, row["endpoint"]) for row in client.get("/v1/endpoints")]
        rows = [judge(one, two, target) for one in ends for two in ends if one != two]
        show(rows, output, COLUMNS)
        return
    if source is None or destination is None:
        raise click.UsageError("say --from and --to, or --matrix")
    row = judge(_end(client, source), _end(client, destination), target)
    show([row] if output == "table" else row, output, COLUMNS)
    sys.exit(1 if row["verdict"] == "deny" else 0)


def judge(source: End, destination: End, target: tuple[int, str]) -> dict[str, Any]:
    """Return what both ends say of a connection, and the stricter of the two."""
    sides: list[tuple[Direction, End, End]] = [
        ("egress", source, destination),
        ("ingress", destination, source),
    ]
    port, protocol = target
    said: dict[str, str] = {}
    rule_sets: list[str] = []
    for direction, here, there in sides:
        said[direction], rule_set = _side(direction, here, there, port, _PROTOCOLS[protocol])
        rule_sets += [rule_set] if rule_set else []
    return {
        "from": source.name,
        "to": destination.name,
        "port": f"{port}/{protocol}",
        "verdict": max(said.values(), key=_RANK.index),
        **said,
        "rule_sets": rule_sets,
    }


def _side(direction: Direction, here: End, there: End, port: int, protocol: int) -> tuple[str, str]:
    if here.policy is None:
        return "allow", ""
    entry = lookup(here.policy, direction, there.identity, protocol, port)
    said = verdict(here.policy, direction, there.identity, protocol, port)
    return said, entry.rule_set if entry else ""


def _end(client: AgentClient, name: str) -> End:
    if name in _RESERVED:
        return End(name, _RESERVED[name])
    if "/" not in name:
        raise click.UsageError(f"{name!r} is neither NAMESPACE/POD nor one of {list(_RESERVED)}")
    return _pod(client, name)


def _pod(client: AgentClient, name: str) -> End:
    row = client.get(f"/v1/endpoints/{name}")
    entries = tuple(PolicyEntry(**entry) for entry in row.get("policy", ()))
    policy = EndpointPolicy(
        name, row["identity"], row["ingress_enforced"], row["egress_enforced"], entries
    )
    return End(name, row["identity"], policy)
