"""kill -9 at named points and at random times: no accepted event is lost, no non-idempotent one is duplicated."""

from __future__ import annotations

import os
import random
import sqlite3
from pathlib import Path

import pytest

from tests.harness.checker import Submissions
from tests.harness.crash import ChildExit, run_child
from tests.harness.server import ScriptedServer

CHILD = Path(__file__).with_name("child.py")
ROUNDS = int(os.environ.get("CRASH_ROUNDS", "20"))
POINTS = ["before commit", "after commit", "marking", "removing", "before exchange", "after exchange"]
EVENTS = 200

pytestmark = pytest.mark.own_loop


def idempotency_of(ref: str) -> str:
    return "idempotent" if int(ref) % 2 else "non_idempotent"


def note(submissions: Submissions, exited: ChildExit) -> None:
    """Record what a child printed before it died."""
    for line in exited.lines:
        kind, *values = line.split()
        if kind == "accepted":
            submissions.accepted(values[0])
        elif kind == "ended":
            submissions.ended(values[0], values[1], maybe_duplicated=values[2] == "1")  # type: ignore[arg-type]


async def run_and_kill(
    tmp_path: Path, deaths: list[dict[str, object]]
) -> tuple[Submissions, ScriptedServer, list[ChildExit]]:
    """Run children that are killed one after the other over one spool, then a last one that finishes."""
    submissions = Submissions()
    outcomes: list[ChildExit] = []
    async with ScriptedServer() as server:
        for life, death in enumerate([*deaths, {}]):
            first, count = life * EVENTS, EVENTS if life < len(deaths) else 0
            for n in range(first, first + count):
                submissions.offered(str(n), idempotency_of(str(n)), f"p{n % 5}")  # type: ignore[arg-type]
            arguments = [server.url, str(tmp_path / "s.db"), str(first), str(count)]
            if "after" in death:
                arguments.append(str(death.pop("after")))
            outcomes.append(await run_child(CHILD, *arguments, **death))  # type: ignore[arg-type]
            note(submissions, outcomes[-1])
        history = server
    return submissions, history, outcomes


def judge(submissions: Submissions, server: ScriptedServer, last: ChildExit, path: Path) -> None:
    assert last.lines[-1:] == ["done"], last.stderr
    remembered = verdicts(path)
    for ref, claim in submissions.claims.items():
        if claim.accepted and not claim.outcomes and ref in remembered:
            # It died after it committed an outcome and before it reported it: the outcome is in the spool.
            submissions.ended(ref, remembered[ref])  # type: ignore[arg-type]
    submissions.verify(server.history.applied, ordered=False)


def verdicts(path: Path) -> dict[str, str]:
    """The outcomes that the spool has recorded."""
    link = sqlite3.connect(path)
    try:
        return dict(link.execute("select id, verdict from ids where verdict is not null").fetchall())
    finally:
        link.close()


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at_a_named_point_nothing_is_lost_or_doubled(point: str, tmp_path: Path) -> None:
    """Before and after every commit and every exchange."""
    submissions, server, outcomes = await run_and_kill(tmp_path, [{"kill_at": point}])
    assert outcomes[0].killed
    judge(submissions, server, outcomes[-1], tmp_path / "s.db")


async def test_killed_at_random_times_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    """CRASH_ROUNDS rounds over one spool."""
    chance = random.Random(20_261)
    deaths: list[dict[str, object]] = [{"after": chance.uniform(0.001, 0.25)} for _ in range(ROUNDS)]
    submissions, server, outcomes = await run_and_kill(tmp_path, deaths)
    assert sum(exited.killed for exited in outcomes) >= ROUNDS / 2
    judge(submissions, server, outcomes[-1], tmp_path / "s.db")
    accepted = [claim for claim in submissions.claims.values() if claim.accepted]
    assert len(accepted) > ROUNDS
