"""The scripts as functions: which keys, which arguments, and what their replies mean.

Rules. Without a cluster one command serves all shards that have something to do; in a cluster
each shard gets one of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from .._policy import shared_rate as rates
from .link import Script
from .record import text_of

if TYPE_CHECKING:
    from .layout import Layout
    from .link import Argument, Link

__all__ = ["MOST", "OVERHEAD", "Commands", "Ending", "Lease", "LetterChange", "Limits", "Put", "Step", "Stepped"]

OVERHEAD: Final = 128
"""Bytes counted for an event besides its payload: what the server needs for it, and for its id."""

MOST: Final = 500
"""Events in one command: Lua and the server's latency set bounds."""

PUT, LEASE, STEP = Script("put"), Script("lease"), Script("step")
LETTERS, RATE = Script("letters"), Script("rate")

Call = tuple[Script, list[str], list["Argument"]]
"""A script with its keys and arguments."""


class Limits(msgspec.Struct, frozen=True):
    """What a stream may hold: bytes of each shard; and for how many seconds it remembers ids."""

    shard_bytes: int
    window: float

    @property
    def bucket_ms(self) -> int:
        """Ids are remembered in buckets of half a window: the newest three hold all of the window."""
        return max(1, int(self.window * 500))

    @property
    def expiry(self) -> int:
        """Seconds after which a bucket goes by itself, if no worker removes it."""
        return int(self.window * 4) + 86_400


class Put(msgspec.Struct, frozen=True, gc=False):
    """One new event: where it goes, the digest of its id, and its encoded form."""

    shard: int
    digest: bytes
    payload: bytes


class Lease(msgspec.Struct, frozen=True):
    """A shard as the server has it: its owner's token ('' if it is free), the epoch, milliseconds left, events ever."""

    owner: str
    epoch: int
    left_ms: int
    added: int


class Ending(msgspec.Struct, frozen=True, gc=False):
    """An entry that has ended: bytes counted for it, its id's digest, the verdict's text, its dead letter."""

    entry: str
    size: int
    digest: bytes
    verdict: str
    letter: bytes = b""


class LetterChange(msgspec.Struct, frozen=True):
    """What is to become of a dead letter, by its entry; `about` replaces what is stored of the end."""

    verb: Literal["drop", "amend", "requeue"]
    entry: str
    about: bytes = b""
    digest: bytes = b""


class Step(msgspec.Struct):
    """What the owner of one shard did, in the step of this `number`: marks by entry ('' removes one), and ends."""

    shard: int
    owner: str
    epoch: int
    marks: Mapping[str, str] = {}
    ends: Sequence[Ending] = ()
    keep_from: int | None = None
    number: int = 0


class Stepped(msgspec.Struct, frozen=True):
    """Whether the shard was the owner's, how many events it ever had, and the step that the server knew before."""

    ours: bool
    added: int
    before: int


