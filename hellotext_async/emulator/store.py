"""The emulated business: its collections, its sessions and its events. Pure state and the rules between them."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from .collection import Collection
from .profiles import Profiles
from .properties import Properties
from .refusal import refuse

__all__ = ["Store"]

Object = dict[str, Any]
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Store:
    """Everything the emulated business has. `now` gives Unix seconds.

    `counts` tells how many events of each action were accepted, also after they are deleted;
    `refused_later` how many the public route took that were found wrong afterwards.
    """

    def __init__(self, now: Callable[[], float] = time.time, *, keep_events: bool = True) -> None:
        self._now = now
        self._chance = random.Random(20_261_123)
        self._keep_events = keep_events
        self.properties = Properties(self.identifier)
        self.lists = Collection("list", "lists", also=("name",))
        self.coupons = Collection("coupon", "coupons", also=("reference",), known=("code",))
        self.actions = Collection("action", "actions", known=("name",))
        self.apps = Collection("app", "apps", also=("reference",))
        self.carts = Collection("cart", "carts", also=("reference",))
        self.orders = Collection("order", "orders", also=("reference",))
        self.products = Collection("product", "products", also=("reference", "sku"))
        self.variants = Collection("product_variant", "variants", also=("reference", "sku"))
        self.refunds = Collection("refund", "refunds", also=("reference",))
        self.forms = Collection("form", "forms", also=("reference",))
        self.objects = Collection("object", "objects", also=("name",))
        self.instances = Collection("instance", "instances", also=("reference",))
        self.sessions: dict[str, str | None] = {}
        self.profiles = Profiles(self)
        self.events: list[Object] = []
        self.counts: Counter[str] = Counter()
        self.refused_later = 0
        self._lifecycle: set[tuple[str, str]] = set()

    def identifier(self) -> str:
        """Eight letters and digits, as the API's ids look."""
        return "".join(self._chance.choices(_LETTERS, k=8))

    def fresh(self, type: str, /, **fields: Any) -> Object:
        """An object with an id and its time, which is nowhere yet."""
        return {"id": self.identifier(), "type": type, "created_at": int(self._now()), **fields}

    def new(self, collection: Collection, /, **fields: Any) -> Object:
        """A new object in a collection."""
        return collection.add(self.fresh(collection.type, **fields))

    def check_owner(self, session: str, profile: str) -> None:
        """Refuse a session that is another profile's."""
        if self.sessions.get(session) not in (None, profile):
            raise refuse("invalid", "session")

    def accept(self, event: Object, *, once: tuple[str, str] | None = None) -> None:
        """Store an event; of those that are the same `once`, the first."""
        if once is not None:
            if once in self._lifecycle:
                return
            self._lifecycle.add(once)
        self.counts[event["action"]] += 1
        if self._keep_events:
            self.events.append(event)

    def rename_action(self, old: str, new: str) -> None:
        """The events of an action go on being its own."""
        for event in self.events:
            if event["action"] == old:
                event["action"] = new

    def forget_action(self, name: str) -> None:
        """Deleting an action deletes its events."""
        self.events[:] = [event for event in self.events if event["action"] != name]

    def seed_document(self) -> None:
        """Have the objects of the document's examples, under the ids it shows."""
        from .seed import seed

        seed(self)
