"""Messages: one to one customer. Source: the vendor's guide on messages; the API's document does not have them."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict, Unpack

import msgspec

from .._wire.codec import Answer, Moment
from ._verbs import Lists, Retrieves

__all__ = ["Message", "MessageTechnology", "MessageTemplate", "Messages", "NewMessage", "Received"]

MessageTechnology = Literal["sms", "whatsapp", "instagram", "mercadolibre"]


class Received(Answer, frozen=True, kw_only=True):
    """The answer to a send: ``received`` for processing, which is not delivered. A message gets its id later."""

    status: str = ""


class Message(Answer, frozen=True, kw_only=True):
    """A message. `state` is open text: ``pending``, ``routed`` (the guides also say ``dispatched``), ``delivered``,
    ``failed`` (also ``error``), or ``received`` for one that the customer wrote.
    """

    id: str
    type: str = "message"
    created_at: Moment | None = None
    state: str | None = None
    technology: str | None = None
    profile: str | None = None
    destination: str | None = None
    origin: str | None = None
    body: str | None = None
    template: str | dict[str, Any] | None = None
    attachments: list[Any] = msgspec.field(default_factory=list[Any])


class MessageTemplate(TypedDict):
    """A template with the destinations of its dynamic short links, by their names."""

    id: str
    shortlinks: NotRequired[Mapping[str, str]]


class NewMessage(TypedDict, total=False):
    """What `messages.send` takes: a `profile` or a `destination` (e164), a `body` or a `template`.

    A `destination` that no profile has makes one. `origin` is the sender, where there are more of a
    technology. With a `template` the body is ignored. `attachments` are public URLs.
    """

    technology: MessageTechnology
    profile: str
    destination: str
    origin: str
    body: str
    template: str | MessageTemplate
    attachments: Sequence[str]


class Messages(Retrieves[Message], Lists[Message]):
    """``client.messages``. The list is not promised to be newest first."""

    path, key, noun = "/v1/messages", "messages", "message"
    item = Message

    async def send(self, **fields: Unpack[NewMessage]) -> Received:
        """Send a message, never twice: only what certainly did not reach the API is sent again by itself.

        Raises OutcomeUnknown when nothing proves whether it was taken; `client.reconcile` looks for it.
        """
        return await self._post(Received, self._checked(fields, NewMessage), idempotency="at_most_once")
