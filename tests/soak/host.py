"""Forks the programs, so that none of them waits for imports: a line for each on stdin, lines with their results.

A line in is a number and the path of a task; lines out are ``started NUMBER PID`` and ``ended NUMBER STATUS``.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
from pathlib import Path

from .program import run

__all__ = ["main"]


def main() -> None:
    """Until stdin ends."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    gc.freeze()
    children: dict[int, str] = {}
    waiting = b""
    while True:
        ready, _, _ = select.select([0, reading], [], [])
        if reading in ready:
            os.read(reading, 4096)
            _reap(children)
        if 0 not in ready:
            continue
        given = os.read(0, 1 << 16)
        if not given:
            return
        *lines, waiting = (waiting + given).split(b"\n")
        for line in lines:
            number, _, path = line.decode().partition(" ")
            child = os.fork()
            if child == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.setsid()
                _become(path)
                return
            children[child] = number
            _say(f"started {number} {child}")


def _become(path: str) -> None:
    """Run the program; its stderr is a file beside its task."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    errors = os.open(Path(path).with_suffix(".stderr"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(nothing, 0)
    os.dup2(errors, 1)
    os.dup2(errors, 2)
    run(path)


def _reap(children: dict[int, str]) -> None:
    while children:
        try:
            child, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if child == 0:
            return
        if child in children:
            _say(f"ended {children.pop(child)} {os.waitstatus_to_exitcode(status)}")


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    main()
    sys.stdout.flush()
