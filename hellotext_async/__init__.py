"""hellotext_async: an asyncio client for the Hellotext API that proves what became of every event.

Importing it imports no HTTP library: each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from ._events.event import Event as Event
    from ._events.fields import CartProduct as CartProduct
    from ._events.fields import EventFields as EventFields
    from ._events.known_keys import UnknownParameterWarning as UnknownParameterWarning
    from ._events.parameters import AppParameters as AppParameters
    from ._events.parameters import CartItem as CartItem
    from ._events.parameters import CartParameters as CartParameters
    from ._events.parameters import CouponParameters as CouponParameters
    from ._events.parameters import FormParameters as FormParameters
    from ._events.parameters import MoneyParameters as MoneyParameters
    from ._events.parameters import OrderItem as OrderItem
    from ._events.parameters import OrderParameters as OrderParameters
    from ._events.parameters import ProductParameters as ProductParameters
    from ._events.parameters import ProductVariantParameters as ProductVariantParameters
    from ._events.parameters import RefundParameters as RefundParameters
    from ._wire.codec import Response as Response
    from ._wire.money import Money as Money
    from ._wire.pages import Page as Page
    from .client import Families as Families
    from .client import Hellotext as Hellotext
    from .config import Limits as Limits
    from .config import Retry as Retry
    from .config import Timeouts as Timeouts
    from .config import Token as Token
    from .errors import APIError as APIError
    from .errors import BadRequest as BadRequest
    from .errors import ClientClosed as ClientClosed
    from .errors import ConfigurationError as ConfigurationError
    from .errors import ErrorDetail as ErrorDetail
    from .errors import Forbidden as Forbidden
    from .errors import Forked as Forked
    from .errors import HellotextError as HellotextError
    from .errors import InvalidParameter as InvalidParameter
    from .errors import NoAnswer as NoAnswer
    from .errors import NotAccepted as NotAccepted
    from .errors import NotFound as NotFound
    from .errors import NotSent as NotSent
    from .errors import OutcomeUnknown as OutcomeUnknown
    from .errors import QueueClosed as QueueClosed
    from .errors import QueueFull as QueueFull
    from .errors import RateLimited as RateLimited
    from .errors import ServerError as ServerError
    from .errors import SessionConflict as SessionConflict
    from .errors import SpoolBusy as SpoolBusy
    from .errors import SpoolError as SpoolError
    from .errors import TimedOut as TimedOut
    from .errors import Unauthorized as Unauthorized
    from .errors import UnexpectedResponse as UnexpectedResponse
    from .errors import ValidationFailed as ValidationFailed
    from .errors import WrongLoop as WrongLoop
    from .fleet.producer import Producer as Producer
    from .fleet.stream import RedisStream as RedisStream
    from .fleet.worker import StreamWorker as StreamWorker
    from .hooks import Hooks as Hooks
    from .hooks import HttpAttempt as HttpAttempt
    from .hooks import Outage as Outage
    from .limiter import RateState as RateState
    from .queue.dead_letters import DeadLetters as DeadLetters
    from .queue.letters import Letter as Letter
    from .queue.outcome import Outcome as Outcome
    from .queue.outcome import Report as Report
    from .queue.outcome import Stats as Stats
    from .queue.queue import EventQueue as EventQueue
    from .queue.receipt import Receipt as Receipt
    from .resources._identification import Identified as Identified
    from .resources._listing import Listing as Listing
    from .resources._product import Product as Product
    from .resources._product import ProductVariant as ProductVariant
    from .resources._profile import Address as Address
    from .resources._profile import Created as Created
    from .resources._profile import Day as Day
    from .resources._profile import Profile as Profile
    from .resources._profile import PropertyValue as PropertyValue
    from .resources._profile import Street as Street
    from .resources._profile import Updated as Updated
    from .resources._profile import Verified as Verified
    from .resources._reconcile import Reconciled as Reconciled
    from .resources._verbs import Deleted as Deleted
    from .resources.actions import Action as Action
    from .resources.apps import App as App
    from .resources.carts import Cart as Cart
    from .resources.coupons import Coupon as Coupon
    from .resources.events import Tracked as Tracked
    from .resources.lists import ProfileList as ProfileList
    from .resources.messages import Message as Message
    from .resources.messages import MessageTemplate as MessageTemplate
    from .resources.messages import Received as Received
    from .resources.objects import NewObjectProperty as NewObjectProperty
    from .resources.objects import ObjectProperty as ObjectProperty
    from .resources.objects import ObjectStructure as ObjectStructure
    from .resources.orders import Order as Order
    from .resources.orders import OrderLine as OrderLine
    from .resources.properties import Property as Property
    from .resources.sessions import Session as Session
    from .resources.templates import Template as Template
    from .spool.sqlite_spool import SqliteSpool as SqliteSpool

_HOMES = {
    "_events.event": ("Event",),
    "_events.fields": ("CartProduct", "EventFields"),
    "_events.known_keys": ("UnknownParameterWarning",),
    "_events.parameters": (
        "AppParameters", "CartItem", "CartParameters", "CouponParameters", "FormParameters",
        "MoneyParameters", "OrderItem", "OrderParameters", "ProductParameters", "ProductVariantParameters",
        "RefundParameters",
    ),
    "_wire.codec": ("Response",),
    "_wire.money": ("Money",),
    "_wire.pages": ("Page",),
    "client": ("Families", "Hellotext"),
    "config": ("Limits", "Retry", "Timeouts", "Token"),
    "errors": (
        "APIError", "BadRequest", "ClientClosed", "ConfigurationError", "ErrorDetail", "Forbidden", "Forked",
        "HellotextError", "InvalidParameter", "NoAnswer", "NotAccepted", "NotFound", "NotSent", "OutcomeUnknown",
        "QueueClosed",
        "QueueFull", "RateLimited", "ServerError", "SessionConflict", "SpoolBusy", "SpoolError",
        "TimedOut", "Unauthorized", "UnexpectedResponse", "ValidationFailed", "WrongLoop",
    ),
    "fleet.producer": ("Producer",),
    "fleet.stream": ("RedisStream",),
    "fleet.worker": ("StreamWorker",),
    "hooks": ("Hooks", "HttpAttempt", "Outage"),
    "limiter": ("RateState",),
    "queue.dead_letters": ("DeadLetters",),
    "queue.letters": ("Letter",),
    "queue.outcome": ("Outcome", "Report", "Stats"),
    "queue.queue": ("EventQueue",),
    "queue.receipt": ("Receipt",),
    "spool.sqlite_spool": ("SqliteSpool",),
    "resources._identification": ("Identified",),
    "resources._listing": ("Listing",),
    "resources._product": ("Product", "ProductVariant"),
    "resources._profile": ("Address", "Created", "Day", "Profile", "PropertyValue", "Street", "Updated", "Verified"),
    "resources._reconcile": ("Reconciled",),
    "resources._verbs": ("Deleted",),
    "resources.actions": ("Action",),
    "resources.apps": ("App",),
    "resources.carts": ("Cart",),
    "resources.coupons": ("Coupon",),
    "resources.events": ("Tracked",),
    "resources.lists": ("ProfileList",),
    "resources.messages": ("Message", "MessageTemplate", "Received"),
    "resources.objects": ("NewObjectProperty", "ObjectProperty", "ObjectStructure"),
    "resources.orders": ("Order", "OrderLine"),
    "resources.properties": ("Property",),
    "resources.sessions": ("Session",),
    "resources.templates": ("Template",),
}  # fmt: skip
_HOME = {name: home for home, names in _HOMES.items() for name in names}

# `import *` and `help()` take every one of these names: without redis-py none of those that need it.
_ABSENT = () if PathFinder.find_spec("redis") is not None else ("Producer", "RedisStream", "StreamWorker")

__all__ = ["__version__", *sorted(_HOME.keys() - _ABSENT)]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{home}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
