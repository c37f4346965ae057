"""A client in its own thread: started once for each process, used from any thread, closed at exit."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from hellotext_async import ClientClosed, ConfigurationError, Hellotext, NotFound, WrongLoop
from hellotext_async.emulator import Emulator, Fault
from hellotext_async.integrations.threads import HellotextThread
from tests.cli.command import environment


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator in a thread of its own."""
    with Emulator.in_thread() as emulator:
        emulator.store.seed_document()
        yield emulator


@pytest.fixture
def hellotext(emulator: Emulator) -> Iterator[HellotextThread]:
    """A client and a queue in a thread."""
    made = HellotextThread(lambda: Hellotext(emulator.token, base_url=emulator.url))
    yield made
    made.close()


def test_events_come_in_from_any_thread(hellotext: HellotextThread, emulator: Emulator) -> None:
    """All are delivered by the close, which returns the report."""
    before = threading.enumerate()

    def track(number: int) -> None:
        for n in range(50):
            hellotext.queue.track("page.viewed", session=f"s{number}-{n}")

    threads = [threading.Thread(target=track, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = hellotext.close()
    assert report is not None
    assert report.outcomes["delivered"] == 400
    assert len({event["session"] for event in emulator.events}) == 400
    assert not [thread for thread in threading.enumerate() if thread not in before and thread.name == "hellotext"]
    assert hellotext.close() is None


def test_a_call_is_answered_in_the_caller_s_thread(hellotext: HellotextThread, emulator: Emulator) -> None:
    """Its result, its error, or a TimeoutError."""
    assert hellotext.call(lambda client: client.profiles.retrieve("MzYwlE50")).id == "MzYwlE50"
    assert [one.id for one in hellotext.call(lambda client: client.profiles.list(limit=1)).items] == ["MzYwlE50"]
    with pytest.raises(NotFound):
        hellotext.call(lambda client: client.profiles.retrieve("nothing"))
    emulator.faults.add(Fault("delay", "GET *", delay=2))
    with pytest.raises(TimeoutError):
        hellotext.call(lambda client: client.profiles.retrieve("MzYwlE50"), timeout=0.1)


def test_a_call_in_its_own_thread_is_refused(hellotext: HellotextThread) -> None:
    """It would wait for itself."""

    async def call_again(client: Hellotext) -> None:
        hellotext.call(lambda client: client.profiles.retrieve("MzYwlE50"))

    with pytest.raises(WrongLoop, match="await there instead"):
        hellotext.call(call_again)


def test_a_close_in_its_own_thread_is_refused(hellotext: HellotextThread) -> None:
    """It would wait for its own end; nothing is closed by it."""

    async def close(client: Hellotext) -> None:
        hellotext.close()

    receipt = hellotext.queue.track("page.viewed", session="s")
    with pytest.raises(WrongLoop, match=r"^close\(\) was called in the thread"):
        hellotext.call(close, timeout=20)
    assert receipt.wait(timeout=20).delivered


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()], ids=["exit", "interrupt"])
def test_a_call_that_ends_the_program_ends_its_caller_s_thread_alone(
    hellotext: HellotextThread, error: BaseException
) -> None:
    """Events and other calls go on."""

    async def leave(client: Hellotext) -> None:
        raise error

    client, receipt = hellotext.client, hellotext.queue.track("page.viewed", session="s")
    with pytest.raises(type(error)):
        hellotext.call(leave)
    assert receipt.wait(timeout=20).delivered
    assert hellotext.call(lambda client: client.profiles.retrieve("MzYwlE50")).id == "MzYwlE50"
    assert hellotext.client is client


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # it is stopped on purpose
def test_a_loop_that_ended_by_itself_is_replaced(hellotext: HellotextThread) -> None:
    """By the next use; or `close` has its report."""

    async def stop(client: Hellotext) -> None:
        asyncio.get_running_loop().stop()

    def stopped() -> None:
        hellotext.call(stop)
        for thread in threading.enumerate():
            if thread.name == "hellotext":
                thread.join()

    hellotext.queue.track("page.viewed", session="first")
    stopped()
    assert hellotext.queue.track("page.viewed", session="second").wait(timeout=20).delivered
    stopped()
    report = hellotext.close()
    assert report is not None
    assert report.outcomes["delivered"] == 1


