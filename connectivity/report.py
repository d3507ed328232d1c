"""What came out, as rows and as JUnit's XML."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from connectivity.scenarios import Probe


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one probe of a scenario."""

    scenario: str
    probe: Probe
    found: str
    seconds: float
    flows: tuple[str, ...] = ()
    """What the agent of this host saw of it, where it did not come out as wanted."""

    @property
    def ok(self) -> bool:
        """Whether it came out as wanted."""
        return self.found == self.probe.wanted


def rows(results: Iterable[Result]) -> list[dict[str, str]]:
    """Return the results as rows of a table."""
    return [
        {
            "scenario": result.scenario,
            "from": result.probe.source,
            "request": f"{result.probe.method} {result.probe.url}",
            "wanted": result.probe.wanted,
            "found": result.found,
            "result": "ok" if result.ok else "FAILED",
            "seconds": f"{result.seconds:.1f}",
        }
        for result in results
    ]


def junit(results: Iterable[Result], path: Path) -> None:
    """Write the results as one suite of JUnit, a case for each probe."""
    listed = list(results)
    suite = ET.Element(
        "testsuite",
        name="lockgate connectivity",
        tests=str(len(listed)),
        failures=str(sum(not result.ok for result in listed)),
    )
    for result in listed:
        probe = result.probe
        case = ET.SubElement(
            suite,
            "testcase",
            classname=result.scenario,
            name=f"{probe.source} {probe.method} {probe.url}",
            time=f"{result.seconds:.3f}",
        )
        if not result.ok:
            text = f"wanted {probe.wanted}, found {result.found}"
            ET.SubElement(case, "failure", message=text).text = "\n".join(result.flows)
    ET.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)
