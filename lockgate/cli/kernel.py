"""``lockgate bpf``: straight from the kernel's maps, without the agent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from lockgate.cli.output import output_option, show, show_table

_PARTS = {
    "policy": "Which identity may reach which endpoint on which port.",
    "ipcache": "Which address has which identity.",
    "lb": "Service frontends and their backends.",
    "ct": "Connections the kernel follows.",
    "nat": "Addresses that packets get instead of their own.",
    "metrics": "Packets and bytes by verdict, reason and direction.",
}

pins_option = click.option(
    "--bpf-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("/sys/fs/bpf/lockgate"),
    envvar="LOCKGATE_BPF_DIR",
    show_default=True,
    help="Where the maps are pinned.",
)


@click.group()
def bpf() -> None:
    """What the kernel's maps hold; needs root, and no agent."""


def _add_part(name: str, about: str) -> None:
    @bpf.group(name, help=about)
    def part() -> None: ...

    @part.command("list", help=about)
    @pins_option
    @output_option
    def list_part(bpf_dir: Path, output: str) -> None:
        show_rows(read_part(name, bpf_dir), output)


def read_part(name: str, pins: Path) -> Sequence[dict[str, Any]]:
    """Return the rows of one part.

    Raises: BpfError: a map that is not there or may not be read.
    """
    from bpf import inspect

    readers: dict[str, Callable[[Path], Sequence[dict[str, Any]]]] = {
        "policy": inspect.policy,
        "ipcache": inspect.ipcache,
        "lb": inspect.services,
        "ct": inspect.connections,
        "nat": inspect.translations,
        "metrics": inspect.metrics,
    }
    return readers[name](pins)


def show_rows(rows: Sequence[dict[str, Any]], output: str) -> None:
    """Print rows with the columns they have."""
    if output != "table":
        show(rows, output)
    elif rows:
        show_table(rows, list(dict.fromkeys(column for row in rows for column in row)))
    else:
        click.echo("empty")


for _name, _about in _PARTS.items():
    _add_part(_name, _about)
