"""Actions: the kinds of events that a business defines for itself, beside the API's own."""

from typing import TypedDict, Unpack

from .._wire.codec import Answer, Moment
from ._verbs import Deletes, Lists, Retrieves

__all__ = ["Action", "ActionChanges", "Actions", "NewAction"]


class Action(Answer, frozen=True, kw_only=True):
    """A custom action: `name` is what events are tracked with, `title` what people read.

    Events of a `goal` can be a metric of campaigns and journeys; False unless given. An action of
    little importance is `passive`.
    """

    id: str
    type: str = "action"
    created_at: Moment | None = None
    goal: bool | None = None
    name: str | None = None
    passive: bool | None = None
    title: str | None = None


class _ActionFields(TypedDict, total=False):
    title: str | None
    goal: bool
    passive: bool


class NewAction(_ActionFields):
    """What `actions.create` takes. The document recommends scopes and states: ``signup_form.completed``."""

    name: str


class ActionChanges(_ActionFields, total=False):
    """What `actions.update` takes; what is not passed stays."""

    name: str


class Actions(Retrieves[Action], Lists[Action], Deletes):
    """``client.actions``. Deleting an action deletes its events with it, for ever (the API's document);
    the API may refuse it while there are any (the vendor's later guides).
    """

    path, key, noun = "/v1/attribution/actions", "actions", "action"
    item = Action

    async def create(self, **fields: Unpack[NewAction]) -> Action:
        """Create an action. A name in use, or one of the API's own, is ValidationFailed."""
        return await self._post(Action, self._checked(fields, NewAction))

    async def update(self, id: str, /, **changes: Unpack[ActionChanges]) -> Action:
        """Change what is passed of an action. A name in use is ValidationFailed."""
        return await self._patch(Action, id, self._checked(changes, ActionChanges))
