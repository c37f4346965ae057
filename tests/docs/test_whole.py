"""The documentation as a whole: every block runs, every page is in the menu, every picture exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.docs.pages import FENCE, PAGES, ROOT, all_blocks

LANGUAGES: Final = {"python", "sh", "json", "text"}
"""What the tests of this folder run or compare."""

BESIDE: Final = [*ROOT.glob("*.md"), *(ROOT / ".github").rglob("*.md")]
"""Texts that are not part of the site."""

_LINK: Final = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_PICTURE: Final = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_block_of_a_page_is_left_out(page: Path) -> None:
    """Every fence belongs to a block, and every block has a language that is run."""
    found = all_blocks(page)
    assert len(FENCE.findall(page.read_text())) == 2 * len(found)
    assert {block.language for block in found} <= LANGUAGES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_picture_exists_and_has_a_text(page: Path) -> None:
    """The strict build checks links and anchors, but no pictures. One of two themes is named in its anchor."""
    for text, target in _PICTURE.findall(page.read_text()):
        assert text
        file, _, theme = target.partition("#")
        assert (page.parent / file).exists()
        assert theme in {"", "gh-light-mode-only", "gh-dark-mode-only"}


def test_every_page_is_in_the_menu_once() -> None:
    """A page that is not in the menu cannot be found."""
    named = re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    there = [str(page.relative_to(ROOT / "docs")) for page in PAGES if page.is_relative_to(ROOT / "docs")]
    assert sorted(named) == sorted(there)


@pytest.mark.parametrize("text", BESIDE, ids=lambda text: text.stem)
def test_every_link_beside_the_site_leads_to_a_file(text: Path) -> None:
    """The strict build checks the site's own links; these are read where the repository is."""
    for target in _LINK.findall(text.read_text()):
        if "://" not in target:
            assert (text.parent / target.partition("#")[0]).exists(), target
