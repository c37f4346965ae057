"""A server that is never the bottleneck, in a process and on a core of its own.

In C where there is a compiler; in Python for TLS and elsewhere. Its certificate is made for the run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

__all__ = ["REPLY", "Responder", "cores", "pin"]

_BODY: Final = '{"status":"received"}'
REPLY: Final = "\r\n".join((
    "HTTP/1.1 200 OK",
    "Date: Tue, 17 Jun 2025 10:21:33 GMT",
    "Content-Type: application/json; charset=utf-8",
    f"Content-Length: {len(_BODY)}",
    "Connection: keep-alive",
    "Cache-Control: max-age=0, private, must-revalidate",
    'ETag: W/"5f3c1e7a9b0d2c4e6f8a1b3c5d7e9f01"',
    "X-Request-Id: 7b3f0c52-5d0e-4b6a-9c1f-2f6d8f0a4e11",
    "X-Runtime: 0.004812",
    "Vary: Accept",
    "",
    _BODY,
))  # fmt: skip


def cores() -> tuple[set[int], set[int]] | None:
    """The core of the clients and that of the responder, if there are two to choose."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    return ({allowed[0]}, {allowed[1]}) if len(allowed) > 1 else None


def pin(which: set[int] | None) -> None:
    """Keep this process to these cores, where the system allows it."""
    if which is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, which)


def _compiled(into: Path) -> Path | None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    binary = into / "responder"
    source = Path(__file__).with_name("responder.c")
    made = subprocess.run([compiler, "-O2", "-o", binary, source], capture_output=True)
    return binary if made.returncode == 0 else None


def _certificate(into: Path) -> tuple[Path, Path]:
    """The server's key and chain, and the authority that the clients trust."""
    import trustme

    authority = trustme.CA()
    server, trusted = into / "server.pem", into / "authority.pem"
    authority.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(str(server))
    authority.cert_pem.write_to_path(str(trusted))
    return server, trusted


class Responder:
    """A running responder: its `url`, the certificate that clients trust (`authority`), and its language (`kind`)."""

    def __init__(self, into: Path, *, secure: bool = False, pure: bool = False) -> None:
        self.authority: Path | None = None
        arguments: list[str | Path] = []
        binary = None if secure or pure else _compiled(into)
        self.kind = "Python" if binary is None else "C"
        if secure:
            certificate, self.authority = _certificate(into)
            arguments.append(certificate)
        command = [binary] if binary else [sys.executable, "-m", "benchmarks.answering"]
        self._process = subprocess.Popen(
            [*command, REPLY, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        if (places := cores()) is not None:
            os.sched_setaffinity(self._process.pid, places[1])
        self.url = f"http{'s' if secure else ''}://127.0.0.1:{int(self._line())}"

    def count(self) -> int:
        """How many requests it has answered."""
        stdin = self._pipe(self._process.stdin)
        stdin.write("\n")
        stdin.flush()
        return int(self._line())

    def _line(self) -> str:
        return self._pipe(self._process.stdout).readline()

    def _pipe(self, pipe: IO[str] | None) -> IO[str]:
        if pipe is None:
            raise AssertionError("the responder was started with pipes")
        return pipe

    def close(self) -> None:
        """End it."""
        self._pipe(self._process.stdin).close()
        self._process.wait()
        self._pipe(self._process.stdout).close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
