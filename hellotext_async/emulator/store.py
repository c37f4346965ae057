"""The emulated business: its collections, its sessions and its events. Pure state and the rules between them."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from .collection import Collection
from .profiles import Profiles
from .refusal import refuse

__all__ = ["Store"]

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Store:
    """Everything the emulated business has. `now` gives Unix seconds."""

    def __init__(self, now: Callable[[], float] = time.time, *, keep_events: bool = True) -> None:
        self.now = now
        self._chance = random.Random(20_261_123)
        self._keep_events = keep_events
        self.properties = Collection("property", "properties")
        self.lists = Collection("list", "lists", also=("name",))
        self.coupons = Collection("coupon", "coupons", also=("reference",))
        self.actions = Collection("action", "actions", also=("name",))
        self.apps = Collection("app", "apps", also=("name",))
        self.carts = Collection("cart", "carts", also=("reference",))
        self.orders = Collection("order", "orders", also=("reference",))
        self.products = Collection("product", "products", also=("reference", "sku"))
        self.variants = Collection("product_variant", "variants", also=("reference", "sku"))
        self.refunds = Collection("refund", "refunds", also=("reference",))
        self.forms = Collection("form", "forms", also=("reference",))
        self.objects = Collection("object", "objects", also=("name", "reference"))
        self.sessions: dict[str, str | None] = {}
        self.profiles = Profiles(self)
        self.events: list[dict[str, Any]] = []
        self.counts: Counter[str] = Counter()
        self.lifecycle: set[tuple[str, str]] = set()

    def new(self, collection: Collection, **fields: Any) -> dict[str, Any]:
        """A new object with an id and its time."""
        head = {"id": self.identifier(), "type": collection.type, "created_at": int(self.now())}
        return collection.add({**head, **fields})

    def identifier(self) -> str:
        """Eight letters and digits, as the API's ids look."""
        return "".join(self._chance.choices(_LETTERS, k=8))

    def attach(self, session: str, profile: str) -> None:
        """Say whose session it is; one of another profile is refused."""
        owner = self.sessions.get(session)
        if owner is not None and owner != profile:
            raise refuse("invalid", "session")
        self.sessions[session] = profile

    def accept(self, event: dict[str, Any]) -> None:
        """Take an event in."""
        self.counts[event["action"]] += 1
        if self._keep_events:
            self.events.append(event)

    def forget_action(self, name: str) -> None:
        """Deleting an action deletes its events."""
        self.events[:] = [event for event in self.events if event["action"] != name]
        self.counts.pop(name, None)

    def seed_document(self) -> None:
        """Have the objects of the document's examples, under the ids it shows."""
        from .seed import seed

        seed(self)
