"""Patterns of DNS names."""

import pytest

from lockgate.policy.names import name_matches


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("a.test", "a.test", True),
        ("a.test", "A.TEST.", True),
        ("a.test", "b.a.test", False),
        ("a.test", "axtest", False),
        ("*.test", "a.test", True),
        ("*.test", "a.b.test", False),
        ("*.test", "test", False),
        ("a*.test", "a.test", True),
        ("a*.test", "abc.test", True),
        ("**.test", "a.b.test", True),
        ("**.test", "a.test", True),
        ("**.test", "test", False),
        ("*", "any.name.at.all", True),
    ],
)
def test_pattern(pattern: str, name: str, matches: bool) -> None:
    assert name_matches(pattern, name) is matches
