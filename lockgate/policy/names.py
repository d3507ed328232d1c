"""DNS names against patterns.

Source: the ``matchPattern`` of CiliumNetworkPolicy v2 ``toFQDNs`` and ``rules.dns``.
"""

from __future__ import annotations

import re
from functools import lru_cache

_LABEL_CHARACTERS = "[-a-z0-9_]"


def name_matches(pattern: str, name: str) -> bool:
    """Say whether a name, with or without its final dot and in any case, matches a pattern."""
    return _compiled(pattern).fullmatch(name.rstrip(".").lower()) is not None


@lru_cache(maxsize=4096)
def pattern_regex(pattern: str) -> str:
    """Return a pattern as a regular expression for a whole lower-case name without final dot.

    ``*`` stands for any characters of one label, ``**.`` at the start for one label or more, and
    ``*`` alone for every name.
    """
    text = pattern.rstrip(".").lower()
    if text == "*":
        return ".*"
    start = ""
    if text.startswith("**."):
        start, text = rf"({_LABEL_CHARACTERS}+\.)+", text.removeprefix("**.")
    return start + f"{_LABEL_CHARACTERS}*".join(re.escape(part) for part in text.split("*"))


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern_regex(pattern))
