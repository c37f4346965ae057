"""Prometheus: what a scrape over a real socket returns about clients and queues."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.parser import text_string_to_metric_families

from hellotext_async import ConfigurationError, Hellotext, SqliteSpool
from hellotext_async.emulator import Emulator, Fault, RateLimit
from hellotext_async.integrations.prometheus import HellotextCollector


async def scrape(port: int) -> dict[tuple[str, ...], float]:
    """Name and labels of every sample, as a scraper reads them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /metrics HTTP/1.0\r\nHost: x\r\n\r\n")
    text = (await reader.read()).decode().partition("\r\n\r\n")[2]
    writer.close()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_a_scrape_from_another_thread_shows_clients_and_queues() -> None:
    """Two clients by name, named and numbered queues; the figures are those of `stats` and `rate`."""
    registry = CollectorRegistry()
    async with (
        Emulator() as emulator,
        Hellotext(emulator.token, base_url=emulator.url, name="greens") as greens,
        Hellotext(emulator.token, base_url=emulator.url, name="reds") as reds,
        greens.event_queue() as orders,
        reds.event_queue() as other,
    ):
        registry.register(HellotextCollector(greens, reds, orders=orders))
        server, thread = start_http_server(0, "127.0.0.1", registry)
        emulator.faults.add(Fault("status", status=422))
        await asyncio.gather(*[orders.track("page.viewed", session=f"s{n}") for n in range(5)])
        await other.track("page.viewed", session="s")
        seen = await scrape(server.server_port)
        server.shutdown()
        server.server_close()
        thread.join()
    assert seen["hellotext_accepted_total", "greens", "orders"] == 5
    assert seen["hellotext_outcomes_total", "greens", "orders", "delivered"] == 4
    assert seen["hellotext_outcomes_total", "greens", "orders", "rejected"] == 1
    assert seen["hellotext_accepted_total", "reds", "0"] == 1
    assert seen["hellotext_events", "greens", "orders", "queued"] == 0
    assert seen["hellotext_oldest_event_age_seconds", "greens", "orders"] == 0
    assert seen["hellotext_in_flight_limit", "greens"] >= 10
    assert seen["hellotext_api_away", "reds"] == 0
    assert ("hellotext_rate", "greens") not in seen


async def test_the_learned_rate_is_shown_once_there_is_one() -> None:
    """After the first throttle."""
    limit = RateLimit(rate=50, burst=30, retry_after=False)
    async with (
        Emulator(rate_limit=limit) as emulator,
        Hellotext(emulator.token, base_url=emulator.url) as client,
        client.event_queue() as queue,
    ):
        await asyncio.gather(*[queue.track("page.viewed", session=f"s{n}") for n in range(60)])
        found = samples(HellotextCollector(client, queue))
        assert found["hellotext_rate", ""] == client.rate().rate
        assert found["hellotext_throttled_ratio", ""] > 0
        assert ("hellotext_last_throttle_timestamp_seconds", "") in found
        assert found["hellotext_accepted_total", "", "0"] == 60
    assert not [name for name, *_ in samples(HellotextCollector(client)) if "rate" in name]


def samples(collector: HellotextCollector) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in collector.collect()
        for sample in family.samples
    }


async def test_scraping_all_the_time_from_another_thread_always_has_an_answer() -> None:
    """While a queue is under full load."""
    scraped: list[int] = []
    stop = threading.Event()
    with Emulator.in_thread() as emulator:
        async with Hellotext(emulator.token, base_url=emulator.url) as client, client.event_queue() as queue:
            collector = HellotextCollector(client)

            def scrape() -> None:
                while not stop.is_set():
                    scraped.append(len(samples(collector)))

            thread = threading.Thread(target=scrape)
            thread.start()
            async for outcome in queue.deliver({"action": "page.viewed", "session": f"s{n}"} for n in range(3000)):
                assert outcome.delivered
            stop.set()
            thread.join()
    assert len(set(scraped)) == 1


def test_a_client_that_is_not_open_has_no_samples() -> None:
    """Before its first use."""
    assert samples(HellotextCollector(Hellotext("t"))) == {}
    registry = CollectorRegistry(auto_describe=True)
    registry.register(HellotextCollector(Hellotext("t")))


@pytest.mark.parametrize("wrong", [5, None, "x", Hellotext])
def test_other_sources_are_refused(wrong: Any) -> None:
    """ConfigurationError."""
    with pytest.raises(ConfigurationError, match=r"^sources: expected"):
        HellotextCollector(wrong)


async def test_a_closed_queue_keeps_its_counters_and_their_labels(tmp_path: Path) -> None:
    """Its client has let it go; what it kept is not shown as waiting: the next queue shows it."""
    async with Emulator() as emulator, Hellotext(emulator.token, base_url=emulator.url, name="greens") as client:
        emulator.faults.add(Fault("delay", delay=60, times=None))
        closed = await client.event_queue(buffer=SqliteSpool(tmp_path / "events.db"), concurrency=1).open()
        collector = HellotextCollector(client, orders=closed)
        for n in range(3):
            await closed.put("page.viewed", session=f"s{n}")
        assert samples(collector)["hellotext_oldest_event_age_seconds", "greens", "orders"] > 0
        report = await closed.aclose(0)
        await client.event_queue().open()
        found = samples(collector)
    assert report.kept
    assert found["hellotext_accepted_total", "greens", "orders"] == 3
    assert not [name for name, *labels in found if "orders" in labels and not name.endswith("_total")]


def test_clients_of_one_name_are_refused() -> None:
    """A scrape would have two values for one series; the same client twice is one."""
    one, other = Hellotext("t"), Hellotext("t")
    with pytest.raises(ConfigurationError, match="several clients have one name"):
        HellotextCollector(one, other)
    HellotextCollector(one, one, Hellotext("t", name="reds"))


async def test_a_queue_is_shown_without_its_client() -> None:
    """Under the name that is passed here."""
    async with Hellotext("t", enabled=False) as client, client.event_queue() as queue:
        await queue.track("page.viewed", session="s")
        found = samples(HellotextCollector(orders=queue))
    assert found["hellotext_accepted_total", "", "orders"] == 1
    assert "hellotext_in_flight_limit" not in {name for name, *_ in found}
