"""The event loop that the tests run on: ``pytest --loop=uvloop``, or ``--loop=both``; and no example is timed.

Rules. Tests in virtual time and programs in processes of their own choose their loop themselves.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import pytest
from hypothesis import HealthCheck, settings
from pytest_asyncio import is_async_test

LoopFactory: TypeAlias = Callable[[], asyncio.AbstractEventLoop]
LOOPS: Final = {"asyncio": ("asyncio",), "uvloop": ("uvloop",), "both": ("asyncio", "uvloop")}

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")  # on a busy machine an example takes any time


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--loop`."""
    parser.addoption("--loop", choices=LOOPS, default="asyncio", help="the event loop of tests that have one")


def pytest_configure(config: pytest.Config) -> None:
    """Factories are declared only on request: otherwise every test would have the loop's name in its id."""
    loop = config.getoption("--loop")
    if loop != "asyncio":
        config.pluginmanager.register(_Loops(LOOPS[loop]))


def pytest_unconfigure() -> None:
    """Tests of crashes leave objects behind on purpose: their warnings are not shown when the interpreter exits."""
    logging.getLogger("hellotext_async").addHandler(logging.NullHandler())


class _Loops:
    """The hook of pytest-asyncio that names loop factories."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._factories = {name: loop_factory(name) for name in names}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Deselect tests without a loop, or with their own: they would be the same on another one."""
        users, others = [], []
        for item in items:
            own = item.get_closest_marker("own_loop") is not None
            (users if is_async_test(item) and not own else others).append(item)
        config.hook.pytest_deselected(items=others)
        items[:] = users

    @pytest.hookimpl
    def pytest_asyncio_loop_factories(self) -> Mapping[str, LoopFactory]:
        """Every test that has a loop runs on each of these."""
        return self._factories


def loop_factory(name: str) -> LoopFactory:
    """The factory of the loop of this name."""
    if name == "asyncio":
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop
