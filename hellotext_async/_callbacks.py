"""Calls a function of the program's, whose errors are its own and break nothing here; tells which are asynchronous.

Rules. Whatever it raises, a CancelledError or SystemExit too, is logged by its type: the text may hold
a customer's data. An interrupt of the keyboard is not lost: it is given to the main thread again.
"""

from __future__ import annotations

import _thread
import asyncio
import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from ._log import logger
from .errors import ConfigurationError

__all__ = ["awaited", "call_back", "check_callable", "is_async", "report_error"]

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])

_log = logger("hellotext_async.client")


def call_back(name: str, function: Callable[..., object], /, *args: object) -> None:
    """Call it; what it raises is logged."""
    try:
        result = function(*args)
        if result is not None and inspect.iscoroutine(result):
            result.close()
            _log.error("%s returned a coroutine, which is not awaited: give a plain function", name)
    except BaseException as error:
        report_error(name, error)


def report_error(name: str, error: BaseException) -> None:
    """Log that the function of this name raised."""
    _log.error("%s raised %s", name, type(error).__name__, extra={"hellotext_hook": name})
    if isinstance(error, KeyboardInterrupt):
        _thread.interrupt_main()


def is_async(function: object) -> bool:
    """Whether calling it makes a coroutine or an async generator: also for partials and objects with ``__call__``."""
    while isinstance(function, functools.partial):
        function = function.func  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    found: Any = function
    if not inspect.isroutine(found) and not inspect.isclass(found):
        found = getattr(found, "__call__", found)  # noqa: B004
    return inspect.iscoroutinefunction(found) or inspect.isasyncgenfunction(found)


def awaited(function: F) -> F:
    """`function`, which returns a coroutine, known as asynchronous: a framework would call it in a thread."""
    if sys.version_info >= (3, 12):
        inspect.markcoroutinefunction(function)
    else:
        vars(function)["_is_coroutine"] = getattr(asyncio.coroutines, "_is_coroutine")  # noqa: B009
    return function


def check_callable(function: T, name: str) -> T:
    """`function` if it is None or a plain function, else a ConfigurationError."""
    if function is not None and not callable(function):
        raise ConfigurationError(f"{name}: expected None or something to call")
    if function is not None and is_async(function):
        raise ConfigurationError(f"{name}: expected a plain function, not an async one; start a task in it if you must")
    return function