class Commands:
    """The scripts over one connection and one layout."""

    def __init__(self, link: Link, layout: Layout, limits: Limits) -> None:
        self.link = link
        self.layout = layout
        self.limits = limits

    async def put(self, puts: Sequence[Put], token: str) -> tuple[list[str], dict[int, int]]:
        """Append events, at most `MOST`. One answer each ('+' appended, 'q' waits already, '!' no room, else what it
        ended in), and how many events each shard ever had.
        """
        by_shard: dict[int, list[int]] = {}
        for number, put in enumerate(puts):
            by_shard.setdefault(put.shard, []).append(number)
        answers, added = [""] * len(puts), dict[int, int]()
        for shards, reply in await self._each(by_shard, partial(self._put, by_shard, puts, token)):
            at = 1
            for shard in shards:
                numbers = by_shard[shard]
                added[shard], *found = reply[at : at + 1 + len(numbers)]
                for number, answer in zip(numbers, found, strict=True):
                    answers[number] = "+" if answer == b"+" else text_of(answer)
                at += 1 + len(numbers)
        return answers, added

    def _put(
        self, by_shard: Mapping[int, Sequence[int]], puts: Sequence[Put], token: str, shards: Sequence[int]
    ) -> Call:
        layout, limits = self.layout, self.limits
        keys: list[str] = []
        arguments: list[Argument] = [limits.bucket_ms, limits.shard_bytes, limits.expiry, OVERHEAD, token]
        for shard in shards:
            names = layout.keys(shard)
            keys += (names.events, names.state, names.ids)
            numbers = by_shard[shard]
            arguments.append(len(numbers))
            for number in numbers:
                put = puts[number]
                arguments += (put.digest, put.payload)
        return PUT, keys, arguments

    async def lease(
        self, shards: Sequence[int], how: Literal["take", "release", "look"], owner: str = "", ttl: float = 0
    ) -> tuple[float, dict[int, Lease]]:
        """Take, release or look at shards: the server's clock (Unix seconds), and how each stands then."""
        found: dict[int, Lease] = {}
        now = 0.0

        def call(part: Sequence[int]) -> Call:
            return LEASE, [self.layout.state(shard) for shard in part], [how, owner, int(ttl * 1000)]

        for part, reply in await self._each(dict.fromkeys(shards), call):
            now = reply[0] / 1000
            for number, shard in enumerate(part):
                owner_now, epoch, left, added = reply[1 + 4 * number : 5 + 4 * number]
                found[shard] = Lease(owner_now.decode(), epoch, left, added)
        return now, found

    async def step(self, steps: Sequence[Step], ttl: float) -> list[Stepped]:
        """Make marks and ends of several shards durable, and renew their leases for `ttl` seconds."""
        by_shard = {step.shard: step for step in steps}
        results: dict[int, Stepped] = {}
        for shards, reply in await self._each(by_shard, partial(self._step, by_shard, ttl)):
            for shard, added, before in zip(shards, reply[::2], reply[1::2], strict=True):
                results[shard] = Stepped(added >= 0, added, before)
        return [results[step.shard] for step in steps]

    def _step(self, steps: Mapping[int, Step], ttl: float, shards: Sequence[int]) -> Call:
        layout = self.layout
        keys: list[str] = []
        arguments: list[Argument] = [int(ttl * 1000), self.limits.bucket_ms, self.limits.expiry]
        for shard in shards:
            step = steps[shard]
            keys += layout.keys(shard)
            keep_from = "" if step.keep_from is None else step.keep_from
            arguments += (step.owner, step.epoch, step.number, keep_from, len(step.marks))
            for entry, mark in step.marks.items():
                arguments += (entry, mark)
            arguments.append(len(step.ends))
            for end in step.ends:
                arguments += (end.entry, end.size, end.digest, end.verdict, end.letter)
        return STEP, keys, arguments

    async def _each(
        self, shards: Mapping[int, object], call: Callable[[Sequence[int]], Call]
    ) -> list[tuple[list[int], list[Any]]]:
        """One command for all shards; in a cluster one for each."""
        if not self.link.clustered or len(shards) == 1:
            part = list(shards)
            return [(part, await self.link.run(*call(part)))]
        parts = [[shard] for shard in shards]
        replies = await asyncio.gather(*(self.link.run(*call(part)) for part in parts))
        return list(zip(parts, replies, strict=True))

    async def change_letters(self, shard: int, changes: Sequence[LetterChange]) -> int:
        """Drop, replace or requeue dead letters of one shard, at most `MOST`; how many of them were there."""
        layout = self.layout
        keys = [layout.events(shard), layout.state(shard), layout.letters(shard), layout.ids(shard)]
        arguments: list[Argument] = [self.limits.bucket_ms, self.limits.expiry, len(changes)]
        for change in changes:
            arguments += (change.verb, change.entry, change.about, change.digest)
        (done,) = await self.link.run(LETTERS, keys, arguments)
        return int(done)

    async def rate(self, command: rates.Command, worker: str) -> rates.Answer:
        """Report a worker's part of the shared rate, and read how the rate stands; once for each of its numbers."""
        learned = command.learned
        keys = [self.layout.rate, self.layout.granted(worker)]
        arguments: list[Argument] = [f"{worker}-{command.number}", command.version, command.wanted]
        arguments += (command.generation, *command.counts)
        if learned is None:
            arguments.append("")
        else:
            arguments += (rates.encode(learned.record), f"{learned.speed:.6f}", learned.generation)
            arguments += (f"{learned.slack:.6f}", learned.back, *learned.folded)
        reply = await self.link.run(RATE, keys, arguments)
        now, version, record, learned_at, speed, position, first, granted, taken = reply[:9]
        return rates.Answer(
            now / 1e6, version, record, learned_at / 1e6, float(speed), float(position), first, granted, taken == 1,
            rates.Counts(*reply[9:13]), rates.Counts(*reply[13:17]),
        )  # fmt: skip

    # Reading.

    async def recall(self, wanted: Sequence[tuple[int, bytes]], now: float) -> list[str | None]:
        """What is remembered of ids (shard, digest): 'q…' it waits, else what it ended in; None: nothing."""
        by_shard: dict[int, list[int]] = {}
        for number, (shard, _) in enumerate(wanted):
            by_shard.setdefault(shard, []).append(number)
        digests = {shard: [wanted[number][1] for number in numbers] for shard, numbers in by_shard.items()}
        found: list[str | None] = [None] * len(wanted)
        for shard, at, text in await self._remembered(digests, now):
            found[by_shard[shard][at]] = text
        return found

    async def recall_anywhere(self, digests: Sequence[bytes], now: float) -> list[list[str]]:
        """The same of ids whose shards are not known: what each shard remembers of each."""
        found: list[list[str]] = [[] for _ in digests]
        for _, at, text in await self._remembered(dict.fromkeys(range(self.layout.shards), digests), now):
            found[at].append(text)
        return found

    def id_keys(self, shard: int, now: float) -> list[str]:
        """The keys in which a shard may remember ids at this time, the oldest first."""
        prefix, newest = self.layout.ids(shard), int(now * 1000) // self.limits.bucket_ms
        return [f"{prefix}{bucket}" for bucket in range(newest - 2, newest + 2)]

    async def _remembered(self, digests: Mapping[int, Sequence[bytes]], now: float) -> list[tuple[int, int, str]]:
        """What shards remember of digests: the shard, the digest's place there, and the newest that is remembered.

        One command for each shard and bucket of time.
        """
        asked = [(shard, key) for shard in digests for key in self.id_keys(shard, now)]
        replies = await self.link.pipeline([("HMGET", key, *digests[shard]) for shard, key in asked])
        found: dict[tuple[int, int], str] = {}
        for (shard, _), values in zip(asked, replies, strict=True):
            if any(values):
                found.update({(shard, at): text_of(value) for at, value in enumerate(values) if value is not None})
        return [(shard, at, text) for (shard, at), text in found.items()]

    async def free_id(self, id_digest: bytes, now: float) -> None:
        """Forget an id whose event ended and was not delivered, in whichever shard it is."""
        keys = [key for shard in range(self.layout.shards) for key in self.id_keys(shard, now)]
        found = await self.link.pipeline([("HGET", key, id_digest) for key in keys])
        bad = [key for key, value in zip(keys, found, strict=True) if value and value[:1] not in (b"q", b"D")]
        if bad:
            await self.link.pipeline([("HDEL", key, id_digest) for key in bad])
