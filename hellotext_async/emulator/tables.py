"""What profiles refer to: property definitions, lists, sessions, and the index of values."""

from __future__ import annotations

from dataclasses import dataclass, field

from .collection import Collection
from .holders import Holders
from .ids import Ids
from .properties import Properties
from .sessions import Sessions

__all__ = ["Tables"]


@dataclass(frozen=True)
class Tables:
    """The state that profiles share with the rest of the store."""

    ids: Ids
    properties: Properties
    lists: Collection
    sessions: Sessions
    holders: Holders = field(default_factory=Holders)
