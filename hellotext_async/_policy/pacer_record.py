"""All that a pacer has learned, as one value that can be stored, sent and taken over by another process. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from .curve import Curve
from .gate import Gate
from .meter import Meter
from .schedule import Schedule
from .slow_start import SlowStart
from .spacing import Distance, Suspicion
from .tolerance import Tolerance

__all__ = ["VERSION", "PacerRecord"]

VERSION: Final = 1


class PacerRecord(msgspec.Struct, frozen=True):
    """What a pacer knows. Encode it as MessagePack: JSON has no infinity.

    Every time in it is by the clock of the pacer that it came from, unless `shifted`. `rate` is in
    requests a second. A record of another `version` cannot be taken over.
    """

    version: int = VERSION
    rate: float | None = None
    epoch: int = 0
    learned: bool = False
    lowered: bool = False
    retry_after: bool = False
    last_throttle: float | None = None
    limited_since: float | None = None
    gate: Gate = msgspec.field(default_factory=Gate)
    curve: Curve = msgspec.field(default_factory=Curve)
    meter: Meter = msgspec.field(default_factory=Meter)
    schedule: Schedule = msgspec.field(default_factory=Schedule)
    slow_start: SlowStart = msgspec.field(default_factory=SlowStart)
    suspicion: Suspicion = msgspec.field(default_factory=Suspicion)
    distance: Distance = msgspec.field(default_factory=Distance)
    tolerance: Tolerance = msgspec.field(default_factory=Tolerance)

    def shifted(self, by: float) -> PacerRecord:
        """The same by a clock that shows `by` seconds more; it shares nothing with this one."""
        copy = _decoder.decode(_encoder.encode(self))
        for part in (copy.gate, copy.curve, copy.meter, copy.schedule):
            part.shift(by)
        return msgspec.structs.replace(
            copy,
            last_throttle=None if self.last_throttle is None else self.last_throttle + by,
            limited_since=None if self.limited_since is None else self.limited_since + by,
        )


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(PacerRecord)
