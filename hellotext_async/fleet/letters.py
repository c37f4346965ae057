"""Dead letters in a stream: what is stored beside an event that ended badly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ..queue.letters import Letter
from ..queue.outcome import Verdict
from .record import Stored

if TYPE_CHECKING:
    from ..queue.store import Finish

__all__ = ["decode_letter", "encode_letter"]


class _About(msgspec.Struct, array_like=True, frozen=True):
    verdict: Verdict
    attempts: int
    reason: str
    at: float


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_About)


def encode_letter(end: Finish, at: float) -> bytes:
    """What is stored of an end, beside the event itself."""
    return _encoder.encode(_About(end.verdict, end.attempts, end.reason, at))


def decode_letter(stored: Stored | None, about: bytes, entry: str) -> Letter | None:
    """The letter; None if it cannot be read."""
    try:
        end = _decoder.decode(about)
        return Letter(
            event_id=f"damaged-{entry}" if stored is None else stored.event_id,
            action="" if stored is None else stored.action,
            verdict=end.verdict,
            reason=end.reason,
            attempts=end.attempts,
            payload=msgspec.Raw(b"{}" if stored is None else stored.body),
            subject=None if stored is None else stored.subject,
            at=end.at,
        )
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
