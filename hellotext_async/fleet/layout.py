"""The names of a stream's keys, and which shard an event belongs to. Pure.

Rules. All keys of a shard hash to one slot of a cluster: its name stands in braces. An event's
shard follows from its subject, without one from its id: the events of a subject are in one shard.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from ..errors import ConfigurationError

__all__ = ["LAYOUT", "MOST_SHARDS", "Layout", "digest"]

LAYOUT: Final = 1
"""The version of everything that is stored; processes of another one refuse to start."""

MOST_SHARDS: Final = 1024

_NAME: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")


class Keys(NamedTuple):
    """The keys of one shard."""

    events: str
    state: str
    marks: str
    letters: str
    ids: str


@lru_cache(4 * MOST_SHARDS)
def _keys(name: str, shard: int) -> Keys:
    return Keys(*(f"ht:{{{name}:{shard}}}:{kind}" for kind in ("q", "s", "m", "x", "d:")))


class Layout(msgspec.Struct, frozen=True):
    """The keys of one stream. Raises ConfigurationError for a name or a number of shards that cannot be."""

    name: str
    shards: int

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError("name: expected 1 to 128 letters, digits, '_', '-', '.', ':' or '/'")
        shards = self.shards
        if not isinstance(shards, int) or isinstance(shards, bool) or not 1 <= shards <= MOST_SHARDS:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"shards: expected a whole number from 1 to {MOST_SHARDS}")

    def shard_of(self, subject: str | None, event_id: str) -> int:
        """The shard of an event."""
        return crc32((subject or event_id).encode("utf-8", "surrogatepass")) % self.shards

    def keys(self, shard: int) -> Keys:
        """All keys of a shard."""
        return _keys(self.name, shard)

    def events(self, shard: int) -> str:
        """The stream of events that wait or are in flight."""
        return self.keys(shard).events

    def state(self, shard: int) -> str:
        """The hash with the owner, the epoch, the end of the lease, and counters."""
        return self.keys(shard).state

    def marks(self, shard: int) -> str:
        """The hash with what is known of attempts: an entry's id -> `Mark`."""
        return self.keys(shard).marks

    def ids(self, shard: int) -> str:
        """The prefix of the hashes of remembered ids; the number of a time bucket follows."""
        return self.keys(shard).ids

    def letters(self, shard: int) -> str:
        """The stream of dead letters."""
        return self.keys(shard).letters

    @property
    def settings(self) -> str:
        """The hash with what every process must agree on."""
        return f"ht:{{{self.name}}}:conf"

    @property
    def workers(self) -> str:
        """The sorted set of workers, by their last heartbeat."""
        return f"ht:{{{self.name}}}:who"

    @property
    def rate(self) -> str:
        """The hash with the rate that the workers share."""
        return f"ht:{{{self.name}}}:rate"

    def granted(self, worker: str) -> str:
        """What a worker's last command about the rate was granted."""
        return f"ht:{{{self.name}}}:rate:{worker}"


_unhashed: Final = blake2b(digest_size=16)


def digest(event_id: str) -> bytes:
    """What is remembered of an event's id."""
    made = _unhashed.copy()  # cheaper than a new one
    made.update(event_id.encode("utf-8", "surrogatepass"))
    return made.digest()
