"""``lockgate operator run``: what one process decides for the whole cluster."""

from __future__ import annotations

import sys
from typing import Any

import click


@click.group()
def operator() -> None:
    """The operator of a cluster, which forwarding never needs."""


@operator.command("run")
@click.option("--kubeconfig", help="How to reach the API server [default: as the pod's account].")
@click.option("--namespace", help="Where the Lease is kept [default: kube-system].")
@click.option(
    "--leader-elect/--no-leader-elect",
    default=None,
    help="Work only while no other operator does [default: leader-elect].",
)
@click.option(
    "--port",
    "operator_port",
    type=click.IntRange(0, 65535),
    help="Of metrics and health [default: 9963].",
)
@click.option(
    "--pod-cidr-pool",
    "pod_cidr_pools",
    multiple=True,
    metavar="PREFIX:LENGTH",
    help="Split among the nodes, such as 10.244.0.0/16:24; may be given several times.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="[default: info]",
)
def run_operator(pod_cidr_pools: tuple[str, ...], **flags: Any) -> None:
    """Run the operator until SIGTERM; more is set by LOCKGATE_* in the environment."""
    from controllers.run import run
    from lockgate.settings import read_operator_settings

    settings = read_operator_settings(pod_cidr_pools=pod_cidr_pools or None, **flags)
    sys.exit(run(settings))
