"""A program whose worker processes are forked or spawned, and have a queue and two threads each.

Arguments: how processes start, the server's URL, a folder. Lines: an event's key, its id and its outcome.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys

from hellotext_async import Hellotext, SqliteSpool
from hellotext_async.queue.queue import EventQueue

from .plan import Offer
from .submitter import fields_of

WORKERS, THREADS, EVENTS = 3, 2, 40


def work(url: str, folder: str, name: str) -> None:
    """One process: its own client, its own queue."""
    asyncio.run(_work(url, folder, name))


async def _work(url: str, folder: str, name: str) -> None:
    async with (
        Hellotext(name, base_url=url) as client,
        client.event_queue(buffer=SqliteSpool.in_folder(folder)) as queue,
    ):
        threads = [asyncio.to_thread(_hand_over, queue, f"{name}{thread}") for thread in range(THREADS)]
        await asyncio.gather(*threads)


def _hand_over(queue: EventQueue, name: str) -> None:
    """One thread: its events, each of its own size."""
    offers = [Offer(f"{name}.{number}", f"s{name}", False, False, 10 * number) for number in range(EVENTS)]
    receipts = [(offer.key, queue.track("page.viewed", **fields_of(offer))) for offer in offers]
    for key, receipt in receipts:
        outcome = receipt.wait(120)
        os.write(1, f"{key} {receipt.event_id} {outcome.verdict}\n".encode())


def main() -> int:
    """0 if every process ended well."""
    method, url, folder = sys.argv[1:]
    work(url, folder, "p")  # what the forked ones inherit has been used
    context = multiprocessing.get_context(method)
    processes = [context.Process(target=work, args=(url, folder, f"w{number}")) for number in range(WORKERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return sum(process.exitcode != 0 for process in processes)


if __name__ == "__main__":
    sys.exit(main())
