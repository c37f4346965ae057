"""The page about operating explains every line that is logged."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import hellotext_async
from tests.docs.pages import ROOT

PACKAGE: Final = Path(hellotext_async.__file__).parent
LOGGED: Final = re.compile(r"_(\w+_)?log\.(debug|info|warning|error|exception|critical)")


def logged() -> Iterator[str]:
    """The logged messages, with `…` for their arguments."""
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and LOGGED.fullmatch(ast.unparse(node.func)):
                assert isinstance(node.args[0], ast.Constant), f"{file}:{node.lineno} logs no plain text"
                yield re.sub(r"%\w", "…", str(node.args[0].value))


def test_every_line_that_is_logged_is_explained_and_no_other() -> None:
    """Its meaning and what to do about it."""
    page = (ROOT / "docs" / "operating.md").read_text()
    table = page.partition("## Log lines")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
    assert sorted(rows) == sorted(set(logged()))
