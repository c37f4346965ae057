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
from .voice import Voice

__all__ = ["fork"]

PATIENCE: Final = 30.0


async def fork(deed: str, queue: EventQueue, task: Task, voice: Voice) -> None:
    """Fork a child that calls it, and wait until it has ended."""
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        if deed == "fork and exit" and task.program.loop == "asyncio":  # uvloop's own copy crashes there
            os.dup2(0, 2)  # asyncio logs a lot about it
            raise SystemExit(0)  # unwinds the copy of the running loop
        code = 70
        try:
            code = _child(deed, queue, task, voice, parent)
        finally:
            os._exit(code)
    waiting = asyncio.ensure_future(asyncio.to_thread(os.waitpid, child, 0))
    done, _ = await asyncio.wait([waiting], timeout=PATIENCE)
    if not done:
        voice("hang", what=deed)
        os.kill(child, signal.SIGALRM)  # it prints its location, and ends
    _, status = await waiting
    if code := os.waitstatus_to_exitcode(status):
        voice("error", text=f"{deed}: the child ended with {code}")


def _child(deed: str, queue: EventQueue, task: Task, voice: Voice, parent: int) -> int:
    if deed == "fork and track":
        try:
            queue.track("page.viewed", session="s")
        except HellotextError as error:
            voice("forked", fork=True, deed=deed, got=type(error).__name__, want="Forked")
        else:
            voice("forked", fork=True, deed=deed, got="a receipt", want="Forked")
    elif deed == "fork and deliver":
        asyncio.run(_deliver(task, voice))
    elif deed == "fork and open" and task.round.buffer == "spool":
        asyncio.run(_open(task, voice, parent))
    return 0


async def _deliver(task: Task, voice: Voice) -> None:
    """Events over a client and a queue of its own."""
    name = task.program.name
    async with Hellotext(f"{name}-fork", base_url=task.url) as client, client.event_queue() as own:
        for number in range(3):
            key = f"{name}f{number}"
            fields = {"metadata": {"key": key, "check": f"{key} of sf", "text": ""}}
            receipt = own.track("page.viewed", session="sf", **fields)  # type: ignore[arg-type]
            voice("offered", fork=True, call=-1 - number, key=key, how="fork", subject="sf")
            voice("taken", fork=True, call=-1 - number, id=receipt.event_id)
        await own.aclose(timeout=1)


async def _open(task: Task, voice: Voice, parent: int) -> None:
    """The parent's spool is in use."""
    client = Hellotext(f"{task.program.name}-fork", base_url=task.url)
    got = "opened"
    try:
        spool = SqliteSpool(Path(task.folder) / "events.db")
        await client.event_queue(buffer=spool, delivery=task.round.delivery).open()
    except HellotextError as error:
        got = type(error).__name__
    if os.getppid() == parent:
        voice("forked", fork=True, deed="fork and open", got=got, want="SpoolBusy")
    await client.aclose()
