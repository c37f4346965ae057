"""Notices that the server lost writes which it had acknowledged: a counter of a shard that runs backwards.

Rules. Only a reply to a command that was sent after a greater count had been seen proves a loss.
"""

from __future__ import annotations

from collections.abc import Mapping

from .._log import logger

__all__ = ["Losses"]

_log = logger("hellotext_async.fleet")


class Losses:
    """The greatest count of events that each shard is known to have had, and what was lost since."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._seen: dict[int, int] = {}
        self.lost = 0
        """Events, at least, that the server had acknowledged and does not have any more."""

    def before(self) -> Mapping[int, int]:
        """What is known when a command is sent."""
        return dict(self._seen)

    def look(self, added: Mapping[int, int], before: Mapping[int, int]) -> set[int]:
        """The shards that lost events, by the counts in the reply to a command."""
        found = {shard for shard, count in added.items() if count < before.get(shard, 0)}
        missing = sum(max(0, self._seen[shard] - added[shard]) for shard in found) if found else 0
        for shard, count in added.items():
            self._seen[shard] = count if shard in found else max(count, self._seen.get(shard, 0))
        if missing:
            self.lost += missing
            _log.error(
                "the server of stream %s lost at least %d acknowledged events (a crash, a failover or a restore)",
                self._name,
                missing,
            )
        return found
