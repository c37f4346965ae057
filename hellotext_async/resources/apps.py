"""Apps: the applications (on iOS, on Android …) that a business's customers use."""

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

import msgspec

from .._wire.codec import Answer, Moment
from ._verbs import Deletes, Lists, Retrieves

__all__ = ["App", "AppChanges", "Apps", "NewApp"]


class App(Answer, frozen=True, kw_only=True):
    """An application; `image_url` is its picture, `metadata` whatever you keep with it."""

    id: str
    type: str = "app"
    created_at: Moment | None = None
    image_url: str | None = None
    metadata: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    name: str | None = None


class _AppFields(TypedDict, total=False):
    image_url: str | None
    metadata: Mapping[str, Any]


class NewApp(_AppFields):
    """What `apps.create` takes."""

    name: str


class AppChanges(_AppFields, total=False):
    """What `apps.update` takes; what is not passed stays, None removes."""

    name: str


class Apps(Retrieves[App], Lists[App], Deletes):
    """``client.apps``. What customers do with an app is tracked as ``app.installed``, ``.removed`` and ``.spent``."""

    path, key, noun = "/v1/attribution/apps", "apps", "app"
    item = App

    async def create(self, **fields: Unpack[NewApp]) -> App:
        """Create an app."""
        return await self._post(App, self._checked(fields, NewApp))

    async def update(self, id: str, /, **changes: Unpack[AppChanges]) -> App:
        """Change what is passed of an app."""
        return await self._patch(App, id, self._checked(changes, AppChanges))
