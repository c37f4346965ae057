"""The pages of the documentation and the code in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]

FENCE: Final = re.compile(r"^ *(?:```|~~~)", re.MULTILINE)
_BLOCK: Final = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """One block of code: its page, its first line there, its language, its title and its text."""

    page: Path
    line: int
    language: str
    title: str | None
    text: str

    @property
    def place(self) -> str:
        """Where it stands, for a test's id."""
        return f"{self.page.stem}:{self.line}"


def all_blocks(page: Path) -> list[Block]:
    """The blocks of a page, from top to bottom."""
    text = page.read_text()
    return [
        Block(page, text.count("\n", 0, found.start()) + 2, found[1], found[2], found[3])
        for found in _BLOCK.finditer(text)
    ]


def blocks(page: Path, language: str) -> list[Block]:
    """The blocks of a page in one language."""
    return [block for block in all_blocks(page) if block.language == language]
