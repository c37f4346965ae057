"""Every way to put an event, and the log of each call: offered, taken, accepted, refused, and its outcome."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

from hellotext_async import HellotextError, Outcome, QueueClosed, Receipt, WrongLoop
from hellotext_async.queue.queue import EventQueue

from .plan import Offer, Producer
from .result_log import ResultLog

__all__ = ["Submitter", "fields_of"]


def fields_of(offer: Offer) -> dict[str, Any]:
    """The arguments of `track` and `put`; the metadata let the server detect bytes that were mixed up."""
    text = offer.key[:1] * offer.size
    fields: dict[str, Any] = {
        "metadata": {"key": offer.key, "check": f"{offer.key} of {offer.subject}", "text": text},
        "profile" if offer.subject.startswith("p") else "session": offer.subject,
    }
    if offer.idempotent:
        fields["order"] = f"o{offer.key}"
    if offer.given:
        fields["event_id"] = f"id-{offer.key}"
    return fields


def action_of(offer: Offer) -> str:
    """An order of a known profile is idempotent; a page view is not."""
    return "order.placed" if offer.idempotent else "page.viewed"


class Submitter:
    """Puts events into one queue."""

    def __init__(self, queue: EventQueue, log: ResultLog, *, durable: bool) -> None:
        self._queue, self._log, self._durable = queue, log, durable
        self._calls = itertools.count(1)
        self._receipts: dict[int, Receipt] = {}
        self._ended: set[int] = set()
        self._watchers: set[asyncio.Task[None]] = set()
        self._threads: list[threading.Thread] = []

    async def produce(self, producer: Producer) -> None:
        """Put the events of this producer."""
        await asyncio.sleep(producer.start)
        if producer.how == "thread":
            thread = threading.Thread(target=self._in_thread, args=(producer,), daemon=True)
            self._threads.append(thread)
            thread.start()
        elif producer.how == "deliver":
            await self._deliver(producer)
        else:
            for offer, pause in zip(producer.offers, producer.pauses, strict=True):
                if pause:
                    await asyncio.sleep(pause)
                await self._one(producer, offer)

    async def _one(self, producer: Producer, offer: Offer) -> None:
        call = self.offered(offer, producer.how)
        if producer.how == "track":
            self.track(call, offer)
        elif producer.how == "put":
            await self.put(call, offer)
        else:
            putting = asyncio.create_task(self.put(call, offer))
            for _ in range(random.choice([0, 1, 2, 3, 5, 8])):
                await asyncio.sleep(0)
            await asyncio.sleep(random.choice([0, random.uniform(0, 0.02)]))
            putting.cancel()
            await asyncio.wait([putting])

    def offered(self, offer: Offer, how: str) -> int:
        """A call is about to be made: its number."""
        call = next(self._calls)
        self._log("offered", call=call, key=offer.key, how=how, subject=offer.subject)
        return call

    def track(self, call: int, offer: Offer) -> Receipt | None:
        """`track`."""
        try:
            receipt = self._queue.track(action_of(offer), context=offer.key, **fields_of(offer))
        except HellotextError as error:
            self._log("refused", call=call, error=type(error).__name__)
            return None
        self._log("taken", call=call, id=receipt.event_id)
        self._receipts[call] = receipt
        if threading.current_thread() is threading.main_thread():
            self._watch(call, receipt)
        return receipt

    async def put(self, call: int, offer: Offer) -> None:
        """`put`."""
        try:
            receipt = await self._queue.put(action_of(offer), context=offer.key, **fields_of(offer))
        except asyncio.CancelledError:
            self._log("cancelled", call=call)
            raise
        except HellotextError as error:
            self._log("refused", call=call, error=type(error).__name__)
            return
        self._log("taken", call=call, id=receipt.event_id)
        self._log("accepted", call=call)
        self._receipts[call] = receipt
        self._watch(call, receipt)

    def _watch(self, call: int, receipt: Receipt) -> None:
        watcher = asyncio.create_task(self._until_the_end(call, receipt))
        self._watchers.add(watcher)

    async def _until_the_end(self, call: int, receipt: Receipt) -> None:
        try:
            await receipt.accepted()
            self._log("accepted", call=call)
            self._end(call, await receipt)
        except HellotextError as error:
            self._end(call, error)

    def _end(self, call: int, end: Outcome | HellotextError) -> None:
        self._ended.add(call)
        if isinstance(end, Outcome):
            self._log("outcome", call=call, verdict=end.verdict, marked=end.maybe_duplicated, id=end.event_id)
        elif isinstance(end, QueueClosed) and end.kept:
            self._log("kept", call=call)
        else:
            self._log("nowhere", call=call, error=repr(end))

    async def _deliver(self, producer: Producer) -> None:
        calls: list[int] = []

        async def feed() -> AsyncIterator[dict[str, Any]]:
            for offer, pause in zip(producer.offers, producer.pauses, strict=True):
                if pause:
                    await asyncio.sleep(pause)
                calls.append(self.offered(offer, "deliver"))
                yield {"action": action_of(offer), "context": offer.key, **fields_of(offer)}

        error = ""
        try:
            async for outcome in self._queue.deliver(feed()):
                marked = outcome.maybe_duplicated
                self._log("bulk", key=outcome.context, verdict=outcome.verdict, marked=marked, id=outcome.event_id)
        except HellotextError as raised:
            error = type(raised).__name__
        self._log("bulk over", calls=calls, error=error)

    def _in_thread(self, producer: Producer) -> None:
        taken: list[tuple[int, Receipt]] = []
        for offer, pause in zip(producer.offers, producer.pauses, strict=True):
            if pause:
                time.sleep(pause)
            call = self.offered(offer, "thread")
            receipt = self.track(call, offer)
            if receipt is not None:
                taken.append((call, receipt))
        for call, receipt in taken:
            self._wait(call, receipt, 40)

    def _wait(self, call: int, receipt: Receipt, seconds: float) -> None:
        try:
            self._end(call, receipt.wait(seconds))
        except TimeoutError:
            self._log("hang", what="receipt.wait", call=call)
            self._ended.add(call)
        except WrongLoop:
            pass  # the loop is closed: `after_the_loop` asks
        except HellotextError as error:
            self._end(call, error)

    async def all_resolved(self, timeout: float) -> None:
        """Every waiter for a receipt has its outcome soon."""
        if self._watchers:
            await asyncio.wait(self._watchers, timeout=timeout)
        for thread in self._threads:
            await asyncio.to_thread(thread.join, timeout)
        for call in self._receipts.keys() - self._ended:
            self._log("hang", what="a receipt", call=call)

    def after_the_loop(self, timeout: float) -> None:
        """The receipts whose outcome was not written yet: with a closed loop they have ended, or hang."""
        for thread in self._threads:
            thread.join(timeout)
        for call in sorted(self._receipts.keys() - self._ended):
            receipt = self._receipts[call]
            if receipt.done():
                self._wait(call, receipt, 0)
            else:
                self._log("hang", what="a receipt, after the loop", call=call)
