"""The pages of the documentation and the code in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK: Final = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """One block of code: its page, its first line there, its language, its title and its text."""

    page: Path
    line: int
    language: str
    title: str | None
    text: str


def blocks(page: Path, language: str) -> list[Block]:
    """The blocks of a page in one language."""
    text = page.read_text()
    return [
        Block(page, text.count("\n", 0, found.start()) + 2, found[1], found[2], found[3])
        for found in _BLOCK.finditer(text)
        if found[1] == language
    ]
