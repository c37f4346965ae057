"""A process of one of the benchmarks' modules that answers each line on stdin with a line."""

from __future__ import annotations

import subprocess
import sys
from typing import IO

__all__ = ["LineProcess"]


class LineProcess:
    """Its handle; the caller's loop is blocked until the answer arrives."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, line: str) -> str:
        """The answer to `line`."""
        stdin, stdout = self._pipes()
        stdin.write(f"{line}\n")
        stdin.flush()
        answer = stdout.readline()
        if not answer:
            raise RuntimeError("a process ended early; its error is above")
        return answer

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise AssertionError("the process is started with pipes")
        return stdin, stdout

    def close(self, line: str = "") -> None:
        """Let it end, after a last `line` if there is one; raise if it failed."""
        stdin, stdout = self._pipes()
        if line and self._process.poll() is None:
            stdin.write(f"{line}\n")
        stdin.close()
        failed = self._process.wait()
        stdout.close()
        if failed:
            raise RuntimeError("a process failed; its error is above")

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.communicate()
