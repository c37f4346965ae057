"""A command as its users start it: a separate process, with an environment, stdin and an exit code."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from hellotext_async.cli import main
from hellotext_async.emulator import Emulator

LIMIT = 60.0


class Done(NamedTuple):
    """The exit code and output of a command."""

    code: int | None
    out: str
    err: str


def environment(emulator: Emulator | None, token: str | None = None) -> dict[str, str]:
    """This process's environment with the emulator's URL and token, or with neither."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HELLOTEXT_")}
    if emulator is None:
        return clean
    return {**clean, "HELLOTEXT_API_URL": emulator.url, "HELLOTEXT_API_TOKEN": token or emulator.token}


def code_of(*argv: object) -> int:
    """The exit code of a command that ends before it does anything: it needs no process."""
    try:
        return main([str(word) for word in argv])
    except SystemExit as ended:
        return int(ended.code or 0)


async def until(condition: Callable[[], bool]) -> None:
    """Return when the condition, which another process fulfils, holds."""
    async with asyncio.timeout(LIMIT):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def started(
    *argv: object, emulator: Emulator | None = None, token: str | None = None, group: bool = False
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A running command, in its own process `group` on request; it is killed at the end if it still runs."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-W", "error", "-m", "hellotext_async", *map(str, argv))
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment(emulator, token), start_new_session=group
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ended(process: asyncio.subprocess.Process, stdin: bytes | None = None) -> Done:
    """The output and exit code of a command that was started."""
    out, err = await asyncio.wait_for(process.communicate(stdin), LIMIT)
    return Done(process.returncode, out.decode(), err.decode())


async def run(
    *argv: object, emulator: Emulator | None = None, token: str | None = None, stdin: bytes | None = b""
) -> Done:
    """Run a command from start to end."""
    async with started(*argv, emulator=emulator, token=token) as process:
        return await ended(process, stdin)
