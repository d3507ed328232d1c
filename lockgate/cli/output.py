"""Rendering: tables for people, JSON and YAML for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click
import yaml
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

FORMATS = ("table", "json", "yaml")

Rows = Sequence[Mapping[str, Any]]


output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="How to print.",
)


def show(value: Any, form: str, columns: Sequence[str] = ()) -> None:
    """Print a value; as a table it must be a list of mappings, with these columns."""
    if form == "json":
        click.echo(json.dumps(value, indent=2, sort_keys=True))
    elif form == "yaml":
        click.echo(yaml.safe_dump(value, sort_keys=True), nl=False)
    else:
        show_table(value, columns)


def show_table(rows: Rows, columns: Sequence[str]) -> None:
    """Print rows under upper-case heads; without a terminal in plain columns, never cut."""
    console = Console(highlight=False)
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)
    for column in columns:
        table.add_column(column.upper().replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell(row.get(column))) for column in columns))
    if not console.is_terminal:
        console.width = 10_000
    console.print(table, soft_wrap=not console.is_terminal)


def cell(value: Any) -> str:
    """Return a value as one table cell."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case Mapping():
            return ",".join(f"{key}={item}" if item else str(key) for key, item in value.items())
        case list() | tuple():
            return ", ".join(cell(item) for item in value) or "-"
        case _:
            return str(value)
