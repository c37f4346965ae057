"""Dead letters in a stream: what is stored beside an event that ended badly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

import msgspec

from ..queue.letters import Letter, LetterVerdict
from .record import Stored

if TYPE_CHECKING:
    from ..queue.store import Finish

__all__ = ["decode_letter", "encode_about", "encode_letter"]

_VERDICTS: Final[dict[str, LetterVerdict]] = {verdict: verdict for verdict in get_args(LetterVerdict)}


class _About(msgspec.Struct, array_like=True, frozen=True):
    verdict: str
    attempts: int
    reason: str
    at: float


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_About)


def encode_letter(end: Finish, at: float) -> bytes:
    """What is stored of an end, beside the event itself."""
    return encode_about(end.verdict, end.attempts, end.reason, at)


def encode_about(verdict: str, attempts: int, reason: str, at: float) -> bytes:
    """The same of what was found out later."""
    return _encoder.encode(_About(verdict, attempts, reason, at))


def decode_letter(stored: Stored | None, about: bytes, entry: str) -> Letter | None:
    """The letter; None if it cannot be read."""
    try:
        end = _decoder.decode(about)
        return Letter(
            event_id=f"damaged-{entry}" if stored is None else stored.event_id,
            action="" if stored is None else stored.action,
            verdict=_VERDICTS[end.verdict],
            reason=end.reason,
            attempts=end.attempts,
            payload=msgspec.Raw(b"{}" if stored is None else stored.body),
            subject=None if stored is None else stored.subject,
            at=end.at,
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError):
        return None
