"""The types of Envoy's messages: they are the schema's, and they find what is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from xds.codec import schema, stubs

ROOT = Path(__file__).parents[3]

CORRECT = """\
from google.protobuf.message import Message
from xds.codec import schema

def option(state: schema.SocketState) -> schema.SocketOption:
    return {"level": 1, "name": 36, "int_value": 7, "state": state}

def metadata(held: Message) -> schema.Metadata:
    return {"filter_metadata": {"lockgate": held}}

CLUSTER = schema.Cluster(
    name="c",
    type="EDS",
    connect_timeout={"seconds": 5, "nanos": 0},
    per_connection_buffer_limit_bytes={"value": 5},
    upstream_bind_config={"socket_options": [option("STATE_PREBIND")]},
    typed_extension_protocol_options={"a.B": {"type_url": "a.B", "value": b""}},
)
SELF: schema.ConfigSource = {"self": {}}
"""

WRONG = """\
from xds.codec import schema

KEY: schema.Address = {"socket_address": {"adress": "127.0.0.1"}}
ENUM = schema.Cluster(name="c", type="EDSS")
TYPE = schema.Route(match={"prefix": 1})
TEXT: schema.VirtualHost = {"name": "v", "domains": "all"}
NAME: schema.Clutser = {}
"""

FINDINGS = (
    (3, "adress"),
    (4, "Literal['EDSS']"),
    (5, 'item "prefix" has type "str"'),
    (6, 'item "domains" has type "list[str] | tuple[str, ...]"'),
    (7, "Clutser"),
)


def _findings(tmp_path: Path, snippet: str) -> list[tuple[int, str]]:
    path = tmp_path / "snippet.py"
    path.write_text(snippet)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-pretty"]
    told = subprocess.run(
        [*command, "--cache-dir", tmp_path / "cache", path],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert told.stderr == "", told.stderr
    assert "1 source file" in told.stdout, told.stdout
    found = re.findall(r"^.*snippet\.py:(\d+): error: (.*)$", told.stdout, re.MULTILINE)
    return [(int(line), message) for line, message in found]


def test_types_are_those_of_the_descriptor_set() -> None:
    """What is committed is what is written from the descriptor set that is committed."""
    files = descriptor_pb2.FileDescriptorSet.FromString(stubs.SCHEMA.read_bytes())
    assert stubs.OUTPUT.read_text() == stubs.stub(files)


def test_correct_dictionaries_pass(tmp_path: Path) -> None:
    """Nothing is said of what Envoy takes."""
    assert _findings(tmp_path, CORRECT) == []


def test_wrong_dictionaries_are_found(tmp_path: Path) -> None:
    """A wrong key, enum value, type, single string for a list and message are each named."""
    found = _findings(tmp_path, WRONG)
    assert [line for line, _ in found] == [line for line, _ in FINDINGS]
    for (_, message), (_, part) in zip(found, FINDINGS, strict=True):
        assert part in message


def test_names_have_as_much_path_as_they_need() -> None:
    """Less path, being outermost and being Envoy's own decide who has a name to itself."""
    outermost = {
        "envoy.config.a.v3.Filter",
        "envoy.config.b.v3.Filter",
        "envoy.config.b.v3.BFilter",
        "envoy.config.core.v3.Kind",
        "envoy.config.core.v3.Range",
        "xds.core.v3.Range",
        "envoy.config.tls_rules.v3alpha.Set",
        "envoy.config.rules.v3.Set",
    }
    nested = {"envoy.config.core.v3.Holder.Kind", "envoy.config.core.v3.Holder.Alone"}
    assert stubs.class_names(outermost | nested, frozenset(outermost)) == {
        "envoy.config.a.v3.Filter": "AFilter",
        "envoy.config.b.v3.Filter": "ConfigBFilter",
        "envoy.config.b.v3.BFilter": "BFilter",
        "envoy.config.core.v3.Kind": "Kind",
        "envoy.config.core.v3.Holder.Kind": "HolderKind",
        "envoy.config.core.v3.Holder.Alone": "Alone",
        "envoy.config.core.v3.Range": "Range",
        "xds.core.v3.Range": "CoreRange",
        "envoy.config.tls_rules.v3alpha.Set": "TlsRulesSet",
        "envoy.config.rules.v3.Set": "RulesSet",
    }


def test_names_that_cannot_be_told_apart_are_refused() -> None:
    """A version is no part of a name."""
    names = {"envoy.a.v3.Filter", "envoy.a.v4.Filter"}
    with pytest.raises(ValueError, match=r"envoy\.a\.v3\.Filter"):
        stubs.class_names(names, frozenset(names))


def test_fields_may_be_named_as_keywords_and_types() -> None:
    """A class would not take the first, and would lose its types to the second."""
    files = descriptor_pb2.FileDescriptorSet()
    message = files.file.add(name="a.proto", package="envoy.a").message_type.add(name="Move")
    for number, name in enumerate(("from", "str", "self"), 1):
        message.field.add(name=name, number=number, type=stubs.Field.TYPE_STRING)
    namespace: dict[str, object] = {}
    exec(stubs.stub(files), namespace)  # noqa: S102  # it is our own stub
    move = namespace["Move"]
    assert move.__annotations__.keys() == {"from", "str", "self"}
    assert move.__optional_keys__ == {"from", "str", "self"}  # type: ignore[attr-defined]


def test_at_run_time_types_are_plain_dictionaries() -> None:
    """They cost nothing, and are not mistaken for what Python looks for in a module."""
    assert schema.Cluster(name="c", type="EDS") == {"name": "c", "type": "EDS"}
    assert type(schema.Address({})) is dict
    with pytest.raises(AttributeError, match="__path__"):
        schema.__path__  # noqa: B018  # looked for, not used
