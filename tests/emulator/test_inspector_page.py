"""The inspector's page in a real browser, operated as by a user."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hellotext_async import Hellotext, HellotextError
from hellotext_async.emulator import Emulator, Fault, RateLimit
from tests.harness.browser import Page, browse, chromium

PROFILE = "MzYwlE50"
EVIL = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"

pytestmark = pytest.mark.skipif(chromium() is None, reason="no Chromium here: the page was not looked at in a browser")


@pytest.fixture
async def page(emulator: Emulator, tmp_path: Path) -> AsyncIterator[Page]:
    """The page, open and connected, in a browser without errors."""
    async with browse(tmp_path) as page:
        await page.open(emulator.url)
        await page.until("document.querySelector('#connection').className === 'live'")
        yield page
        assert page.errors == []


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[Hellotext]:
    async with Hellotext(emulator.token, base_url=emulator.url) as client:
        yield client


async def rows(page: Page, number: int) -> list[str]:
    """The rows of the list, as soon as there are so many."""
    await page.until(f"document.querySelectorAll('#list .row').length === {number}")
    return [" ".join(row.split()[1:]) for row in await page.text("#list .row")]


async def test_requests_appear_are_filtered_and_opened(page: Page, emulator: Emulator, client: Hellotext) -> None:
    """By kind and by words, with the mouse and with the keyboard alone."""
    await client.events.track("page.viewed", profile=PROFILE)
    await client.lists.list()
    with pytest.raises(HellotextError):
        await client.events.track("order.placed", session="s", order="none")
    assert await rows(page, 3) == [
        "POST order.placed s 404", "GET /v1/lists 200", f"POST page.viewed {PROFILE} 200",
    ]  # fmt: skip
    await page.click("input[value=problems] + span")
    assert await rows(page, 1) == ["POST order.placed s 404"]
    await page.click("input[value=events] + span")
    await rows(page, 2)
    await page.press("/", "v", "i", "e", "w", "ArrowDown")
    await rows(page, 1)
    await page.press("Enter")
    await page.until("!document.querySelector('#detail').hidden")
    shown = " ".join(await page.text("#detail"))
    assert '"action": "page.viewed"' in shown
    assert '"status": "received"' in shown
    assert emulator.token not in await page.run("document.documentElement.outerHTML")
    await page.press("Escape")
    await page.until("document.querySelector('#detail').hidden && document.activeElement.matches('.row')")


async def test_a_profile_is_followed(page: Page, client: Hellotext) -> None:
    """From the list of profiles and from an event, to its timeline."""
    await client.events.track("page.viewed", profile=PROFILE)
    await client.profiles.subscribe(PROFILE)
    await page.click("input[value=profiles] + span")
    await page.until("document.querySelectorAll('#list .row').length === 1")
    await page.click("#list .row")
    await page.until("document.querySelectorAll('#detail .row').length === 2")
    assert "Timeline (2)" in " ".join(await page.text("#detail"))
    await page.click("#detail .row:last-of-type")
    await page.until(
        "document.querySelector('#detail pre')?.innerText.includes('action') || location.hash.endsWith('2')"
    )


async def test_the_switches_change_the_emulator(page: Page, emulator: Emulator) -> None:
    """A fault and a limit are set, seen and removed."""
    await page.click("#fault-form .buttons button")
    await page.until("document.querySelectorAll('#faults li').length === 1")
    assert list(emulator.faults) == [Fault("status", status=500)]
    await page.click("#faults-off")
    await page.until("document.querySelectorAll('#faults li').length === 0")
    await page.click("#limit-form .buttons button")
    await page.until("document.querySelector('#limit-now').innerText === '50/s, burst 10'")
    assert emulator.rate_limit == RateLimit(50, 10)
    assert await page.run("document.querySelectorAll('#chart .limit').length") == 1
    await page.click("#limit-off")
    await page.until("document.querySelector('#limit-now').innerText === 'none'")
    assert emulator.rate_limit is None


async def test_nothing_that_came_over_the_wire_becomes_markup(page: Page, client: Hellotext) -> None:
    """In the list, in a body, in an answer and in a profile."""
    created = await client.profiles.create(first_name=EVIL, lists=[EVIL])
    await client.events.track("page.viewed", session="s", metadata={EVIL: EVIL})
    with pytest.raises(HellotextError):
        await client.events.track(EVIL, session="s")
    await rows(page, 3)
    for place in ("requests/1", "requests/2", "requests/3", f"profiles/{created.id}"):
        await page.run(f"location.hash = '#/{place}'")
        await page.until("document.querySelector('#detail').innerText.includes('onerror')")
    await page.click("input[value=profiles] + span")
    await page.until("document.querySelector('#list').innerText.includes('onerror')")
    assert await page.run("window.hacked === undefined && document.querySelectorAll('img, main script').length === 0")


async def test_it_goes_on_after_an_outage(page: Page, emulator: Emulator, client: Hellotext) -> None:
    """It shows that the emulator is unreachable, and reconnects."""
    await client.lists.list()
    await rows(page, 1)
    await emulator.aclose()
    await page.until("document.querySelector('#connection').className === 'lost'")
    await emulator.start()
    await page.until("document.querySelector('#connection').className === 'live'")
    await client.lists.list()
    await rows(page, 2)
    page.errors.clear()  # the browser's own messages about the lost connection


@pytest.mark.parametrize(("width", "dark"), [(390, False), (1280, True)])
async def test_it_fits_a_phone_and_the_dark(
    page: Page, emulator: Emulator, client: Hellotext, width: int, dark: bool
) -> None:
    """Nothing is cut off, the list needs no scrolling, and the text is readable."""
    async with client.event_queue() as queue:
        events = ({"action": "product.viewed", "product": "vxqQJ3Yg", "session": f"s{n}"} for n in range(30))
        assert all([outcome.delivered async for outcome in queue.deliver(events)])
    await page.open(emulator.url, width=width, height=844, dark=dark)
    await rows(page, 30)
    assert await page.run("document.documentElement.scrollWidth <= innerWidth")
    assert await page.run("document.querySelector('#list .row').getBoundingClientRect().top < innerHeight")
    ratio = await page.run("""(() => {
        const light = (colour) => { const [r, g, b] = colour.match(/[0-9.]+/g).map(v => v / 255)
            .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const back = light(getComputedStyle(document.querySelector('.left')).backgroundColor);
        const all = [...document.querySelectorAll('.status, .subject, .event, h2, time')].map(e => light(getComputedStyle(e).color));
        return Math.min(...all.map(l => (Math.max(l, back) + 0.05) / (Math.min(l, back) + 0.05)));
    })()""")
    assert ratio >= 4.5
    await page.click("#list .row")
    await page.until("!document.querySelector('#detail').hidden")
    assert await page.run("document.documentElement.scrollWidth <= innerWidth")


async def test_a_flood_does_not_stop_it(page: Page, emulator: Emulator, client: Hellotext) -> None:
    """Two thousand events: the newest are listed, and the page responds."""
    async with client.event_queue() as queue:
        events = ({"action": "page.viewed", "session": f"s{n}"} for n in range(2000))
        assert all([outcome.delivered async for outcome in queue.deliver(events)])
    await page.until("document.querySelector('#notes').innerText.includes('newest 300')")
    await page.until("document.title.startsWith('(2000)')")
    await asyncio.wait_for(page.click("#clear"), 10)
    await rows(page, 0)
