"""Apps: the applications that customers use."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict, Unpack

from .._wire.codec import Answer
from ._verbs import Deletes, Lists, Retrieves, checked


class App(Answer, frozen=True, kw_only=True):
    """An application."""

    id: str
    type: str = "app"
    created_at: datetime | None = None
    image_url: str | None = None
    metadata: Mapping[str, Any] = {}
    name: str | None = None


class AppChanges(TypedDict, total=False):
    """What `apps.update` takes."""

    name: str
    image_url: str | None
    metadata: dict[str, Any]


class _NewApp(TypedDict):
    name: str


class NewApp(_NewApp, total=False):
    """What `apps.create` takes."""

    image_url: str | None
    metadata: dict[str, Any]


class Apps(Retrieves[App], Lists[App], Deletes):
    """``client.apps``"""

    path, key, noun = "/v1/attribution/apps", "apps", "app"
    item = App

    async def create(self, **fields: Unpack[NewApp]) -> App:
        """Create an app."""
        return await self._post(App, checked(fields, NewApp))

    async def update(self, id: str, /, **changes: Unpack[AppChanges]) -> App:
        """Change what is passed of an app."""
        return await self._patch(App, id, checked(changes, AppChanges))
