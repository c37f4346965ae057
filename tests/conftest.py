"""The event loop that the tests run on: ``pytest --loop=uvloop``, or ``--loop=both``.

Rules. Tests in virtual time and programs in processes of their own choose their loop themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import pytest

LOOPS: Final = {"asyncio": ("asyncio",), "uvloop": ("uvloop",), "both": ("asyncio", "uvloop")}


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--loop`."""
    parser.addoption("--loop", choices=LOOPS, default="asyncio", help="the event loop of tests that have one")


def pytest_configure(config: pytest.Config) -> None:
    """Factories are declared only when asked for: every test would have the loop's name in its id."""
    loop = config.getoption("--loop")
    if loop != "asyncio":
        config.pluginmanager.register(_Loops(LOOPS[loop]))


class _Loops:
    """The hook of pytest-asyncio that names loop factories."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._factories = {name: _factory(name) for name in names}

    @pytest.hookimpl
    def pytest_asyncio_loop_factories(self) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
        """Every test that has a loop runs on each of these."""
        return self._factories


def _factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if name == "asyncio":
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop
