"""What survives a restart of the agent, in one JSON file written atomically."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

SCHEMA = 1
"""Raised when the meaning of a section changes; a file of another schema is not read."""


class SavedState:
    """Sections by name. A file that cannot be read counts as none: everything is rebuilt."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = b""
        self.sections: dict[str, Any] = self._read()

    def _read(self) -> dict[str, Any]:
        try:
            document = orjson.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            return {}
        sections = document.get("sections", {})
        return sections if isinstance(sections, dict) else {}

    def section(self, name: str) -> dict[str, Any]:
        """Return a section, empty if there is none."""
        section = self.sections.get(name, {})
        return section if isinstance(section, dict) else {}

    def save(self, **sections: dict[str, Any]) -> None:
        """Replace sections and write the file if anything changed."""
        self.sections.update(sections)
        document = {"schema": SCHEMA, "sections": self.sections}
        body = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
        if body == self._written:
            return
        temporary = self._path.with_suffix(".new")
        temporary.write_bytes(body)
        temporary.replace(self._path)
        self._written = body
