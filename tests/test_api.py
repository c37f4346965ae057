"""The public API is the one that was agreed on."""

from __future__ import annotations

import difflib

from tests.api import FILE, MODULES, api


def test_the_public_api_changes_only_on_purpose() -> None:
    """After a change that is meant: ``python -m tests.api``, and a line in CHANGELOG.md."""
    difference = difflib.unified_diff(FILE.read_text().splitlines(), api().splitlines(), "agreed", "found", lineterm="")
    assert list(difference) == []


def test_it_sees_names_members_signatures_and_types() -> None:
    """One of each kind."""
    text = api()
    for line in (
        "hellotext_async.EventQueue(",
        "    async def flush(self, ",
        "    @property def items(self) -> list[T]",
        "    last_name: str | None = None",
        "hellotext_async.NotFound(APIError)",
    ):
        assert line in text
    assert all(f"\n{module}." in f"\n{text}" for module in MODULES)
