"""Leave to send one request, or why there is none."""

from __future__ import annotations

import msgspec

__all__ = ["Permit", "Refused"]


class Refused(Exception):
    """No permit in the time allowed; `wait` is how long the rate or a gate would have taken, None if unknown."""

    def __init__(self, wait: float | None) -> None:
        super().__init__(wait)
        self.wait = wait


class Permit(msgspec.Struct, frozen=True, gc=False):
    """Leave to send one request: in which round of the ceiling, the pacer's stamp, whether it probes an outage."""

    round: int
    stamp: int = 0
    probe: bool = False
