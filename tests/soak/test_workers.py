"""Several processes and threads that create events at once."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from tests.harness.python_path import ROOT, python_path

from .server import Server
from .workers import EVENTS, THREADS, WORKERS


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
async def test_workers_with_two_threads_each_share_nothing(method: str, tmp_path: Path) -> None:
    """However they start: each event is applied once, unchanged, under its own id."""
    server = Server("127.0.0.1", Random(1), 5.0, lambda *_: None)
    url = await server.start()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.soak.workers", method, url, str(tmp_path / "spools"),
        cwd=ROOT, env={**os.environ, "PYTHONPATH": python_path()}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = await process.communicate()
    await server.stop()
    assert process.returncode == 0, errors.decode()
    keys, ids, verdicts = zip(*(line.split() for line in output.decode().splitlines()), strict=True)
    assert len(keys) == len(set(keys)) == len(set(ids)) == (1 + WORKERS) * THREADS * EVENTS
    assert set(verdicts) == {"delivered"}
    assert server.records.wrong == []
    assert Counter(seen.key for seen in server.records.applied) == Counter(keys)
