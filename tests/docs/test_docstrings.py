"""Every example in a docstring runs: the reference shows them."""

from __future__ import annotations

import ast
import asyncio
import doctest
import importlib
import inspect
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from prometheus_client import CollectorRegistry

import hellotext_async
from hellotext_async import Hellotext, RedisStream
from hellotext_async.emulator import Emulator
from tests.docs.pages import ROOT

PACKAGE: Final = Path(hellotext_async.__file__).parent


class Example(NamedTuple):
    """The example of one docstring."""

    module: str
    line: int
    text: str


def examples() -> list[Example]:
    """Of every module, class and function."""
    found: list[Example] = []
    for file in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                parts = doctest.DocTestParser().get_examples(ast.get_docstring(node) or "")
                if parts:
                    found.append(Example(module, getattr(node, "lineno", 1), "".join(part.source for part in parts)))
    return found


@pytest.mark.parametrize("example", examples(), ids=lambda example: f"{example.module}:{example.line}")
async def test_the_example_of_a_docstring_runs(
    example: Example, emulator: Emulator, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the names that it presumes: those of its module and of the root, an open client, a queue, a stream."""
    monkeypatch.setenv("HELLOTEXT_API_URL", emulator.url)
    monkeypatch.setenv("HELLOTEXT_API_TOKEN", emulator.token)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(Hellotext())
        names: dict[str, Any] = {
            **{name: getattr(hellotext_async, name) for name in hellotext_async.__all__},
            **vars(importlib.import_module(example.module)),
            "asynccontextmanager": asynccontextmanager,
            "client": client,
            "queue": await stack.enter_async_context(client.event_queue()),
            "stream": RedisStream(redis_url, "shop"),
            "REGISTRY": CollectorRegistry(),
        }
        code = compile(example.text, example.module, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        found = eval(code, names)
        if inspect.iscoroutine(found):
            await asyncio.wait_for(found, 30)
