"""Write ``docs/ingress-annotations.md`` from the tables; run as a module when they change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ingress.annotations.nginx import ALWAYS_SO, SETTLED, UNSUPPORTED
from ingress.annotations.table import BACKENDS, NGINX, OURS, ROUTING, SECURITY, TRAFFIC, Row

OUTPUT = Path(__file__).parents[2] / "docs" / "ingress-annotations.md"
_HEAD = f"""\
# Annotations of an Ingress

Names begin with `{OURS}`. Those of ingress-nginx, `{NGINX}`, are read where they mean
the same, as the second column says; where both are given, ours win. What cannot be read is left
out and told in the object's problems; where it **protects** (marked 🔒), the paths of the Ingress
answer 503 instead of being open. Times are `30s`, `1m30s`, `500ms` or seconds; sizes `8m`, `512k`.
Secrets and Services are those of the Ingress's namespace.

A class can give annotations to all its Ingresses: see `LockgateIngressParameters` in
[ingress.md](ingress.md).
"""


def text() -> str:
    """Return the document."""
    parts = [_HEAD]
    groups = (
        ("Routing", ROUTING), ("Traffic", TRAFFIC), ("Backends", BACKENDS), ("Security", SECURITY),
    )  # fmt: skip
    for title, rows in groups:
        parts.append(f"## {title}\n\n{_table(rows)}")
    parts.append(_of_nginx())
    return "\n".join(parts)


def _table(rows: Iterable[Row]) -> str:
    lines = ["| annotation | nginx | what it does |", "| --- | --- | --- |"]
    for row in rows:
        nginx = ", ".join(f"`{name}`" for name in row.nginx)
        mark = " 🔒" if row.protects else ""
        lines.append(f"| `{row.name}`{mark} | {nginx} | {row.about} |")
    return "\n".join(lines) + "\n"


def _of_nginx() -> str:
    return "\n".join(("## Of ingress-nginx, without one of ours", "", *_nginx_lines(), ""))


def _nginx_lines() -> Iterator[str]:
    yield "Accepted, since it is so in any case:"
    yield ""
    for name, values in sorted(ALWAYS_SO.items()):
        yield f"- `{name}`: {' or '.join(f'`{value}`' for value in values)}"
    yield ""
    yield f"Accepted whatever they say: {', '.join(f'`{name}`' for name in sorted(SETTLED))}."
    yield ""
    yield "Not served, and told:"
    yield ""
    yield "| annotation | instead |"
    yield "| --- | --- |"
    for name, row in sorted(UNSUPPORTED.items()):
        mark = " 🔒" if row.protects else ""
        yield f"| `{name}`{mark} | {row.instead} |"


if __name__ == "__main__":
    OUTPUT.write_text(text())
