"""Forked children of a program while its queue runs: they use nothing, use the queue, or create their own."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Final

from hellotext_async import Hellotext, HellotextError, SqliteSpool
from hellotext_async.queue.queue import EventQueue

from .plan import Task
from .result_log import ResultLog

__all__ = ["fork"]

TIMEOUT: Final = 30.0


async def fork(action: str, queue: EventQueue, task: Task, log: ResultLog) -> None:
    """Fork a child that calls it, and wait until it has ended."""
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        if action == "fork and exit" and task.program.loop == "asyncio":  # uvloop's own copy crashes there
            os.dup2(0, 2)  # asyncio logs a lot about it
            raise SystemExit(0)  # unwinds the copy of the running loop
        code = 70
        try:
            code = _child(action, queue, task, log, parent)
        finally:
            os._exit(code)
    waiting = asyncio.ensure_future(asyncio.to_thread(os.waitpid, child, 0))
    done, _ = await asyncio.wait([waiting], timeout=TIMEOUT)
    if not done:
        log("hang", what=action)
        os.kill(child, signal.SIGALRM)  # it prints its location, and ends
    _, status = await waiting
    if code := os.waitstatus_to_exitcode(status):
        log("error", text=f"{action}: the child ended with {code}")


def _child(action: str, queue: EventQueue, task: Task, log: ResultLog, parent: int) -> int:
    if action == "fork and track":
        try:
            queue.track("page.viewed", session="s")
        except HellotextError as error:
            log("forked", fork=True, action=action, got=type(error).__name__, want="Forked")
        else:
            log("forked", fork=True, action=action, got="a receipt", want="Forked")
    elif action == "fork and deliver":
        asyncio.run(_deliver(task, log))
    elif action == "fork and open" and task.round.buffer == "spool":
        asyncio.run(_open(task, log, parent))
    return 0


async def _deliver(task: Task, log: ResultLog) -> None:
    """Events over a client and a queue of its own."""
    name = task.program.name
    async with Hellotext(f"{name}-fork", base_url=task.url) as client, client.event_queue() as own:
        for number in range(3):
            key = f"{name}f{number}"
            fields = {"metadata": {"key": key, "check": f"{key} of sf", "text": ""}}
            receipt = own.track("page.viewed", session="sf", **fields)  # type: ignore[arg-type]
            log("offered", fork=True, call=-1 - number, key=key, how="fork", subject="sf")
            log("taken", fork=True, call=-1 - number, id=receipt.event_id)
        await own.aclose(timeout=1)


async def _open(task: Task, log: ResultLog, parent: int) -> None:
    """The parent's spool is in use."""
    client = Hellotext(f"{task.program.name}-fork", base_url=task.url)
    got = "opened"
    try:
        spool = SqliteSpool(Path(task.folder) / "events.db")
        await client.event_queue(buffer=spool, delivery=task.round.delivery).open()
    except HellotextError as error:
        got = type(error).__name__
    if os.getppid() == parent:
        log("forked", fork=True, action="fork and open", got=got, want="SpoolBusy")
    await client.aclose()
