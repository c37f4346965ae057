"""A shop that web servers run in worker processes; `tests/integrations/test_servers.py` reads its counts."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from hellotext_async import EventQueue, Hellotext, SqliteSpool
from hellotext_async.integrations.fastapi import (
    HellotextQueue,
    HellotextState,
    add_hellotext_handlers,
    hellotext_lifespan,
)

FOLDER = Path(os.environ["SHOP_FOLDER"])
DRAIN = float(os.environ["SHOP_DRAIN"])


def make_queue(client: Hellotext) -> EventQueue:
    """With a spool for each process, or in memory."""
    if os.environ["SHOP_STORE"] == "spool":
        return client.event_queue(buffer=SqliteSpool.in_folder(FOLDER, durability="normal"))
    return client.event_queue(dead_letters=FOLDER / f"{os.getpid()}.dead-letters.jsonl")


hellotext = hellotext_lifespan(make_queue=make_queue, drain=DRAIN)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[HellotextState]:
    """The integration's; the accepted events and their outcomes are written to a file of this process."""
    started = FOLDER / f"{os.getpid()}.open"
    async with hellotext(app) as state:
        started.touch()
        yield state
    started.unlink()
    stats = state["hellotext_queue"].stats()
    account = {"accepted": stats.accepted, "left": stats.queued + stats.in_flight, "outcomes": stats.outcomes}
    (FOLDER / f"{os.getpid()}.account.json").write_text(json.dumps(account))


app = FastAPI(lifespan=lifespan)
add_hellotext_handlers(app)


@app.post("/orders/{number}")
async def ordered(number: int, queue: HellotextQueue) -> None:
    """Answered when the event is accepted; the API refuses every tenth."""
    currency = "USD" if number % 10 else "dollars"
    await queue.put("page.viewed", session=f"s{number}", amount=9.5, currency=currency)
