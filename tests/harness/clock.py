"""A virtual clock: an event loop whose time jumps to the next timer as soon as no callback is ready.

Rules. `loop.time()` starts at 0 and is exact: a sleep of ten seconds ends at 10.0, after no time at
all. Meant for code without real I/O. Work in an executor holds the clock until it is back; for
other threads that report to the loop, `hold` does. When nothing is ready, no timer is set and
nothing is held, `Deadlock` names the waiting tasks; when a run passes `limit`, `Endless` is raised.
"""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, Final, ParamSpec, TypeVar, TypeVarTuple

__all__ = ["EPOCH", "Deadlock", "Endless", "VirtualLoop", "run_virtual", "virtual_time"]

P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

MONTH: Final = 30 * 86400.0
EPOCH: Final = 1_750_000_000.0
_PATIENCE: Final = 30.0


class Deadlock(RuntimeError):
    """Every task waits for something that cannot come any more."""


class Endless(RuntimeError):
    """The run has passed its limit of virtual time."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """The event loop with the virtual clock; `limit` is in virtual seconds."""

    def __init__(self, limit: float = MONTH) -> None:
        self._now = 0.0
        self._limit = limit
        self._holds = 0
        super().__init__(_Selector(self))

    def time(self) -> float:
        """The virtual time, in seconds since the loop was made."""
        return self._now

    def wall(self) -> float:
        """Unix seconds that go with the virtual time."""
        return EPOCH + self._now

    @contextmanager
    def hold(self) -> Generator[None, None, None]:
        """Within the block the clock stops and an idle loop really waits: another thread is about to call it."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1

    @property
    def held(self) -> bool:
        """Whether something outside the loop works for it."""
        return self._holds > 0

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """As usual, with the clock held until the work is done."""
        future = super().run_in_executor(executor, func, *args)
        self._holds += 1
        future.add_done_callback(self._release)
        return future

    def _release(self, _: object) -> None:
        self._holds -= 1

    async def shutdown_default_executor(self, *args: Any) -> None:
        """As usual, with the clock held: a thread signals the end."""
        with self.hold():
            await super().shutdown_default_executor(*args)

    def jump(self) -> None:
        """Move the clock to the next timer; called when no callback is ready."""
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        if not timers:
            raise Deadlock(f"nothing is ready and no timer is set at {self._now:g} s; waiting: {self._waiting()}")
        # The heap's head is the next timer, and the loop has just dropped the cancelled ones before it.
        self._now = max(self._now, timers[0].when())
        if self._now > self._limit:
            raise Endless(f"still running after {self._limit:g} virtual seconds; waiting: {self._waiting()}")

    def _waiting(self) -> str:
        places = sorted(_place(task) for task in asyncio.all_tasks(self))
        return "; ".join(places) or "no task"


class _Selector(selectors.DefaultSelector):
    """Polls for ready files, and moves the clock where the loop would have waited."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if not self._loop.held:
            self._loop.jump()
            return []
        ready = super().select(_PATIENCE)
        if not ready:
            raise Deadlock(f"a thread that holds the clock has not reported for {_PATIENCE:g} s")
        return ready


def _place(task: asyncio.Task[Any]) -> str:
    """The place where a task waits: its name and its innermost known line."""
    stack = task.get_stack()
    if not stack:
        return task.get_name()
    frame = stack[-1]
    return f"{task.get_name()} in {frame.f_code.co_name} ({frame.f_code.co_filename}:{frame.f_lineno})"


def run_virtual(coroutine: Coroutine[Any, Any, T], *, limit: float = MONTH) -> T:
    """The result of `coroutine`, run on a virtual clock of its own."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(limit)) as runner:
        return runner.run(coroutine)


def virtual_time(test: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """An async test as a plain one that runs on a virtual clock; its fixtures must be plain ones."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return run_virtual(test(*args, **kwargs))

    return run
