"""A model of the whole: events, answers, cancellations, crashes, restarts and time, in any order.

After every run the server's history is compared with what the client reported.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hellotext_async.errors import HellotextError
from hellotext_async.queue.outcome import Outcome
from hellotext_async.queue.queue import EventQueue
from hellotext_async.queue.settings import Settings
from tests.harness.checker import Submissions
from tests.harness.clock import VirtualLoop
from tests.harness.transport import Answer, Script, answers, breaks, received, silent, unsent
from tests.rig import LoopSpool, engine

T = TypeVar("T")

ANSWERS: dict[str, Answer] = {
    "received": received(takes=0.05),
    "slow": received(takes=3),
    "throttled": answers(429),
    "rate limited": answers(429, headers=(("Retry-After", "7"),)),
    "failed": answers(500, takes=0.02),
    "failed after applying": answers(502, takes=0.02, applied=True),
    "refused": unsent(takes=0.01),
    "broken off": breaks(takes=0.02),
    "silent": silent(),
    "unprocessable": answers(422, takes=0.01),
}


class Machine(VirtualLoop):
    """An executor that runs its work at once, so that every run is the same."""

    def run_in_executor(self, executor: Executor | None, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done


GRAVES: list[Any] = []
"""Crashed processes, kept from collection: it would close their coroutines, which a crash does not do."""


class Shop(RuleBasedStateMachine):
    """A program with a spooled queue that may crash at any moment, and the server that it sends to."""

    @initialize(delivery=st.sampled_from(["careful", "at_least_once", "at_most_once"]))
    def start(self, delivery: Any) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "0.db"
        self.delivery = delivery
        self.submissions = Submissions(delivery)
        self.script = Script(default=ANSWERS["received"])
        self.number = 0
        self.lives = 0
        self.putting: list[asyncio.Task[Any]] = []
        self.open()

    def open(self) -> None:
        self.loop = Machine()
        self.lives += 1

        async def opening() -> EventQueue:
            made = engine(self.script, seed=self.lives)
            queue = EventQueue(
                lambda: made,
                Settings(
                    buffer=LoopSpool(self.path, durability="normal"),
                    delivery=self.delivery,
                    delivery_timeout=10_000,
                    concurrency=4,
                    capacity=12,
                    on_outcome=self.ended,
                ),
            )
            return await queue.open()

        self.queue = self.loop.run_until_complete(opening())

    def ended(self, outcome: Outcome) -> None:
        self.submissions.ended(outcome.event_id, outcome.verdict, maybe_duplicated=outcome.maybe_duplicated)

    @rule(answer=st.sampled_from(sorted(ANSWERS)))
    def answers_from_now_on(self, answer: str) -> None:
        self.script.default = ANSWERS[answer]

    @rule(answer=st.lists(st.sampled_from(sorted(ANSWERS)), max_size=4))
    def answers_next(self, answer: list[str]) -> None:
        self.script.upcoming.extend(ANSWERS[name] for name in answer)

    @rule(order=st.booleans(), subject=st.sampled_from("ab"), count=st.integers(1, 6))
    def hand_over(self, order: bool, subject: str, count: int) -> None:
        for _ in range(count):
            self.number += 1
            ref = str(self.number)
            self.submissions.offered(ref, "idempotent" if order else "non_idempotent", subject)
            self.putting.append(self.loop.create_task(self.put(ref, order, subject)))
        self.settle(0)

    async def put(self, ref: str, order: bool, subject: str) -> None:
        about = {"order": "o1"} if order else {}
        action = "order.placed" if order else "page.viewed"
        try:
            await self.queue.put(action, profile=subject, event_id=ref, metadata={"ref": ref}, **about)
        except HellotextError:
            self.submissions.refused(ref)
        else:
            self.submissions.accepted(ref)

    @rule(turns=st.integers(0, 6))
    def cancel_one(self, turns: int) -> None:
        self.putting = [task for task in self.putting if not task.done()]
        if self.putting:
            task = self.putting.pop()
            for _ in range(turns):
                self.settle(0)
            task.cancel()
            self.settle(0)

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.06, 1.0, 8.0, 40.0, 300.0]))
    def advance(self, seconds: float) -> None:
        self.settle(seconds)

    def settle(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    @precondition(lambda self: self.lives < 5)
    @rule()
    def crash_and_restart(self) -> None:
        copy = self.folder / f"{self.lives}.db"
        for suffix in ("", "-wal", ".dead-letters.jsonl"):
            if Path(f"{self.path}{suffix}").exists():
                shutil.copy(f"{self.path}{suffix}", f"{copy}{suffix}")
        self.queue._inside._settler._on_outcome = None  # type: ignore[union-attr]
        self.queue._closing = self.loop.create_future()  # type: ignore[assignment]
        self.bury()
        self.path = copy
        self.open()

    def bury(self) -> None:
        """The process has crashed: nothing of it runs again, not even its clean-up."""
        for task in asyncio.all_tasks(self.loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            GRAVES.append(task)
        GRAVES.append((self.queue, self.loop, *self.putting))
        self.putting.clear()
        del self.queue

    @invariant()
    def the_numbers_add_up(self) -> None:
        if hasattr(self, "queue"):
            stats = self.queue.stats()
            assert stats.accepted == sum(stats.outcomes.values()) + stats.queued + stats.in_flight, stats

    def teardown(self) -> None:
        if not hasattr(self, "queue"):
            return
        try:
            self.script.default = received()
            self.script.upcoming.clear()
            self.loop.run_until_complete(self.finish())
            self.submissions.verify(self.script.history.applied, ordered=False)
        finally:
            self.loop.close()
            shutil.rmtree(self.folder)

    async def finish(self) -> None:
        await asyncio.wait(self.putting) if self.putting else None
        report = await self.queue.flush(9_000)
        assert report.queued == report.in_flight == 0, report
        await self.ask_again()
        await self.queue.aclose()

    async def ask_again(self) -> None:
        """An outcome committed at a crash was never reported: its id yields it, and nothing is sent again."""
        for claim in self.submissions.claims.values():
            if claim.accepted and not claim.outcomes:
                asked = self.script.asked
                outcome = await (await self.queue.put("page.viewed", profile=claim.subject, event_id=claim.ref))
                assert self.script.asked == asked, f"lost: {claim}"
                self.submissions.ended(claim.ref, outcome.verdict, maybe_duplicated=outcome.maybe_duplicated)


@pytest.mark.parametrize("turns", range(16))
def test_a_crash_in_any_turn_of_the_loop_loses_no_outcome(turns: int) -> None:
    """Also in the turn between the commit of an outcome and its report."""
    shop = Shop()
    shop.start(delivery="careful")
    shop.hand_over(count=1, order=False, subject="a")
    shop.advance(0.01)
    shop.crash_and_restart()
    for _ in range(turns):
        shop.loop.call_soon(shop.loop.stop)
        shop.loop.run_forever()
    shop.crash_and_restart()
    shop.teardown()


TestShop = Shop.TestCase
TestShop.settings = settings(max_examples=100, stateful_step_count=30, suppress_health_check=list(HealthCheck))
