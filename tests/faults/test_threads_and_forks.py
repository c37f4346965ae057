"""What threads and forked children of one process share, and what they must not share."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

import msgspec
import pytest

from hellotext_async import Event
from hellotext_async._events.prepare import prepare
from hellotext_async.queue.entry import Entry, id_of
from tests.harness.crash import run_child
from tests.harness.scripts import silence
from tests.harness.server import ScriptedServer

EVENTS = 20_000


def encode_many(name: str, wrong: list[Any]) -> None:
    text = name * 40
    for number in range(EVENTS):
        body = msgspec.json.decode(prepare("page.viewed", {"session": "s1", "metadata": {"who": text}}).body)
        if body["metadata"]["who"] != text:
            wrong.append((name, number))


def test_threads_that_encode_events_never_get_each_others_bytes() -> None:
    """Also when the interpreter switches threads as often as it can."""
    before, wrong = sys.getswitchinterval(), []
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=encode_many, args=(name, wrong)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not wrong
    assert Event("page.viewed", session="s1")


FIRST_USES = """
import sys, threading
from msgspec import Struct, defstruct
from hellotext_async._wire.kinds import decoder

def use(kinds):
    barrier.wait()
    for kind in kinds:
        decoder(kind).decode(b'{"inner": [{"a": 1}], "union": "x"}')

sys.setswitchinterval(1e-6)
barrier = threading.Barrier(4)
kinds = []
for number in range(300):
    inner = defstruct("Inner", [("a", int | str | None)])
    kinds.append(defstruct("Outer", [("inner", list[inner]), ("union", dict[str, inner] | str | list[int] | None)]))
threads = [threading.Thread(target=use, args=(kinds,)) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_threads_may_use_a_type_for_the_first_time_together() -> None:
    """In a separate process: msgspec crashes the interpreter where two threads first use one type at once."""
    assert subprocess.run([sys.executable, "-c", FIRST_USES], timeout=60).returncode == 0


def receipt_id() -> str:
    return id_of(Entry("page.viewed", b"{}", "s1", "non_idempotent", 0.0))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_forked_children_make_ids_of_their_own() -> None:
    """Ids made after a fork differ from those of the parent and of every other child."""
    ids = [receipt_id()]
    for _ in range(3):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, receipt_id().encode())
            os._exit(0)
        os.waitpid(child, 0)
        ids.append(os.read(reading, 100).decode())
        os.close(reading)
        os.close(writing)
    ids.append(receipt_id())
    assert len({made.partition("-")[0] for made in ids}) == 4
    assert len(set(ids)) == 5


LOOP_IN_A_THREAD = """
import asyncio, sys, threading
from hellotext_async import Hellotext

async def main():
    client = Hellotext("t", base_url=sys.argv[1])
    empty, full = [await client.event_queue().open() for _ in range(2)]
    for n in range(3):
        full.track("page.viewed", session=f"s{n}")
    opened.set()
    await asyncio.sleep(3600)

opened = threading.Event()
threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
opened.wait()
"""


async def test_a_program_that_ends_while_a_thread_runs_a_queue_counts_its_events() -> None:
    """This thread must not end the loop: the events that it holds are counted, and an empty queue is not named."""
    async with ScriptedServer(silence()) as server:
        ended = await run_child(LOOP_IN_A_THREAD, server.url)
    assert ended.returncode == 0
    message = "the program ends while a queue's loop runs in another thread, with 3 events"
    assert [line for line in ended.stderr.splitlines() if "another thread" in line] == [message]
