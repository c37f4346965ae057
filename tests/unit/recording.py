"""A double of what the families call: it records requests and returns answers from a list."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any, TypeVar

from hellotext_async._wire.call import Call, Reply, Request
from hellotext_async._wire.encode import request_of
from hellotext_async._wire.reply import answer

T = TypeVar("T")


class Recording:
    """Answers each call with the next of `replies` (a Reply, or what its body is as JSON), else with the last."""

    def __init__(self, *replies: object) -> None:
        self.replies = deque(replies or [{"id": "x"}])
        self.calls: list[Call[Any]] = []
        self.requests: list[Request] = []

    async def send(self, call: Call[T], /) -> T:
        """The next answer."""
        self.calls.append(call)
        self.requests.append(request_of(call))
        reply = self.replies.popleft() if len(self.replies) > 1 else self.replies[0]
        return answer(call, reply if isinstance(reply, Reply) else Reply(200, body=json.dumps(reply).encode()))

    async def pause(self, seconds: float, /) -> None:
        """Wait in the loop's time."""
        await asyncio.sleep(seconds)

    @property
    def asked(self) -> list[tuple[str, str]]:
        """Method and target of every request."""
        return [(request.method, request.target) for request in self.requests]

    @property
    def body(self) -> Any:
        """The JSON of the last request."""
        return json.loads(self.requests[-1].body or b"null")
