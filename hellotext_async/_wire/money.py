"""`Money`: an amount in major units and its currency, as the API writes prices."""

from __future__ import annotations

from decimal import Decimal

from .codec import Record

__all__ = ["Money"]


class Money(Record, frozen=True):
    """An amount of money: `amount` in major units (``Decimal("89.90")``, not cents), `currency` by ISO 4217.

    An answer may hold the same amount in the business's own currency too: `converted_amount`,
    `converted_currency` (the vendor's later guides). Source of the form: the vendor's guides on
    orders and products; the API's document speaks of amount and currency of events only.
    """

    amount: Decimal
    currency: str | None = None
    converted_amount: Decimal | None = None
    converted_currency: str | None = None
