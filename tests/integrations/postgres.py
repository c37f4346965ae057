"""A PostgreSQL server for the tests: in its own folder, on a Unix socket there, ended with its process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

__all__ = ["INSTALLED", "Postgres"]


PROGRAMS: Final = ("initdb", "postgres", "pg_isready")


def _programs() -> Path | None:
    """The folder of the server's programs: on the path, or where Debian installs them."""
    found = shutil.which("postgres")
    folders = [*([Path(found).resolve().parent] if found else []), *Path("/usr/lib/postgresql").glob("*/bin")]
    return next((each for each in folders if all((each / name).exists() for name in PROGRAMS)), None)


INSTALLED: Final = _programs()


class Postgres:
    """A context manager. `url` is its database, for libpq."""

    def __init__(self) -> None:
        if INSTALLED is None:
            raise RuntimeError("PostgreSQL is not installed")
        self._programs = INSTALLED
        self._folder = Path(tempfile.mkdtemp(prefix="hellotext-pg-"))
        self._user = "postgres" if os.getuid() == 0 else None  # the server refuses to run as root
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of its database."""
        return f"postgresql://postgres@/postgres?host={self._folder}"

    def __enter__(self) -> Self:
        data = self._folder / "data"
        self._start("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync").wait()
        options = ("-c", "listen_addresses=", "-c", "fsync=off", "-k", self._folder)
        self._process = self._start("postgres", "-D", data, *options)
        ready = (self._programs / "pg_isready", "-q", "-h", self._folder)
        until = time.monotonic() + 60
        while subprocess.run(ready, check=False).returncode:
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("PostgreSQL does not start")
            time.sleep(0.02)
        return self

    def _start(self, program: str, *arguments: object) -> subprocess.Popen[bytes]:
        command = [str(self._programs / program), *map(str, arguments)]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, user=self._user, cwd=self._folder, stdout=quiet, stderr=quiet)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)  # an immediate shutdown
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
