"""Each case gives what its golden files hold; ``make golden`` writes them anew."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.golden.pipeline import Case

HERE = Path(__file__).parent
CASES = sorted(HERE.glob("*/*.in.yaml"))
OUTPUTS = ("ir", "xds", "maps", "status")


def name_of(path: Path) -> str:
    return str(path.relative_to(HERE)).removesuffix(".in.yaml")


@pytest.mark.parametrize("path", CASES, ids=name_of)
def test_case(path: Path, update_golden: bool) -> None:
    for suffix, value in Case(path).outputs().items():
        golden = path.with_name(path.name.replace(".in.yaml", f".{suffix}.yaml"))
        text = yaml.safe_dump(value, sort_keys=True, width=100)
        if update_golden:
            golden.write_text(text) if value else golden.unlink(missing_ok=True)
        held = golden.read_text() if golden.exists() else yaml.safe_dump(type(value)())
        assert text == held, f"{golden.name} differs; run `make golden` and read the diff"


def test_no_output_is_without_its_input() -> None:
    inputs = {name_of(path) for path in CASES}
    orphans = [
        path
        for suffix in OUTPUTS
        for path in HERE.glob(f"*/*.{suffix}.yaml")
        if str(path.relative_to(HERE)).removesuffix(f".{suffix}.yaml") not in inputs
    ]
    assert orphans == []
