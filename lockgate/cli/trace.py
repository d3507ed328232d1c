"""``lockgate policy trace``: would this connection or request pass, and which rules say so."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import click

from lockgate.cli.client import AgentClient
from lockgate.cli.options import agent_option
from lockgate.cli.output import output_option, show
from lockgate.model.policy import CidrGroup, Policy
from lockgate.model.service import EndpointSlice, Service
from lockgate.model.workload import Namespace, Node, Pod
from lockgate.policy.engine import PolicyEngine, Surroundings, answer, engine_over
from lockgate.policy.requests import (
    API_KEYS,
    DnsQuery,
    HttpRequest,
    KafkaRequest,
    Request,
    TlsHello,
)
from lockgate.policy.trace import NUMBERS, Question, matrix
from lockgate.settings import read_settings
from lockgate.sources.manifests import ManifestSource
from lockgate.sources.parse import IGNORED, Declaration

Port = tuple[int, str]
# A message of ICMP has a type, and one of them is 0.
_FIRST = {"TCP": 1, "UDP": 1, "SCTP": 1, "ICMP": 0, "ICMPV6": 0}


class Judge(Protocol):
    """Who is asked: a running agent, or an engine over a folder."""

    def trace(self, source: str, destination: str, question: Question) -> dict[str, Any]:
        """Return a trace as plain values."""

    def matrix(self, ports: Sequence[Port]) -> dict[str, Any]:
        """Return the outcome between every ordered pair of pods."""


class AgentJudge:
    """Asks the agent, who knows the pods that run."""

    def __init__(self, client: AgentClient) -> None:
        self._client = client

    def trace(self, source: str, destination: str, question: Question) -> dict[str, Any]:
        """Return a trace as plain values."""
        body = {
            "source": source,
            "destination": destination,
            "port": question.port,
            "protocol": question.protocol,
            "request": asdict(question.request) if question.request else None,
        }
        found: dict[str, Any] = self._client.post("/v1/policy/trace", body)
        return found

    def matrix(self, ports: Sequence[Port]) -> dict[str, Any]:
        """Return the outcome between every ordered pair of pods."""
        found: dict[str, Any] = self._client.post("/v1/policy/matrix", list(ports))
        return found


class FolderJudge:
    """Reads a folder; nothing needs to run."""

    def __init__(self, folder: Path) -> None:
        self._engine, self._pods = _engine_over_folder(folder)

    def trace(self, source: str, destination: str, question: Question) -> dict[str, Any]:
        """Return a trace as plain values."""
        try:
            return asdict(answer(self._engine, source, destination, question))
        except LookupError as error:
            raise click.ClickException(str(error)) from error

    def matrix(self, ports: Sequence[Port]) -> dict[str, Any]:
        """Return the outcome between every ordered pair of pods."""
        parties = [self._engine.party(name) for name in self._pods]
        return matrix([party for party in parties if party is not None], ports)


class PortType(click.ParamType[Port]):
    """A port and protocol such as ``80/TCP``; TCP when left out."""

    name = "PORT/PROTOCOL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Port:
        """Return (port, protocol)."""
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"(\d{1,5})(?:/([A-Za-z]+))?", value)
        protocol = (found[2] or "TCP").upper() if found else ""
        if (
            found is None
            or protocol not in NUMBERS
            or not _FIRST[protocol] <= int(found[1]) < 1 << 16
        ):
            self.fail(f"{value!r} is no port; write it like 80/TCP", param, ctx)
        return int(found[1]), protocol


class RequestType(click.ParamType[HttpRequest]):
    """A request such as ``GET /books`` or ``GET shop.local/books``."""

    name = "'METHOD [HOST]/PATH'"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> HttpRequest:
        """Return the request, without headers."""
        if isinstance(value, HttpRequest):
            return value
        found = re.fullmatch(r"([A-Za-z]+) +([^/ ]*)(/\S*)", value.strip())
        if found is None:
            self.fail(f"{value!r} is no request; write it like 'GET /books'", param, ctx)
        return HttpRequest(found[1].upper(), found[3], found[2])


class KafkaType(click.ParamType[KafkaRequest]):
    """A Kafka request such as ``produce orders``."""

    name = "'APIKEY [TOPIC]'"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> KafkaRequest:
        """Return the request, of version 0 and without a client id."""
        if isinstance(value, KafkaRequest):
            return value
        words = str(value).split()
        if len(words) not in (1, 2) or words[0].lower() not in API_KEYS:  # a key, and a topic
            self.fail(f"{value!r} is no request; write it like 'produce orders'", param, ctx)
        return KafkaRequest(API_KEYS[words[0].lower()], words[1] if words[1:] else "")


@click.command()
@click.option("--manifests", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Ask this folder instead of the agent; its pods need not run.")  # fmt: skip
@click.option("--from", "source", help="NAMESPACE/POD, world, host, ingress, address or labels.")
@click.option("--to", "destination", help="The same.")
@click.option("--port", "ports", type=PortType(), required=True, multiple=True,
              help="Such as 80/TCP; several with --matrix.")  # fmt: skip
@click.option("--http", "request_", type=RequestType(), help="Judge this request too.")
@click.option("--kafka", type=KafkaType(), help="Judge this Kafka request.")
@click.option("--dns", help="Judge a DNS query for this name.")
@click.option("--tls", help="Judge a TLS handshake for this server name.")
@click.option("--header", "headers", multiple=True, help="'NAME: VALUE' of the request.")
@click.option("--matrix", "whole", is_flag=True, help="Every ordered pair of pods.")
@agent_option
@output_option
def trace(  # noqa: PLR0913  # one argument an option
    *,
    manifests: Path | None,
    source: str | None,
    destination: str | None,
    ports: Sequence[Port],
    request_: HttpRequest | None,
    kafka: KafkaRequest | None,
    dns: str | None,
    tls: str | None,
    headers: Sequence[str],
    whole: bool,
    client: AgentClient,
    output: str,
) -> None:
    """Say whether a connection would pass, by which rules. Exit code 1: it would not.

    `l7` means that the connection passes and Envoy judges each request on it.
    """
    judge: Judge = FolderJudge(manifests) if manifests else AgentJudge(client)
    if whole:
        _show_matrix(judge.matrix(ports), output)
        return
    if source is None or destination is None or len(ports) != 1:
        raise click.UsageError("say --from, --to and one --port, or --matrix")
    said = [_request(request_, headers), kafka, dns and DnsQuery(dns), tls and TlsHello(tls)]
    asked: list[Request] = [request for request in said if request]
    if len(asked) > 1:
        raise click.UsageError("say one of --http, --kafka, --dns and --tls")
    question = Question(*ports[0], asked[0] if asked else None)
    found = judge.trace(source, destination, question)
    if output == "table":
        _tell(found)
    else:
        show(found, output)
    sys.exit(1 if found["outcome"] == "deny" else 0)


def _request(request: HttpRequest | None, headers: Sequence[str]) -> HttpRequest | None:
    if request is None:
        if headers:
            raise click.UsageError("--header is part of a request; say --http too")
        return None
    pairs = [text.partition(":") for text in headers]
    read = tuple(sorted((name.strip().lower(), value.strip()) for name, _, value in pairs))
    return HttpRequest(request.method, request.path, request.host, read)


def _tell(found: Mapping[str, Any]) -> None:
    click.echo(f"{found['outcome']}: {found['source']} -> {found['destination']} {found['port']}")
    for side in found["sides"]:
        click.echo(f"  {side['direction']}: {side['outcome']}, {side['reason']}")
        for note in side["matched"]:
            click.echo(f"    {note['action']}s: {note['policy']} {note['field']}")
        for note in side["nearly"]:
            click.echo(f"    passed over: {note['policy']} {note['field']}: {note['missing']}")


def _show_matrix(found: Mapping[str, Mapping[str, Mapping[str, str]]], output: str) -> None:
    if output != "table":
        show(found, output)
        return
    rows = [
        {"from": source, "to": destination, **outcomes}
        for source, row in found.items()
        for destination, outcomes in row.items()
    ]
    columns = tuple(rows[0]) if rows else ("from", "to")
    show(rows, output, columns)


def _engine_over_folder(folder: Path) -> tuple[PolicyEngine, list[str]]:
    settings = read_settings()
    delta = ManifestSource(folder, compat_cilium=settings.compat_cilium).read()
    for problems in delta.problems.values():
        for problem in problems:
            if problem.reason != IGNORED:
                click.echo(f"left out: {problem}", err=True)
    pods = [row for row in delta.put if isinstance(row, Pod)]
    return engine_over_rows(delta.put), sorted(pod.ref.path for pod in pods)


def engine_over_rows(rows: Iterable[Declaration]) -> PolicyEngine:
    """Return an engine over declared objects, with every pod as if it were here."""
    rows = list(rows)
    return engine_over(
        [row for row in rows if isinstance(row, Namespace)],
        [row for row in rows if isinstance(row, Pod)],
        [row for row in rows if isinstance(row, Policy)],
        _surroundings(rows),
        read_settings().policy_enforcement,
    )


def _surroundings(rows: Iterable[Declaration]) -> Surroundings:
    around = Surroundings()
    slices: dict[tuple[str, str], tuple[EndpointSlice, ...]] = {}
    for row in rows:
        match row:
            case CidrGroup():
                around.groups.put(row.name, row)
            case Node():
                around.nodes.put(row.name, row)
            case Service():
                around.services.put((row.namespace, row.name), row)
            case EndpointSlice():
                key = (row.namespace, row.service)
                slices[key] = (*slices.get(key, ()), row)
    around.slices.replace(slices)
    return around
