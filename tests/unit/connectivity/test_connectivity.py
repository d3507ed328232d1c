"""What the connectivity test declares and asks, and how it reads what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from connectivity.objects import IMAGE, PODS, deployed
from connectivity.report import Result, junit, rows
from connectivity.scenarios import DENIED, FORBIDDEN, OK, Probe, all_scenarios
from connectivity.world import command, read
from lockgate.sources.parse import IGNORED, parse

SCENARIOS = all_scenarios("http://outside.test/")


def documents() -> Iterator[tuple[str, dict[str, object]]]:
    for scenario in SCENARIOS:
        for document in scenario.policies:
            yield scenario.name, document


@pytest.mark.parametrize(("name", "document"), [*documents()], ids=lambda value: str(value)[:40])
def test_every_policy_is_one_we_take(name: str, document: dict[str, object]) -> None:
    del name
    metadata = document["metadata"]
    assert isinstance(metadata, dict)
    whole = {**document, "metadata": {**metadata, "namespace": "n"}}
    _, found, problems = parse(whole)
    assert problems == []
    assert found


def test_every_object_is_one_we_read() -> None:
    for document in deployed("n", ["one", "two"], IMAGE):
        _, found, problems = parse(document)
        assert [problem for problem in problems if problem.reason != IGNORED] == []
        assert found


def test_names_are_unique_and_both_directions_allow_and_deny() -> None:
    names = [one.name for one in SCENARIOS]
    assert len(names) == len(set(names))
    assert {probe.source for one in SCENARIOS for probe in one.probes} <= set(PODS)
    for part in ("ingress", "egress", "network-policy", "http"):
        wanted = {
            probe.wanted
            for one in SCENARIOS
            for probe in one.probes
            if one.name.startswith(part) and one.policies
        }
        assert OK in wanted
        assert wanted & {DENIED, FORBIDDEN}


def test_a_pod_is_told_what_to_ask() -> None:
    asked = Probe("client", "", method="POST", headers=("X-A: b c",))
    words = command(asked, "http://10.0.0.1:8080/")
    assert words[-5:] == ["-X", "POST", "-H", "X-A: b c", "http://10.0.0.1:8080/"]
    assert command(asked, "dns://a.b")[-3:] == ["getent", "hosts", "a.b"]
    assert command(asked, "udp://[fd00::1]:8081")[-1].endswith("fd00::1 8081")


def test_failures_are_told_to_people_and_to_programs(tmp_path: Path) -> None:
    probe = Probe("client", "http://a/")
    results = [Result("one", probe, OK, 0.1), Result("two", probe, DENIED, 2.0, ("a flow",))]
    assert [row["result"] for row in rows(results)] == ["ok", "FAILED"]
    junit(results, tmp_path / "report.xml")
    suite = ET.parse(tmp_path / "report.xml").getroot()  # noqa: S314  # our own
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    [failure] = suite.iter("failure")
    assert (failure.get("message"), failure.text) == ("wanted 200, found 000", "a flow")


@pytest.mark.parametrize(
    ("url", "output", "found"),
    [
        ("dns://a", "10.96.0.10   a.svc.cluster.local", OK),
        ("dns://a", "fd00::1 a", OK),
        ("dns://a", "Terminated", DENIED),
        ("dns://a", "", DENIED),
        ("udp://a:1", "echo-here", OK),
        ("udp://a:1", "", DENIED),
        ("http://a/", "403", FORBIDDEN),
        ("http://a/", "", DENIED),
    ],
)
def test_what_commands_say_is_read(url: str, output: str, found: str) -> None:
    assert read(url, output) == found
