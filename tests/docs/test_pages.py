"""Every example in Python runs, against the emulator; every line of JSON is an event."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from hellotext_async.cli.events import event_of
from hellotext_async.emulator import Emulator
from tests.docs.pages import PAGES, Block, all_blocks, blocks

pytest_plugins = ["pytester"]


def execute(block: Block, names: dict[str, Any], runner: asyncio.Runner) -> None:
    """Run a block with the names that the page has defined so far; it may await at its top level."""
    tree = compile(
        "\n" * (block.line - 1) + block.text,
        str(block.page),
        "exec",
        flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
        dont_inherit=True,
    )
    found = eval(tree, names)
    if inspect.iscoroutine(found):
        runner.run(found)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.stem)
def test_the_python_of_a_page_runs(
    page: Path, emulator: Emulator, redis_url: str, monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester
) -> None:
    """From top to bottom, in one loop; pytest runs a block that is a test file; a text block is the last output."""
    monkeypatch.setenv("HELLOTEXT_API_URL", emulator.url)
    monkeypatch.setenv("HELLOTEXT_API_TOKEN", emulator.token)
    monkeypatch.setenv("REDIS_URL", redis_url)
    names: dict[str, Any] = {"__name__": page.stem}
    with asyncio.Runner() as runner:
        printed = ""
        for block in all_blocks(page):
            if block.language == "text":
                assert block.text == printed, block.place
            elif block.language == "python" and block.title is None:
                with redirect_stdout(StringIO()) as output:
                    execute(block, names, runner)
                printed = output.getvalue()
            elif block.language == "python":
                pytester.path.joinpath(block.title or "").write_text(block.text)
    tests = sum(len(re.findall(r"^ *(?:async )?def test_", block.text, re.MULTILINE)) for block in titled(page))
    if tests:
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        options = ("-phellotext_async", "-pasyncio", "-panyio", "-o", "asyncio_default_fixture_loop_scope=function")
        pytester.runpytest_subprocess(*options).assert_outcomes(passed=tests)


def titled(page: Path) -> list[Block]:
    """The blocks of a page that are files."""
    return [block for block in blocks(page, "python") if block.title is not None]


def test_the_json_lines_of_a_page_are_events() -> None:
    """`ingest` accepts the lines that it is shown to accept."""
    shown = [line for page in PAGES for block in blocks(page, "json") for line in block.text.splitlines()]
    assert shown
    for line in shown:
        assert event_of(line.encode()).action == json.loads(line)["action"]


def test_the_readme_shows_both_commands_before_anything_else() -> None:
    """What it is, then the two commands that need only Python and pip, on the first screen."""
    readme = PAGES[0].read_text()
    top = readme[: readme.index("## ")]
    for session in ("demo", "tests"):
        assert f"\npython -m pip install nox && nox -s {session}\n" in top
    assert len(top.splitlines()) < 30
