"""What an import costs in CPU, each in a fresh interpreter and without the interpreter's own start."""

from __future__ import annotations

import importlib.metadata
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

from .ground import Ground, present
from .paired import Ratio, ratio
from .row import Goal, Row, Unit

__all__ = ["rows"]

_OPENED: Final = """
import asyncio
from hellotext_async import Hellotext
async def main():
    async with Hellotext("token", base_url="http://127.0.0.1:9") as client:
        async with client.event_queue():
            pass
asyncio.run(main())
"""


def _dependencies() -> str:
    """The import of everything that the package requires, in use: anyio imports the half of itself only then."""
    required = importlib.metadata.requires("hellotext-async") or []
    names = [re.split(r"[^A-Za-z0-9_.-]", line)[0] for line in required if "extra ==" not in line]
    return f"import {', '.join(names)}, asyncio; asyncio.run(anyio.sleep(0))"


def _codes() -> dict[str, str]:
    codes = {
        "nothing": "pass",
        "dependencies": _dependencies(),
        "package": "import hellotext_async",
        "client": "from hellotext_async import Hellotext",
        "opened": _OPENED,
    }
    return codes | ({"httpx": "import httpx"} if present("httpx") else {})


def _cost(code: str) -> float:
    """CPU seconds of an interpreter that runs this."""
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code])
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"this failed: {code}")
    return used.ru_utime + used.ru_stime


def _round(codes: dict[str, str]) -> dict[str, float]:
    costs = {name: _cost(code) for name, code in codes.items()}
    nothing = costs.pop("nothing")
    return {name: cost - nothing for name, cost in costs.items()}


def rows(ground: Ground) -> Iterator[Row]:
    """In turns, as often as there are pairs in other races."""
    codes = _codes()
    for code in codes.values():
        _cost(code)
    rounds = [_round(codes) for _ in range(ground.pairs)]
    wholly = Goal(1.1, less=True)
    yield _row("import hellotext_async", rounds, "package", wholly)
    yield _row("import of Hellotext, without aiohttp", rounds, "client", wholly)
    yield _row("a client and a queue, opened and closed: more than an import", rounds, "opened")
    if "httpx" in codes:
        beyond = [1000 * (costs["client"] - costs["httpx"]) for costs in rounds]
        yield Row("import", "import of Hellotext beyond httpx's", ratio(beyond), "ms", Goal(30, less=True))


def _row(name: str, rounds: list[dict[str, float]], what: str, goal: Goal | None = None) -> Row:
    unit: Unit = "x its dependencies"
    figure: Ratio = ratio([costs[what] / costs["dependencies"] for costs in rounds])
    each = statistics.median(costs[what] for costs in rounds) * 1e6
    return Row("import", name, figure._replace(each=each), unit, goal)
