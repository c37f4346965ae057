"""Takes the inspector's pictures: ``python docs/_screenshots.py`` in the project's folder, with Chromium installed."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hellotext_async import Hellotext, NotFound
from hellotext_async.cli.shop import COUPONS, day
from hellotext_async.emulator import Emulator, Fault, RateLimit
from tests.harness.browser import Page, browse

IMAGES = Path("docs/img")
NAMES = (("Ana", "Lima"), ("Bruno", "Sosa"), ("Carla", "Pereira"), ("Diego", "Castro"))


async def main() -> None:
    """A shop's half minute with faults and a limit, then the pictures."""
    emulator = Emulator(rate_limit=RateLimit(60, 60))
    async with emulator, Hellotext(emulator.token, base_url=emulator.url) as client:
        profiles = [(await client.profiles.create(first_name=a, last_name=b)).id for a, b in NAMES]
        coupons = [(await client.coupons.create(code=code)).id for code in COUPONS]
        await shop(client, emulator, day(profiles, coupons, ends=time.time()))
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            async with browse(Path(folder)) as page:
                await take(page, emulator, profiles[0])


async def shop(client: Hellotext, emulator: Emulator, events: Iterator[dict[str, Any]]) -> None:
    """Deliver for half a minute: calm, then more than the limit, then with failures."""
    async with client.event_queue() as queue:
        for tenth in range(300):
            for _ in range(2 if tenth < 100 else 8):
                event = next(events)
                queue.track(event.pop("action"), **event)
            if tenth == 200:
                emulator.faults.add(Fault("status", status=500, times=3))
            await asyncio.sleep(0.1)
        await queue.aclose(30)
    emulator.faults.add(Fault("delay", match="GET *", delay=2, times=None))
    try:
        await client.events.track("order.placed", session="visit-9", order="not-there", amount=89.9, currency="USD")
    except NotFound:
        pass


async def take(page: Page, emulator: Emulator, profile: str) -> None:
    """The page with a request, a profile in the dark, and both on a phone."""
    newest = f"requests/{len(emulator.requests)}"
    for dark, width, place, name in (
        (False, 1240, newest, "inspector.png"),
        (True, 1240, f"profiles/{profile}", "inspector-profile.png"),
        (False, 390, "", "inspector-phone.png"),
        (True, 390, newest, "inspector-phone-dark.png"),
    ):
        await page.open(f"{emulator.url}/?{name}#/{place}", width=width, height=800, dark=dark)
        shown = "!document.querySelector('#detail').hidden" if place else "document.querySelectorAll('#list li').length"
        await page.until(f"{shown} && document.querySelectorAll('#chart rect').length")
        await page.screenshot(IMAGES / name)


asyncio.run(main())
