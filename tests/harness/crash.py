"""Runs a Python script in a child process and kills it at a named point or time; no child outlives the call.

The script marks its points with `failpoint(name)`. The child stands still at the point it is to
die at, so that it dies exactly there.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from .python_path import python_path

__all__ = ["ChildExit", "failpoint", "forks_in_a_loop", "run_child"]

forks_in_a_loop: Final = pytest.mark.skipif(
    sys.version_info >= (3, 14), reason="asyncio itself hangs here in a child that goes on in its parent's loop"
)
"""The mark of a test whose forked child does not end at once."""

_CHOSEN: Final = "HARNESS_FAILPOINT"
_MARK: Final = "failpoint: "


@dataclass(frozen=True, slots=True)
class ChildExit:
    """The result of a child; `point` is the failpoint at which it was killed."""

    returncode: int
    stdout: str
    stderr: str
    point: str | None = None

    @property
    def killed(self) -> bool:
        """Whether it died of SIGKILL."""
        return self.returncode == -signal.SIGKILL

    @property
    def lines(self) -> list[str]:
        """Its output, without failpoints; a line truncated by the kill is left out."""
        whole = self.stdout[: self.stdout.rfind("\n") + 1]
        return [line for line in whole.splitlines() if not line.startswith(_MARK)]


def failpoint(name: str) -> None:
    """In the child: if it is to be killed here, report the point and wait."""
    if os.environ.get(_CHOSEN) == name:
        os.write(1, f"{_MARK}{name}\n".encode())  # one write() per line: lines of threads do not mix
        time.sleep(60)
        os._exit(70)


async def run_child(
    script: str | Path,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    kill_at: str | None = None,
    kill_after: float | None = None,
    timeout: float = 30.0,
) -> ChildExit:
    """Run a script (a path, or the text itself) and kill it at a failpoint or after so many seconds.

    A child that is still there after `timeout` seconds is killed, and TimeoutError is raised.
    """
    source = [str(script)] if isinstance(script, Path) else ["-c", script]
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *source,
        *arguments,
        env=_environment(env or {}, kill_at),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=1 << 24,
        start_new_session=True,
    )
    timer = None if kill_after is None else asyncio.get_running_loop().call_later(kill_after, _kill, child)
    try:
        async with asyncio.timeout(timeout):
            return await _watch(child, kill_at)
    finally:
        if timer is not None:
            timer.cancel()
        _kill(child)
        await child.wait()


async def _watch(child: asyncio.subprocess.Process, kill_at: str | None) -> ChildExit:
    assert child.stdout is not None and child.stderr is not None
    errors = asyncio.create_task(child.stderr.read())
    lines: list[str] = []
    point = None
    try:
        async for line in child.stdout:
            lines.append(line.decode(errors="replace"))
            if kill_at is not None and lines[-1] == f"{_MARK}{kill_at}\n":
                point = kill_at
                _kill(child)
        stderr = (await errors).decode(errors="replace")
    finally:
        errors.cancel()
    return ChildExit(await child.wait(), "".join(lines), stderr, point)


def _kill(child: asyncio.subprocess.Process) -> None:
    """SIGKILL to the child and all it started; it leads a session of its own."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _environment(extra: Mapping[str, str], kill_at: str | None) -> dict[str, str]:
    chosen = {} if kill_at is None else {_CHOSEN: kill_at}
    return {**os.environ, "PYTHONPATH": python_path(), "PYTHONUNBUFFERED": "1", **chosen, **extra}
