"""A server on raw streams, with records of its own: what arrived, what was applied, when, of which program.

Rules. An event is applied when it arrives, before anything is answered, unless its answer says that
it was not; only ``late`` applies it after the client gave up. The token names the program.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from .plan import Behaviour

__all__ = ["Records", "Seen", "Server"]

EVENTS: Final = "/v1/attribution/events"
RESENDABLE: Final = ("429", "429 wait", "503 wait", "500", "422", "408", "reset before", "close before", "unread")
"""Faults that report, or cause, that the event was not applied."""

_STATUS: Final = {
    "429": (429, ""), "429 wait": (429, "Retry-After: 1\r\n"), "503 wait": (503, "Retry-After: 1\r\n"),
    "500": (500, ""), "500 applied": (502, ""), "422": (422, ""), "408": (408, ""), "401": (401, ""),
}  # fmt: skip


@dataclass(slots=True)
class Seen:
    """One request for an event, and what was done with it."""

    key: str
    subject: str
    program: str
    kind: str
    at: float
    applied_at: float | None = None
    over_at: float | None = None


@dataclass(slots=True)
class Records:
    """Everything that arrived, in order; `wrong` are requests that no program could have meant."""

    seen: list[Seen] = field(default_factory=list[Seen])
    applied: list[Seen] = field(default_factory=list[Seen])
    wrong: list[str] = field(default_factory=list[str])


class Server:
    """One round's server, at an address of its own."""

    def __init__(self, host: str, rng: Random, total: float, reached: Callable[[str, int, str], None]) -> None:
        self.records = Records()
        self._host, self._rng, self._total, self._reached = host, rng, total, reached
        self._behaviour = Behaviour()
        self._numbers: dict[str, int] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None
        self._port = 0

    async def start(self) -> str:
        """Listen; the URL."""
        self._server = await asyncio.start_server(self._connected, self._host, self._port, limit=1 << 20)
        self._port = self._server.sockets[0].getsockname()[1]
        return f"http://{self._host}:{self._port}"

    async def stop(self) -> None:
        """Complete what is still to be applied late, then end."""
        self._refuse()
        late = [task for task in self._tasks if task.get_name() == "late"]
        for task in self._tasks - set(late):
            task.cancel()
        if late:
            await asyncio.wait(late)
        if self._tasks:
            await asyncio.wait(self._tasks)

    def begin(self, behaviour: Behaviour) -> None:
        """A step begins."""
        self._behaviour = behaviour
        self._numbers.clear()
        for start, end in behaviour.down:
            self._do(self._away(start, end), "down")

    async def accept_connections(self) -> None:
        """It listens from here on."""
        if down := [task for task in self._tasks if task.get_name() == "down"]:
            await asyncio.wait(down)

    async def _away(self, start: float, end: float) -> None:
        await asyncio.sleep(start)
        self._refuse()
        await asyncio.sleep(end - start)
        await self.start()

    def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _do(self, work: Any, name: str) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        current = asyncio.current_task()
        assert current is not None
        self._tasks.add(current)
        current.add_done_callback(self._tasks.discard)
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether the connection stays open."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        kind = self._next()
        if kind == "unread":
            return _reset(writer)
        lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        token = headers.get("authorization", "").removeprefix("Bearer ")
        program = token.partition("-")[0]
        number = self._numbers[program] = self._numbers.get(program, 0) + 1
        if 0 < self._behaviour.revoked_from <= number and token.endswith("-old"):
            kind = "401"
        event = self._note(lines[0], program, kind, body)
        self._reached(program, number, "arrived")
        if event is not None and kind not in (*RESENDABLE, "401", "late"):
            self._apply(event)
        self._reached(program, number, "applied")
        try:
            return await self._answer(kind, event, reader, writer)
        finally:
            if event is not None:
                event.over_at = time.monotonic()
            self._reached(program, number, "answered")

    def _next(self) -> str:
        behaviour = self._behaviour
        return self._rng.choice(behaviour.kinds) if self._rng.random() < behaviour.share else "received"

    def _note(self, line: str, program: str, kind: str, body: bytes) -> Seen | None:
        if line != f"POST {EVENTS} HTTP/1.1":
            self.records.wrong.append(line)
            return None
        try:
            event = json.loads(body)
            metadata = event["metadata"]
            subject = event.get("profile") or event["session"]
            if metadata["check"] != f"{metadata['key']} of {subject}" or metadata["text"] != metadata["key"][:1] * len(
                metadata["text"]
            ):
                raise ValueError("another event's bytes")
        except (ValueError, KeyError, TypeError) as error:
            self.records.wrong.append(f"{error!r}: {body[:500]!r}")
            return None
        seen = Seen(metadata["key"], subject, program, kind, time.monotonic())
        self.records.seen.append(seen)
        return seen

    def _apply(self, event: Seen) -> None:
        event.applied_at = time.monotonic()
        self.records.applied.append(event)

    async def _late(self, event: Seen | None) -> None:
        await asyncio.sleep(1.5 * self._total)
        if event is not None:
            self._apply(event)

    async def _answer(
        self, kind: str, event: Seen | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if kind.startswith("reset"):
            return _reset(writer)
        if kind.startswith("close"):
            return False
        if kind == "late":
            self._do(self._late(event), "late")
        if kind in ("late", "silent"):
            await reader.read()
            return False
        if kind in ("slow", "drip"):
            await asyncio.sleep(self._rng.uniform(0, 0.15))
        if kind == "garbage":
            writer.write(b"\x00\x01 nothing that HTTP knows\r\n\r\n")
            await writer.drain()
            return False
        status, more = _STATUS.get(kind, (200, ""))
        text = b'{"status":"received"}' if status == 200 else b'{"errors":[{"type":"x","message":"y"}]}'
        answer = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{more}Content-Length: {len(text)}\r\n\r\n"
        await self._write(kind, answer.encode() + text, writer)
        return kind not in ("torn", "answer and close")

    async def _write(self, kind: str, answer: bytes, writer: asyncio.StreamWriter) -> None:
        if kind == "torn":
            answer = answer[: self._rng.randrange(1, len(answer))]
        size = 7 if kind == "drip" else len(answer)
        for start in range(0, len(answer), size):
            writer.write(answer[start : start + size])
            await writer.drain()
            if kind == "drip":
                await asyncio.sleep(0)


def _reset(writer: asyncio.StreamWriter) -> bool:
    sock = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False
