"""Templates: contents of messages that are used again. Source: the vendor's guide on templates; not in the document."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict, Unpack

import msgspec

from .._wire.codec import Answer, Moment
from ._verbs import Deletes, Lists, Retrieves

__all__ = ["NewTemplate", "Template", "TemplateCategory", "TemplateTechnology", "Templates", "WholeTemplate"]

TemplateTechnology = Literal["sms", "whatsapp", "any"]
TemplateCategory = Literal["marketing", "utility"]


class Template(Answer, frozen=True, kw_only=True):
    """A template. `state` is open text: ``pending`` while Meta looks at it, ``approved``, ``rejected``."""

    id: str
    type: str = "template"
    created_at: Moment | None = None
    name: str | None = None
    technology: str | None = None
    category: str | None = None
    state: str | None = None
    body: str | None = None
    header: Any = None
    footer: Any = None
    buttons: list[Any] = msgspec.field(default_factory=list[Any])


class _Parts(TypedDict):
    """`header`, `footer` and `buttons` are for WhatsApp; their own fields are in the vendor's reference."""

    body: str
    header: NotRequired[Mapping[str, Any]]
    footer: NotRequired[str]
    buttons: NotRequired[Sequence[Mapping[str, Any]]]


class NewTemplate(_Parts):
    """What `templates.create` takes. The `name` is unique in the business; the technology is ``any`` unless given."""

    name: str
    technology: NotRequired[TemplateTechnology]
    category: NotRequired[TemplateCategory]


class WholeTemplate(_Parts):
    """What `templates.update` takes: the whole content. What is left out is taken away, or falls back to a default."""

    technology: TemplateTechnology
    category: TemplateCategory
    name: NotRequired[str]


class Templates(Retrieves[Template], Lists[Template], Deletes):
    """``client.templates``. The list has no filter, and not the templates of campaigns and journeys."""

    path, key, noun = "/v1/templates", "templates", "template"
    item = Template

    async def create(self, **fields: Unpack[NewTemplate]) -> Template:
        """Create a template. For WhatsApp it can be sent once its `state` is ``approved``."""
        return await self._post(Template, self._checked(fields, NewTemplate))

    async def update(self, id: str, /, **content: Unpack[WholeTemplate]) -> Template:
        """Replace the content of a template. The route is a PATCH, and it is not partial: pass all that is to stay."""
        return await self._patch(Template, id, self._checked(content, WholeTemplate))
