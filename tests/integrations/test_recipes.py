"""The consumer programs of the documentation, as processes, against real servers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from hellotext_async.emulator import Emulator, Fault
from tests.cli.command import LIMIT, environment
from tests.docs.pages import PAGES, blocks
from tests.integrations.postgres import INSTALLED, Postgres
from tests.redis.servers import Server

EVENTS = 300


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator in its own thread, so slow that a worker can be killed at work."""
    with Emulator.in_thread() as emulator:
        emulator.store.seed_document()
        emulator.faults.add(Fault("delay", delay=0.1, times=None))
        yield emulator


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """A broker."""
    with Server("valkey") as server:
        yield server.url


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    """A folder with the programs of the documentation."""
    for page in PAGES:
        for block in blocks(page, "python"):
            if block.title is not None and not block.title.startswith(("test_", "conftest")):
                (tmp_path / block.title).write_text(block.text)
    return tmp_path


@contextmanager
def running(folder: Path, emulator: Emulator, *argv: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program in its own process group, which is ended at the end."""
    given = {**environment(emulator), "PYTHONPATH": os.pathsep.join([str(folder), *sys.path]), **variables}
    command = [sys.executable, "-W", "ignore", *argv]
    process = subprocess.Popen(command, cwd=folder, env=given, start_new_session=True, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def ended(process: subprocess.Popen[bytes]) -> str:
    """Its stderr, when it has ended after SIGTERM with exit code 0."""
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, err.decode()
    return err.decode()


def until(condition: Callable[[], bool]) -> None:
    """Return when the condition, which another process fulfils, holds."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def event(number: int) -> dict[str, str]:
    """The event with this number; one in two hundred is invalid."""
    return {"action": "page.viewed" if number % 200 != 50 else "order.placed", "session": f"s{number}"}


LISTENING = "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
EXPECTED = {f"s{number}" for number in range(EVENTS) if number % 200 != 50}


def sessions(emulator: Emulator) -> Counter[str]:
    """How often each session's event was applied."""
    return Counter(one["session"] for one in emulator.events)


def test_a_worker_of_a_redis_stream_is_killed_and_goes_on(emulator: Emulator, recipes: Path, redis_url: str) -> None:
    """Every entry is delivered and acknowledged; at SIGTERM it completes what it has read."""
    worker = ("redis_worker.py", "worker-1")
    with Redis.from_url(redis_url, decode_responses=True) as redis:

        def add(numbers: range) -> None:
            for number in numbers:
                redis.xadd("shop:events", {"event": json.dumps(event(number)) if number != 60 else "no JSON"})

        add(range(EVENTS // 2))
        with running(recipes, emulator, *worker, REDIS_URL=redis_url) as process:
            until(lambda: len(emulator.events) >= 20)
            process.kill()
        add(range(EVENTS // 2, EVENTS))
        with running(recipes, emulator, *worker, REDIS_URL=redis_url) as process:
            until(lambda: redis.xinfo_groups("shop:events")[0]["lag"] == 0)
            err = ended(process)
        assert "no event" in err
        assert redis.xinfo_groups("shop:events")[0]["pending"] == 0
    assert set(sessions(emulator)) == EXPECTED - {"s60"}


@pytest.mark.skipif(INSTALLED is None, reason="PostgreSQL is not installed")
def test_workers_of_an_outbox_are_killed_and_go_on(emulator: Emulator, recipes: Path) -> None:
    """Two workers take different rows; committed ones are delivered, rolled back ones are not."""
    import psycopg

    with Postgres() as server, psycopg.connect(server.url, autocommit=True) as connection:
        with running(recipes, emulator, "postgres_worker.py", DATABASE_URL=server.url) as process:
            until(lambda: connection.execute("select to_regclass('outbox')").fetchone() != (None,))
            with connection.transaction(), connection.cursor() as cursor:
                rows = [(json.dumps(event(number)),) for number in range(EVENTS)]
                cursor.executemany("insert into outbox (event) values (%s)", rows)
            with connection.transaction(force_rollback=True):
                connection.execute("insert into outbox (event) values (%s)", [json.dumps(event(1000))])
            until(lambda: len(emulator.events) >= 20)
            process.kill()
        with (
            running(recipes, emulator, "postgres_worker.py", DATABASE_URL=server.url) as one,
            running(recipes, emulator, "postgres_worker.py", DATABASE_URL=server.url) as other,
        ):
            until(lambda: connection.execute("select count(*) from outbox").fetchone() == (0,))
            until(lambda: connection.execute(LISTENING).fetchone() == (2,))  # or a signal would end one that begins
            ended(one)
            ended(other)
    assert set(sessions(emulator)) == EXPECTED


def test_a_celery_worker_delivers_what_its_tasks_track(emulator: Emulator, recipes: Path, redis_url: str) -> None:
    """In two worker processes, which deliver what is queued when the worker ends."""
    from celery import Celery

    argv = ("-m", "celery", "-A", "celery_shop", "worker", "--concurrency", "2", "--loglevel", "WARNING")
    with Celery("shop", broker=redis_url) as sender:
        for number in range(40):
            sender.send_task("celery_shop.order_placed", [f"A-{number}", "MzYwlE50"])
        sender.send_task("celery_shop.order_shipped", ["wx4Vn4no", "MzYwlE50"])
        with running(recipes, emulator, *argv, REDIS_URL=redis_url) as process, Redis.from_url(redis_url) as redis:
            until(lambda: bool(emulator.events) and not redis.llen("celery") and not redis.hlen("unacked"))
            ended(process)
    assert Counter(one["action"] for one in emulator.events) == {"order.placed": 40, "order.shipped": 1}
