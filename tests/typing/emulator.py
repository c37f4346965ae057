"""The emulator, as applications' tests use it."""

# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

from typing import Any, assert_type

from hellotext_async.emulator import Emulator, Fault, RateLimit


async def serves() -> None:
    async with Emulator(rate_limit=RateLimit(50, burst=10)) as emulator:
        assert_type(emulator, Emulator)
        assert_type(emulator.url, str)
        assert_type(emulator.events, list[dict[str, Any]])
        assert_type([(seen.method, seen.path, seen.status) for seen in emulator.requests], list[tuple[str, str, int]])
        assert_type(emulator.counts["page.viewed"], int)
    Emulator(rate_limit=50)  # type: ignore[arg-type]
    Emulator(prot=8080)  # type: ignore[call-arg]


def serves_in_a_thread() -> None:
    with Emulator.in_thread() as emulator:
        assert_type(emulator, Emulator)
        emulator.assert_tracked("order.placed", order="x", times=1)
        emulator.assert_tracked()  # type: ignore[call-arg]
        emulator.assert_tracked("order.placed", times="once")  # type: ignore[arg-type]


def fails(emulator: Emulator) -> None:
    emulator.faults.add(Fault("status", status=503, retry_after=2), Fault("drop_after", times=None))
    emulator.faults.clear()
    emulator.faults.add("status")  # type: ignore[arg-type]
    Fault("explode")  # type: ignore[arg-type]
    Fault("status", code=503)  # type: ignore[call-arg]
    RateLimit()  # type: ignore[call-arg]
    RateLimit(50, kind="unknown")  # type: ignore[arg-type]
