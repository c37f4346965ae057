"""Coupons: the codes of a shop that campaigns send and customers redeem."""

from typing import TypedDict, Unpack

from .._wire.codec import Answer, Moment
from ._verbs import Deletes, Lists, Retrieves

__all__ = ["Coupon", "CouponChanges", "Coupons", "NewCoupon"]


class Coupon(Answer, frozen=True, kw_only=True):
    """A coupon. `code` is case-sensitive; `destination_url` is where it is redeemed; `reference` is your own id."""

    id: str
    type: str = "coupon"
    code: str | None = None
    created_at: Moment | None = None
    description: str | None = None
    destination_url: str | None = None
    reference: str | int | None = None


class _CouponFields(TypedDict, total=False):
    description: str | None
    destination_url: str | None
    reference: str | int | None


class NewCoupon(_CouponFields):
    """What `coupons.create` takes. A description has at most 140 characters (the vendor's later guides)."""

    code: str


class CouponChanges(_CouponFields, total=False):
    """What `coupons.update` takes; what is not passed stays, None removes."""

    code: str


class Coupons(Retrieves[Coupon], Lists[Coupon], Deletes):
    """``client.coupons``"""

    path, key, noun = "/v1/coupons", "coupons", "coupon"
    item = Coupon

    async def create(self, **fields: Unpack[NewCoupon]) -> Coupon:
        """Create a coupon. A code in use is ValidationFailed."""
        return await self._post(Coupon, self._checked(fields, NewCoupon))

    async def update(self, id: str, /, **changes: Unpack[CouponChanges]) -> Coupon:
        """Change what is passed of a coupon. A code in use is ValidationFailed."""
        return await self._patch(Coupon, id, self._checked(changes, CouponChanges))
