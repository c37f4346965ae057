"""The lists of CONTRIBUTING.md are complete: each names every file in which its example occurs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.test_layers import ROOMS

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = (ROOT / "CONTRIBUTING.md").read_text()
COVERED: Final = ("hellotext_async", "docs", "tests/typing", "tests/unit/resources", "README.md")
"""In these places every file that mentions the example must be listed; other tests may mention it freely."""


class Recipe(NamedTuple):
    """One list: what is added, the pattern of its example, the files it names, those named as an exception."""

    title: str
    example: re.Pattern[str]
    files: set[str]
    exceptions: set[str]


def recipes() -> list[Recipe]:
    section = PAGE.partition("## Adding something")[2].partition("\n## ")[0]
    return [_recipe(part) for part in section.split("\n### ")[1:]]


def _recipe(part: str) -> Recipe:
    title, _, text = part.partition("\n")
    pattern = re.search(r"^Like `\w+` \(`(.+)`\)", text.strip())
    assert pattern, f"{title} names no example"
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    files = {file for row in rows for file in re.findall(r"`([\w/.-]+\.\w+)`", row.split("|")[1])}
    return Recipe(title, re.compile(pattern[1]), files, set(re.findall(r"`([\w/.-]+/\w+\.py)`", text)) - files)


def mentions(recipe: Recipe, path: Path) -> bool:
    return recipe.example.search(path.read_text(encoding="utf-8")) is not None


@pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: recipe.title)
def test_a_list_names_every_file_of_its_example(recipe: Recipe) -> None:
    """No file is missing from it, and no listed file lacks the example."""
    searched = [path for place in COVERED for path in [ROOT / place, *(ROOT / place).rglob("*")] if path.is_file()]
    found = {
        str(path.relative_to(ROOT)) for path in searched if path.suffix in {".py", ".md"} and mentions(recipe, path)
    }
    assert found - recipe.files - recipe.exceptions == set()
    assert {file for file in recipe.files if not mentions(recipe, ROOT / file)} == set()


def test_the_four_lists_are_there() -> None:
    """The most frequent contributions."""
    assert [recipe.title for recipe in recipes()] == [
        "A new resource",
        "A new fault kind",
        "A new metric",
        "A new store",
    ]


def test_the_table_of_rooms_is_that_of_the_layers() -> None:
    """Every room of the check has its row, and no other."""
    section = PAGE.partition("## The rooms")[2].partition("\n## ")[0]
    rows = [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]
    named = {name.removesuffix(".py").rstrip("/") for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert named == set(ROOMS) - {"root", "_version", "__main__"}


def test_the_table_of_tests_names_every_folder() -> None:
    """A new folder of tests has a row."""
    section = PAGE.partition("## Tests")[2].partition("\n## ")[0]
    named = set(re.findall(r"`tests/(\w+)`", section))
    assert named == {path.parent.name for path in (ROOT / "tests").glob("*/__init__.py")}
