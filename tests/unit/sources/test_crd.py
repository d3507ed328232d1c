"""The CustomResourceDefinitions are those the schemas say, in the form the API server takes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lockgate.sources.crd import KINDS, Kind, definition, text_of

FOLDER = Path(__file__).parents[3] / "charts" / "lockgate" / "crds"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_file_is_what_the_schema_says(kind: Kind) -> None:
    held = (FOLDER / f"{kind.plural}.yaml").read_text()
    assert held == text_of(kind), "run `make crds` and read the diff"


def nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a schema and all that are in it."""
    yield schema
    for entry in schema.get("properties", {}).values():
        yield from nodes(entry)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from nodes(schema[key])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_schema_is_structural(kind: Kind) -> None:
    version = definition(kind)["spec"]["versions"][0]
    for node in nodes(version["schema"]["openAPIV3Schema"]):
        assert not {"$ref", "anyOf", "const", "title", "default"} & node.keys()
        open_ended = {"x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"}
        assert "type" in node or open_ended & node.keys()
        assert not ("properties" in node and "additionalProperties" in node)
