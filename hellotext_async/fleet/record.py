"""What is stored of an event, of its attempts, and of its end. Pure.

Rules. An event is one field, in MessagePack. What an id ended in is a letter, the number of attempts
and a mark if it may be there twice: it is remembered for every event of the window, so it is short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ..queue.outcome import VERDICTS, Outcome, Verdict

if TYPE_CHECKING:
    from .._wire.call import Idempotency
    from ..queue.store import Finish

__all__ = ["Mark", "Stored", "decode", "encode", "ending_text", "has_ended", "outcome_from", "text_of"]

_KINDS: Final[tuple[Idempotency, ...]] = ("safe", "idempotent", "non_idempotent", "at_most_once")
_KIND: Final = {kind: number for number, kind in enumerate(_KINDS)}
_LETTER: Final[dict[Verdict, str]] = {
    "delivered": "D", "rejected": "R", "unknown": "U", "expired": "E", "abandoned": "A",
}  # fmt: skip
_VERDICT: Final[dict[str, Verdict]] = {letter: verdict for verdict, letter in _LETTER.items()}
if set(_LETTER) != set(VERDICTS):
    raise AssertionError("a verdict has no letter")


MARK: Final = "!"


class Stored(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One event in the stream: `has_caller_id` says that the id is the caller's own."""

    event_id: str
    has_caller_id: bool
    action: str
    subject: str | None
    kind: int
    body: bytes

    @property
    def idempotency(self) -> Idempotency:
        """How often it may be applied."""
        return _KINDS[self.kind]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Stored)


def encode(
    event_id: str, has_caller_id: bool, action: str, subject: str | None, idempotency: Idempotency, body: bytes
) -> bytes:
    """The field of one event."""
    return _encoder.encode((event_id, has_caller_id, action, subject, _KIND[idempotency], body))  # as a `Stored`


def decode(field: bytes | None) -> Stored | None:
    """The event in a field; None if it is no event of ours, or damaged."""
    try:
        stored = _decoder.decode(field or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return stored if 0 <= stored.kind < len(_KINDS) and stored.event_id else None


class Mark(msgspec.Struct, frozen=True, gc=False):
    """What is known of an entry's attempts: made under which epoch, how many, how many of them may have been applied,
    how many owners were lost while it was in flight, and whether it is in flight.
    """

    epoch: int
    attempts: int = 0
    uncertain_count: int = 0
    lost_owners: int = 0
    in_flight: bool = False

    def text(self) -> str:
        """As it is stored."""
        return f"{self.epoch} {self.attempts} {self.uncertain_count} {self.lost_owners} {int(self.in_flight)}"

    @classmethod
    def of(cls, text: bytes) -> Mark:
        """As it was stored; one that is damaged is taken for one in flight."""
        try:
            epoch, attempts, uncertain_count, lost_owners, in_flight = map(int, text.split())
        except ValueError:
            return cls(0, 1, 0, 0, True)
        return cls(epoch, attempts, uncertain_count, lost_owners, bool(in_flight))


def ending_text(end: Finish) -> str:
    """What is remembered under the id of an event that has ended."""
    return f"{_LETTER[end.verdict]}{end.attempts}{MARK if end.maybe_duplicated else ''}"


def outcome_from(text: str, event_id: str, action: str, context: object = None) -> Outcome | None:
    """The outcome that is remembered under an event's id; None: the event waits."""
    verdict = _VERDICT.get(text[:1])
    if verdict is None:
        return None
    number = text[1:].removesuffix(MARK)
    return Outcome(
        verdict=verdict,
        event_id=event_id,
        action=action,
        attempts=int(number) if number.isdigit() else 0,
        maybe_duplicated=text.endswith(MARK),
        context=context,
    )


def text_of(value: bytes) -> str:
    """What is remembered under an id, which another program may have changed."""
    return value.decode("utf-8", "replace")


def has_ended(text: str) -> bool:
    """Whether what is remembered under an id is an outcome."""
    return text[:1] in _VERDICT
