"""The log: a handler or a filter of the program's that raises breaks nothing."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator

import pytest

from hellotext_async._log import logger
from tests.harness.clock import virtual_time
from tests.harness.transport import Script, answers, received
from tests.rig import assert_adds_up, queue

NAME = "hellotext_async.queue"


class Raises(logging.Handler, logging.Filter):
    """A handler, and a filter, that raises."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def handle(self, record: logging.LogRecord) -> bool:
        raise self.error

    def filter(self, record: logging.LogRecord) -> bool:
        raise self.error


@pytest.fixture(params=["handler", "filter"])
def raising(request: pytest.FixtureRequest) -> Iterator[None]:
    """Such a one at the logger of queues."""
    raises, log = Raises(RuntimeError("a customer's secret")), logging.getLogger(NAME)
    add, remove = (
        (log.addHandler, log.removeHandler) if request.param == "handler" else (log.addFilter, log.removeFilter)
    )
    add(raises)
    yield
    remove(raises)


@pytest.mark.usefixtures("raising")
@virtual_time
async def test_a_log_that_raises_ends_no_queue(capsys: pytest.CaptureFixture[str]) -> None:
    """The queue is suspended as it should be, goes on, and closes; stderr has the error's type, not its text."""
    script = Script(answers(401), default=answers(404))
    async with queue(script) as opened:
        receipt = opened.track("page.viewed", session="s")
        assert (await opened.flush(10)).suspended
        script.default = received()
        opened.resume()
        assert (await receipt).verdict == "delivered"
    assert_adds_up(opened)
    err = capsys.readouterr().err
    assert f"{NAME}: a log line was lost: writing it raised RuntimeError\n" in err
    assert "secret" not in err


@pytest.mark.usefixtures("raising")
def test_it_is_silent_where_logging_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As `logging.raiseExceptions` says."""
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logger(NAME).error("a line")
    assert not capsys.readouterr().err


@pytest.fixture
def interrupts() -> Iterator[None]:
    """An interrupt raises KeyboardInterrupt, also where the tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
def test_an_interrupt_in_a_handler_is_not_lost() -> None:
    """It is raised in the main thread."""
    raises, log = Raises(KeyboardInterrupt()), logging.getLogger(NAME)
    log.addHandler(raises)
    try:
        with pytest.raises(KeyboardInterrupt):
            logger(NAME).error("a line")
    finally:
        log.removeHandler(raises)


def test_a_line_names_where_it_was_written(caplog: pytest.LogCaptureFixture) -> None:
    """Not the module of the loggers."""
    logger(NAME).error("%d lines", 3, extra={"more": 1})
    (record,) = caplog.records
    assert (record.funcName, record.getMessage()) == ("test_a_line_names_where_it_was_written", "3 lines")
    assert record.__dict__["more"] == 1
