"""What the annotations of an Ingress ask for."""

from __future__ import annotations

from collections.abc import Mapping

from ingress.options import DEFAULT, Options
from lockgate.model.ingress import Ingress
from lockgate.model.meta import Problem


def read_options(
    _ingress: Ingress, _defaults: Mapping[str, str]
) -> tuple[Options, tuple[Problem, ...]]:
    """Return the options of an Ingress and what is wrong with its annotations."""
    return DEFAULT, ()
