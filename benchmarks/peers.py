"""Other vendors' clients against the same responder: ``python -m benchmarks.peers``, by hand only.

Installed clients take part; the others are named as missing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from .contender import Entry
from .events import HTTPX, QUEUE
from .ground import Ground, present
from .paired import PAIRS
from .report import line, write
from .row import Goal, Row
from .track import TRACK

__all__ = ["PEERS", "rows"]


class Peer(NamedTuple):
    """A client, its module, and the goals of this package's queue as a multiple of its speed."""

    name: str
    module: str
    entry: Entry
    goal: Goal | None


def _of(maker: str, batch: int = 1) -> Entry:
    return Entry(f"benchmarks.peer_clients:{maker}", most=5_000, options={"batch": batch})


ALONE: Final = Goal(15, 30)
PEERS: Final = (
    Peer("posthog, one event a request", "posthog", _of("Posthog"), ALONE),
    Peer("posthog's asyncio client, one event a request", "posthog._async_request", _of("AsyncPosthog"), ALONE),
    Peer("httpx2, 8 clients of 8 connections", "httpx2", HTTPX.with_(module="httpx2"), ALONE),
    Peer("segment, one event a request", "segment", _of("Segment"), ALONE),
    Peer("customerio, one event a request", "customerio", _of("CustomerIO"), ALONE),
    Peer("klaviyo-api, one event a request", "klaviyo_api", _of("Klaviyo"), None),
    Peer("posthog, 100 events a request", "posthog", _of("Posthog", 100), Goal(1.8, 3)),
    Peer("posthog's asyncio client, 100 events a request", "posthog._async_request", _of("AsyncPosthog", 100), None),
    Peer("segment, 100 events a request", "segment", _of("Segment", 100), Goal(1.3, 2)),
)

INTRO: Final = """\
# Against other vendors' clients

How many times as many events our queue delivers per CPU second, one event a request as this API
demands, as each of these clients does against the same responder. Measured by hand and dated; not
part of any automatic run.

Unfair to one or the other:

- posthog and segment are made to send 100 events in one request. Sending them one by one is unfair to
  them; comparing their batches with our single requests is unfair to us. Both are shown.
- customerio and klaviyo-api are synchronous: they wait for each answer before the next event. CPU time
  leaves that waiting out, which is kind to them; by the clock they are slower still.
- The others' events are their own: other field names, other sizes, ids and timestamps of their making.
- Ours keeps order per customer, learns the API's rate and accounts for every event; of the others
  none does all of that.
- posthog, segment and customerio send through requests, which pays for threads and for its generality."""


TAKING: Final = (("Segment", Goal(0.2, less=True)), ("Posthog", None))


def rows(ground: Ground) -> Iterator[Row]:
    """The races that can be run here."""
    peers = [peer for peer in PEERS if present(peer.module)]
    figures = ground.races([(QUEUE, peer.entry) for peer in peers])
    for peer, figure in zip(peers, figures, strict=True):
        yield Row("queue against", peer.name, figure, "x peer", peer.goal)
    for name, goal in TAKING:
        if present(name.lower()):
            taking = Entry(f"benchmarks.peer_clients:{name}Taking", most=4_000)
            figure = ground.race(TRACK, taking).inverse()
            yield Row("cost of taking an event", f"track() against {name.lower()}'s", figure, "x peer", goal)


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    asked = parser.parse_args()
    found: list[Row] = []
    with Ground(asked.pairs) as ground:
        for row in rows(ground):
            found.append(row)
            print(line(row), flush=True)
    for name in sorted({peer.module for peer in PEERS if not present(peer.module)}):
        print(f"not installed: {name}")
    write(found, [], Path(__file__).resolve().parent.parent / "docs" / "benchmarks", name="peers", intro=INTRO)
    return 0


if __name__ == "__main__":
    sys.exit(main())
