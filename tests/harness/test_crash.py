"""Child processes that die at a named point or after a time."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.harness.crash import run_child

CHILD = """
import os, sys
from tests.harness.crash import failpoint
print("accepted", sys.argv[1], os.environ["WORD"])
failpoint("after the first")
print("accepted again")
print("to stderr", file=sys.stderr)
failpoint("at the end")
"""


async def test_a_child_dies_exactly_at_its_failpoint() -> None:
    """The output before the point is there, later output is not."""
    exited = await run_child(CHILD, "one", env={"WORD": "two"}, kill_at="after the first")
    assert (exited.killed, exited.point, exited.lines) == (True, "after the first", ["accepted one two"])


async def test_a_child_left_alone_ends_by_itself(tmp_path: Path) -> None:
    """Without a point to die at, points do nothing; a script can be a file."""
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    exited = await run_child(script, "one", env={"WORD": "two"})
    assert (exited.returncode, exited.killed, exited.point) == (0, False, None)
    assert (exited.lines, exited.stderr) == (["accepted one two", "accepted again"], "to stderr\n")


async def test_a_child_is_killed_after_a_time() -> None:
    """The time runs whatever the child does, and a truncated line does not count."""
    exited = await run_child(
        "import time; print('whole'); print('half', end='', flush=True); time.sleep(60)", kill_after=1
    )
    assert exited.killed and exited.lines in (["whole"], [])  # fmt: skip


async def test_a_child_that_takes_too_long_is_killed() -> None:
    """At the limit TimeoutError is raised."""
    with pytest.raises(TimeoutError):
        await run_child("import time; time.sleep(60)", timeout=0.2)


PARENT = """
import subprocess, sys
from tests.harness.crash import failpoint
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid)
failpoint("now")
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux to watch a process that is not our child")
async def test_what_a_child_started_dies_with_it() -> None:
    """The kill reaches the children of the child."""
    exited = await run_child(PARENT, kill_at="now")
    async with asyncio.timeout(10):
        await _ended(int(exited.lines[0]))


async def _ended(pid: int) -> None:
    """Wait until a process that may belong to another user has ended."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(watch, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(watch)
        os.close(watch)
