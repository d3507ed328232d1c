"""Envoy's messages as types of plain dictionaries, for the type checker alone.

``schema.Address({"socket_address": {...}})`` is a dictionary, and an annotation such as ``->
schema.Address`` is never evaluated. What the types hold, their fields and the values of enums, is
in ``schema.pyi``, written by :mod:`xds.codec.stubs`: a message is named there by the last part of
its full name, with as much of its path in front as it takes to be the only one of that name. Enums
are types of their values' names, to be used in annotations.

Nothing is read at run time, so a name is not checked there: that is the type checker's to do, and
upb's when the message is built.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> type[dict[str, Any]]:
    """Return what makes any message's dictionary."""
    if name.startswith("_"):  # what Python itself looks for in a module
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return dict
