"""The catalogue of faults names tests that exist, for every fault."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parent
ROW: Final = re.compile(r"^\| (\d+) \|.*\|(.*)\|$", re.MULTILINE)


def test_every_fault_has_tests_and_they_exist() -> None:
    """1 to 44, each with at least one test, by name."""
    defined = {name for file in TESTS.rglob("test_*.py") for name in re.findall(r"def (test_\w+)", file.read_text())}
    rows = {
        int(number): re.findall(r"`(\w+)`", named)
        for number, named in ROW.findall((TESTS / "CATALOGUE.md").read_text())
    }
    assert list(rows) == list(range(1, 45))
    assert all(rows.values())
    assert {name for named in rows.values() for name in named} - defined == set()
