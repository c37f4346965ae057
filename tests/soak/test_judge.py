"""The judge: a round without a broken rule, and one broken rule of each kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from .draw import draw
from .history import read_history
from .judge import Exit, judge
from .plan import Ending, Life, Round, Step
from .server import Records, Seen

Line = dict[str, Any]
OFFER: Line = {"kind": "offered", "call": 1, "key": "7", "how": "put", "subject": "p1"}
TAKEN: Line = {"kind": "taken", "call": 1, "id": "id-7"}
ACCEPTED: Line = {"kind": "accepted", "call": 1}
DELIVERED: Line = {"kind": "outcome", "call": 1, "verdict": "delivered", "marked": False, "id": "id-7"}
STATS: Line = {"kind": "stats", "right": True, "final": True, "outcomes": {"delivered": 1}}
HOOK: Line = {"kind": "hook", "id": "id-7", "key": "7", "verdict": "delivered", "marked": False}
WHOLE = [OFFER, TAKEN, ACCEPTED, DELIVERED, HOOK, STATS]


def ended(verdict: str, *, marked: bool = False) -> list[Line]:
    return [OFFER, TAKEN, ACCEPTED, {**DELIVERED, "verdict": verdict, "marked": marked}]


def judged(
    folder: Path,
    lines: list[Line],
    applied: int,
    *,
    buffer: Any = "spool",
    delivery: Any = "careful",
    status: int = 0,
    stderr: str = "",
    letters: tuple[str, ...] = (),
    idempotent: bool = False,
) -> list[str]:
    """The broken rules of a round of one program, which wrote these lines, and whose event 7 was applied so often."""
    plan = msgspec.structs.replace(
        draw("any"), buffer=buffer, delivery=delivery, ordering="subject",
        steps=[Step([Life("1", "asyncio", [], [], Ending("close"))])],
    )  # fmt: skip
    stamped = [{"t": float(number), **line} for number, line in enumerate(lines)]
    (folder / "1.results").write_text("".join(json.dumps(line) + "\n" for line in stamped))
    written = [{"verdict": verdict, "payload": {"metadata": {"key": "7"}}} for verdict in letters]
    (folder / "letters.jsonl").write_text("".join(json.dumps(letter) + "\n" for letter in written))
    history = read_history(folder, ["1"])
    for event in history.events.values():
        event.given, event.idempotent = True, idempotent
    seen = [Seen("7", "p1", "1", "received", 10.0 + number, 10.0 + number) for number in range(applied)]
    return judge(plan, Records(seen, list(seen)), history, {"1": Exit(status, stderr)})


@pytest.mark.parametrize(
    ("lines", "applied", "how"),
    [
        (WHOLE, 1, {}),
        (ended("delivered", marked=True), 2, {}),
        (ended("delivered"), 2, {"idempotent": True}),
        (ended("unknown"), 0, {"letters": ("unknown",)}),
        (ended("unknown"), 1, {"letters": ("unknown",)}),
        (ended("abandoned"), 0, {"buffer": "memory"}),
        ([OFFER, {"kind": "refused", "call": 1, "error": "QueueFull"}], 0, {}),
        ([OFFER, {"kind": "cancelled", "call": 1}], 0, {}),
        ([OFFER, {"kind": "cancelled", "call": 1}, {"kind": "leaving"}], 1, {}),
        ([OFFER], 1, {}),
        ([OFFER, TAKEN, ACCEPTED], 0, {"buffer": "memory", "status": -9}),
    ],
)
def test_an_allowed_round_breaks_no_rule(tmp_path: Path, lines: list[Line], applied: int, how: Any) -> None:
    """An outcome that fits what was applied, a refusal, an uncertain event after a kill."""
    found = judged(tmp_path, lines, applied, **how)
    assert [one for one in found if not one.startswith("program ended with -9")] == []


@pytest.mark.parametrize(
    ("rule", "lines", "applied", "how"),
    [
        ("delivered, but never applied", WHOLE, 0, {}),
        ("applied twice and not marked", WHOLE, 2, {}),
        ("applied twice under at_most_once", ended("delivered", marked=True), 2, {"delivery": "at_most_once"}),
        ("rejected, but applied", ended("rejected"), 1, {"letters": ("rejected",)}),
        ("expired, but applied", ended("expired"), 1, {"letters": ("expired",)}),
        ("abandoned, but applied", ended("abandoned"), 1, {"buffer": "memory"}),
        ("two different outcomes", [*WHOLE, {**DELIVERED, "verdict": "unknown"}], 1, {"letters": ("unknown",)}),
        ("the hook was called twice", [*WHOLE, HOOK], 1, {}),
        ("the counted outcomes are not those of the hook", [*WHOLE[:4], STATS], 1, {}),
        ("the numbers do not add up", [{**STATS, "right": False}, *WHOLE], 1, {}),
        ("no letter", ended("unknown"), 0, {}),
        ("a letter, though it was delivered", WHOLE, 1, {"buffer": "memory", "letters": ("abandoned",)}),
        ("lost", [OFFER, TAKEN, ACCEPTED], 0, {"status": -9}),
        ("no end of a receipt (put)", [OFFER, TAKEN, ACCEPTED], 1, {}),
        ("kept, though there is no spool", [OFFER, TAKEN, {"kind": "kept", "call": 1}], 0, {"buffer": "memory"}),
        ("kept and ended", [*WHOLE, {"kind": "kept", "call": 1}], 1, {}),
        ("applied, though every call was refused", [OFFER, {"kind": "refused", "call": 1, "error": "x"}], 1, {}),
        ("applied, though every call was refused", [OFFER, {"kind": "cancelled", "call": 1}], 1, {}),
        ("applied, but never offered", [], 1, {}),
        ("sent again after everything was settled", [*WHOLE, {"kind": "settled"}], 1, {}),
        ("deliver ended without an outcome", [OFFER, {"kind": "bulk over", "calls": [1], "error": ""}], 1, {}),
        ("hang", [{"kind": "hang", "what": "a receipt"}], 0, {}),
        ("an unexpected error", [{"kind": "error", "text": "KeyError"}], 0, {}),
        ("fork and track", [{"kind": "forked", "action": "fork and track", "got": "a receipt", "want": "Forked"}], 0, {}),
        ("program ended with 1 instead of 0", [], 0, {"status": 1}),
        ("a traceback on stderr", [], 0, {"stderr": "Traceback (most recent call last)"}),
    ],
)  # fmt: skip
def test_one_broken_rule_of_each_kind_is_found(
    tmp_path: Path, rule: str, lines: list[Line], applied: int, how: Any
) -> None:
    """And named."""
    assert any(one.startswith(rule) for one in judged(tmp_path, lines, applied, **how))


def test_an_event_that_overtakes_another_of_its_subject_is_found(tmp_path: Path) -> None:
    """An event taken before the other was offered is applied before it."""
    lines = []
    for call, key in ((1, "a"), (2, "b")):
        lines += [{**OFFER, "call": call, "key": key}, {**TAKEN, "call": call, "id": f"id-{key}"}]
        lines += [{"kind": "accepted", "call": call}, {**DELIVERED, "call": call, "id": f"id-{key}"}]
    (tmp_path / "1.results").write_text("".join(json.dumps({"t": n, **line}) + "\n" for n, line in enumerate(lines)))
    plan: Round = msgspec.structs.replace(draw("any"), buffer="spool", ordering="subject", steps=[])
    history = read_history(tmp_path, ["1"])
    seen = [Seen(key, "p1", "1", "received", at, at) for key, at in (("b", 10.0), ("a", 11.0))]
    found = judge(plan, Records(seen, seen), history, {})
    assert found == ["out of order: event b overtook a of subject p1 (put)"]
    assert (
        judge(plan, Records(seen[::-1], [Seen("a", "p1", "1", "", 1, 1), Seen("b", "p1", "1", "", 2, 2)]), history, {})
        == []
    )


def test_a_round_is_drawn_from_its_name_alone() -> None:
    """The same name, the same plan; another name, another."""
    assert draw("x-1") == draw("x-1")
    assert draw("x-1") != draw("x-2")
    kinds = {draw(f"x-{number}").buffer for number in range(50)}
    assert kinds == {"memory", "spool", "folder"}