def test_a_call_that_meets_a_close_has_a_typed_error(hellotext: HellotextThread) -> None:
    """Its client was taken before the close, and the loop is closed when it gets there."""

    class Meanwhile(HellotextThread):
        def _started(self, closed: object) -> object:  # type: ignore[override]
            running = super()._started(closed)  # type: ignore[arg-type]
            self.close()
            return running

    with pytest.raises(ClientClosed, match="closed meanwhile"):
        Meanwhile(hellotext._make_client).call(lambda client: client.profiles.retrieve("MzYwlE50"))


async def test_it_works_beside_a_running_loop(hellotext: HellotextThread) -> None:
    """As in an async view of Django."""
    receipt = hellotext.queue.track("page.viewed", session="s")
    outcome = await asyncio.to_thread(hellotext.call, lambda _: _outcome(receipt))
    assert outcome.delivered


async def _outcome(receipt: object) -> object:
    return await receipt  # type: ignore[misc]


def test_what_opening_raises_is_raised_to_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the next use tries again."""
    monkeypatch.delenv("HELLOTEXT_API_TOKEN", raising=False)
    hellotext = HellotextThread()
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="token"):
            _ = hellotext.queue
    monkeypatch.setenv("HELLOTEXT_API_TOKEN", "t")
    assert hellotext.client.name is None
    hellotext.close()


def test_a_pickled_one_is_another_s_own(emulator: Emulator) -> None:
    """As an argument of a process that is spawned, also after its first use here."""
    hellotext = HellotextThread(drain=3)
    assert pickle.loads(pickle.dumps(hellotext))._drain == 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELLOTEXT_API_TOKEN", emulator.token)
        patch.setenv("HELLOTEXT_API_URL", emulator.url)
        own = hellotext.client
        other: HellotextThread = pickle.loads(pickle.dumps(hellotext))
        assert other.client is not own
        other.close()
        assert hellotext.client is own
    hellotext.close()


AFTER_THE_MAIN_THREAD = """
import sys, threading
from hellotext_async import ClientClosed, QueueClosed
from hellotext_async.integrations.threads import HellotextThread

hellotext = HellotextThread()
if sys.argv[1] == "used":
    hellotext.queue.track("page.viewed", session="before")


def go_on():
    threading.main_thread().join()
    for use, error in ((lambda: hellotext.queue, QueueClosed), (lambda: hellotext.client, ClientClosed)):
        for _ in range(2):
            try:
                use()
            except error as refused:
                print(refused)


threading.Thread(target=go_on).start()
"""


@pytest.mark.parametrize("first", ["used", "not used"])
def test_a_thread_that_goes_on_after_the_main_one_is_refused(emulator: Emulator, first: str) -> None:
    """With a typed error, again and again: what it tracked could neither be sent nor counted."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", AFTER_THE_MAIN_THREAD, first],
        env=environment(emulator), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["the main thread has ended: nothing more is taken or sent"] * 4
    assert [event["session"] for event in emulator.events] == (["before"] if first == "used" else [])


FORKING = """
import os
from hellotext_async.integrations.threads import HellotextThread
hellotext = HellotextThread()
hellotext.queue.track("page.viewed", session="parent")
children = []
for number in range(3):
    pid = os.fork()
    if pid == 0:
        for n in range(20):
            hellotext.queue.track("page.viewed", session=f"child{number}-{n}")
        raise SystemExit
    children.append(pid)
for pid in children:
    assert os.waitpid(pid, 0)[1] == 0
hellotext.queue.track("page.viewed", session="parent")
"""


def test_each_forked_process_has_its_own_and_delivers_at_its_exit(emulator: Emulator) -> None:
    """Nothing is closed by the program."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore:This process:DeprecationWarning", "-c", FORKING],  # its warnings are tested here
        env=environment(emulator), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    sessions = [event["session"] for event in emulator.events]
    assert sorted(sessions) == sorted(["parent"] * 2 + [f"child{number}-{n}" for number in range(3) for n in range(20)])
