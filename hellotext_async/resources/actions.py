"""Actions: the kinds of events that a business defines for itself."""

from datetime import datetime
from typing import TypedDict, Unpack

from .._wire.codec import Answer
from ._verbs import Deletes, Lists, Retrieves, checked


class Action(Answer, frozen=True, kw_only=True):
    """A custom action. `goal` ones are metrics of campaigns; `passive` ones do not count as activity."""

    id: str
    type: str = "action"
    created_at: datetime | None = None
    goal: bool | None = None
    name: str | None = None
    passive: bool | None = None
    title: str | None = None


class ActionChanges(TypedDict, total=False):
    """What `actions.update` takes."""

    name: str
    title: str | None
    goal: bool
    passive: bool


class _NewAction(TypedDict):
    name: str


class NewAction(_NewAction, total=False):
    """What `actions.create` takes; `name` is what events are tracked with."""

    title: str | None
    goal: bool
    passive: bool


class Actions(Retrieves[Action], Lists[Action], Deletes):
    """``client.actions``. Deleting an action deletes its events with it, for ever (the API's document)."""

    path, key, noun = "/v1/attribution/actions", "actions", "action"
    item = Action

    async def create(self, **fields: Unpack[NewAction]) -> Action:
        """Create an action. A name in use is ValidationFailed; names like ``subscriber.voted`` are recommended."""
        return await self._post(Action, checked(fields, NewAction))

    async def update(self, id: str, /, **changes: Unpack[ActionChanges]) -> Action:
        """Change what is passed of an action."""
        return await self._patch(Action, id, checked(changes, ActionChanges))
