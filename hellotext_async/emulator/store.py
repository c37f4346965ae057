"""The emulated business: its collections, its sessions and its events. Pure state and the rules between them.

Rules. A request is answered under `lock`, so another thread sees the state before or after it. What
a test does besides requests, from another thread and while requests come in, belongs under
``with store.lock:``.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from . import document
from .collection import Collection
from .ids import Ids
from .profiles import Profiles
from .properties import Properties
from .sessions import Sessions
from .tables import Tables

__all__ = ["Store"]

Object = dict[str, Any]


class Store:
    """Everything the emulated business has. `now` gives Unix seconds.

    An identification is completed after `identification_polls` polls of its receipt (None: at once,
    and there is no receipt, as with older servers).

    `counts` says how many events of each action were accepted, also after they are deleted;
    `async_rejections` how many the public route accepted and then found invalid. `lock` is notified
    after every request.
    """

    def __init__(self, now: Callable[[], float] = time.time, *, keep_events: bool = True) -> None:
        self.lock = threading.Condition(threading.RLock())
        self.now = now
        self.ids = Ids(now)
        self._keep_events = keep_events
        self.properties = Properties(self.ids.identifier)
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
        self.messages = Collection("message", "messages")
        self.templates = Collection("template", "templates", known=("name",))
        self.identifications: dict[str, tuple[Object, int]] = {}
        self.identification_polls: int | None = 1
        self.instances = Collection("instance", "instances", also=("reference",))
        self.sessions = Sessions()
        self.profiles = Profiles(Tables(self.ids, self.properties, self.lists, self.sessions))
        self.events: list[Object] = []
        self.counts: Counter[str] = Counter()
        self.async_rejections = 0
        self._lifecycle: set[tuple[str, str]] = set()

    def new(self, collection: Collection, /, **fields: Any) -> Object:
        """A new object in a collection."""
        return collection.add(self.ids.fresh(collection.type, **fields))

    def accept(self, event: Object, *, once: tuple[str, str] | None = None) -> None:
        """Store an event; of those with the same `once`, only the first."""
        if once is not None:
            if once in self._lifecycle:
                return
            self._lifecycle.add(once)
        self.counts[event["action"]] += 1
        if self._keep_events:
            self.events.append(event)

    def rename_action(self, old: str, new: str) -> None:
        """An action was renamed: its events follow."""
        for event in self.events:
            if event["action"] == old:
                event["action"] = new

    def forget_action(self, name: str) -> None:
        """An action was deleted: its events go too."""
        self.events[:] = [event for event in self.events if event["action"] != name]

    def seed_document(self) -> None:
        """Create the document's example objects, under the ids it shows."""
        with self.lock:
            for name, id, fields in document.OBJECTS:
                collection: Collection = getattr(self, name)
                collection.add({"id": id, "type": collection.type, "created_at": document.CREATED_AT, **fields})
            values = [{"property": self._documented(kind), **value} for kind, value in document.VALUES]
            self.profiles.add(created_at=document.CREATED_AT, **document.PROFILE, values=values)
            self.sessions.setdefault(document.SESSION, None)

    def _documented(self, kind: str) -> Object:
        definition = self.properties.plain(kind)
        definition["id"] = document.VALUE_ID
        return definition
