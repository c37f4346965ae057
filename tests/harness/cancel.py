"""Cancellation fuzzing: the same coroutine repeatedly, cancelled one step later each time.

Rules. What a step is: `loop`, a turn of the event loop (reaches whatever other tasks are doing);
`task`, a suspension of the coroutine itself; `arrival`, the same, but cancelled at the very moment
when what it waits for has come, so that something may be lost between the two. The last two are
exact, and the ones for a virtual clock, which stands still while turns are counted. A run that
outlives its cancellation fails the test.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeVar

__all__ = ["Run", "Step", "cancelled_after", "fuzz"]

T = TypeVar("T")

_SETTLING: Final = 3
"""Turns of the loop that tasks cancelled by the run itself may take to end."""

Step = Literal["loop", "task", "arrival"]


@dataclass(frozen=True, slots=True)
class Run(Generic[T]):
    """How one run ended.

    `reached`: it was still running at step `steps`, so it was cancelled. `left`: tasks that came
    to be during the run and are still there after it.
    """

    steps: int
    reached: bool
    end: Literal["returned", "cancelled", "raised"]
    value: T | None = None
    error: BaseException | None = None
    left: tuple[asyncio.Task[Any], ...] = ()


async def fuzz(
    make: Callable[[], Coroutine[Any, Any, T]], upto: int = 200, *, by: Step = "loop", timeout: float = 10.0
) -> AsyncIterator[Run[T]]:
    """Each run's result, cancelled after 1, 2, … `upto` steps; exact steps stop at the first run that has fewer."""
    for steps in range(1, upto + 1):
        run = await cancelled_after(make(), steps, by=by, timeout=timeout)
        yield run
        if by != "loop" and not run.reached:
            return


async def cancelled_after(
    coroutine: Coroutine[Any, Any, T], steps: int, *, by: Step = "loop", timeout: float = 10.0
) -> Run[T]:
    """Run `coroutine`, cancel it after `steps` steps, and return how it ended."""
    before = asyncio.all_tasks()
    if by == "loop":
        task, reached = await _after_turns(coroutine, steps)
    else:
        task, reached = await _at_suspension(coroutine, steps, late=by == "arrival")
    await asyncio.wait({task}, timeout=timeout)
    if not task.done():
        raise AssertionError(f"cancelled after {steps} steps, it did not end within {timeout:g} s")
    for _ in range(_SETTLING):
        await asyncio.sleep(0)
    return _run(task, steps, reached, tuple(asyncio.all_tasks() - before))


async def _after_turns(coroutine: Coroutine[Any, Any, T], steps: int) -> tuple[asyncio.Task[T], bool]:
    task = asyncio.create_task(coroutine)
    for _ in range(steps):
        await asyncio.sleep(0)
    return task, task.cancel()


async def _at_suspension(coroutine: Coroutine[Any, Any, T], steps: int, *, late: bool) -> tuple[asyncio.Task[T], bool]:
    reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def cancel(_: object = None) -> None:
        task.cancel()
        reached.set_result(None)

    def suspended(count: int, awaited: Any) -> None:
        if count != steps:
            return
        if late and asyncio.isfuture(awaited):
            awaited.add_done_callback(cancel)  # runs before the task's own callback, which is added later
        else:
            cancel()

    async def counted() -> T:
        return await _counting(coroutine, suspended)

    task = asyncio.create_task(counted())
    either: set[asyncio.Future[Any]] = {task, reached}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    return task, reached.done()


@types.coroutine
def _counting(coroutine: Coroutine[Any, Any, T], suspended: Callable[[int, Any], None]) -> Generator[Any, None, T]:
    """Run `coroutine`, calling `suspended` with what it waits for, each time it does."""
    count = 0
    thrown: BaseException | None = None
    while True:
        try:
            awaited = coroutine.send(None) if thrown is None else coroutine.throw(thrown)
        except StopIteration as done:
            value: T = done.value
            return value
        count += 1
        suspended(count, awaited)
        thrown = None
        try:
            yield awaited
        except BaseException as error:
            thrown = error


def _run(task: asyncio.Task[T], steps: int, reached: bool, left: tuple[asyncio.Task[Any], ...]) -> Run[T]:
    if task.cancelled():
        return Run(steps, reached, "cancelled", left=left)
    if (error := task.exception()) is not None:
        return Run(steps, reached, "raised", error=error, left=left)
    return Run(steps, reached, "returned", task.result(), left=left)
