"""The parameters of events: every key of every type, right and wrong."""

# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

from decimal import Decimal

from hellotext_async import (
    AppParameters,
    CartItem,
    CartParameters,
    CouponParameters,
    Event,
    FormParameters,
    Hellotext,
    Money,
    MoneyParameters,
    OrderItem,
    OrderParameters,
    ProductParameters,
    ProductVariantParameters,
    RefundParameters,
)


async def tracked(client: Hellotext) -> None:
    track = client.events.track
    await track("order.placed", profile="p", order_parameters={"reference": "x", "items": [{"product": "p"}]})
    await track("cart.added", session="s", products=[{"product_parameters": {"name": "Soap"}, "quantity": 2}])
    Event("refund.received", profile="p", refund_parameters={"amount": 5, "currency": "USD"})
    await track("order.placed", profile="p", order_parameters={"refrence": "x"})  # type: ignore[arg-type]
    await track("order.placed", profile="p", order_parameters={"items": [{"quantty": 1}]})  # type: ignore[arg-type]
    await track("cart.added", session="s", products=[{"product_parameters": {"nam": "x"}}])  # type: ignore[typeddict-unknown-key]
    Event("refund.received", profile="p", refund_parameters={"total": {"curency": "x"}})  # type: ignore[arg-type]
    Event("form.completed", profile="p", form_parameters={"title": "x"})  # type: ignore[arg-type]


def right() -> None:
    price = Money(Decimal("89.90"), "USD")
    parent: ProductParameters = {
        "reference": 1, "source": "shop", "metadata": {"a": [1]}, "property_by_id": {"x": True},
        "name": "Sneakers", "sku": "S", "description": "d", "brand": "b", "url": "https://x", "image_url": "https://x",
        "price": price, "categories": ["Shoes"], "collection": ("Everyday",), "tags": [],
        "variants": [{"name": "42", "sku": "S-42", "price": {"amount": 1.5, "currency": "USD"}}],
    }  # fmt: skip
    variant: ProductVariantParameters = {
        "reference": "v", "source": "shop", "metadata": {}, "property_by_id": {}, "name": "42", "sku": "S-42",
        "price": {"amount": Decimal(1), "currency": "USD", "converted_amount": 40, "converted_currency": "UYU"},
        "product": parent,
    }  # fmt: skip
    line: OrderItem = {"product": variant, "quantity": 1, "price": price}
    order: OrderParameters = {
        "reference": "o", "source": "shop", "metadata": {}, "property_by_id": {}, "name": "#1", "delivery": "deliver",
        "payment_method": "Visa", "sales_channel": "web", "items": (line,), "total": price,
    }  # fmt: skip
    in_cart: CartItem = {"product": "x", "quantity": 1, "price": price}
    cart: CartParameters = {"reference": "c", "source": "shop", "items": [in_cart], "metadata": {}}
    coupon: CouponParameters = {
        "reference": 1, "source": "shop", "metadata": {}, "property_by_id": {}, "code": "SALE", "description": "d",
        "destination_url": "https://x", "type": "coupon",
    }  # fmt: skip
    refund: RefundParameters = {
        "reference": 1, "source": "shop", "metadata": {}, "property_by_id": {}, "name": "r", "amount": 5,
        "currency": "USD", "total": price,
    }  # fmt: skip
    form: FormParameters = {"reference": 1, "source": "shop", "metadata": {}, "property_by_id": {}, "name": "f"}
    app: AppParameters = {
        "reference": 1, "source": "shop", "metadata": {}, "property_by_id": {}, "name": "a", "image_url": "https://x",
    }  # fmt: skip
    Event("cart.added", session="s", object_parameters=cart)
    for event in (
        Event("order.placed", session="s", order_parameters=order),
        Event("coupon.redeemed", session="s", coupon_parameters=coupon),
        Event("refund.received", session="s", refund_parameters=refund),
        Event("form.completed", session="s", form_parameters=form),
        Event("app.installed", session="s", app_parameters=app),
    ):
        event.order_parameters


def wrong() -> None:
    MoneyParameters(amount="5")  # type: ignore[typeddict-item]
    MoneyParameters(currency=5)  # type: ignore[typeddict-item]
    MoneyParameters(converted_amount="5")  # type: ignore[typeddict-item]
    MoneyParameters(converted_currency=5)  # type: ignore[typeddict-item]
    MoneyParameters(cents=5)  # type: ignore[typeddict-unknown-key]
    ProductParameters(reference=1.5)  # type: ignore[typeddict-item]
    ProductParameters(source=5)  # type: ignore[typeddict-item]
    ProductParameters(metadata=[1])  # type: ignore[typeddict-item]
    ProductParameters(property_by_id=5)  # type: ignore[typeddict-item]
    ProductParameters(name=5)  # type: ignore[typeddict-item]
    ProductParameters(sku=5)  # type: ignore[typeddict-item]
    ProductParameters(description=5)  # type: ignore[typeddict-item]
    ProductParameters(brand=5)  # type: ignore[typeddict-item]
    ProductParameters(url=5)  # type: ignore[typeddict-item]
    ProductParameters(image_url=5)  # type: ignore[typeddict-item]
    ProductParameters(price=89.9)  # type: ignore[typeddict-item]
    ProductParameters(categories=[5])  # type: ignore[list-item]
    ProductParameters(collection=[5])  # type: ignore[list-item]
    ProductParameters(tags=[5])  # type: ignore[list-item]
    ProductParameters(variants=["x"])  # type: ignore[list-item]
    ProductParameters(stock=5)  # type: ignore[typeddict-unknown-key]
    ProductVariantParameters(name=5)  # type: ignore[typeddict-item]
    ProductVariantParameters(sku=5)  # type: ignore[typeddict-item]
    ProductVariantParameters(price="89.90")  # type: ignore[typeddict-item]
    ProductVariantParameters(product=5)  # type: ignore[typeddict-item]
    ProductVariantParameters(size="42")  # type: ignore[typeddict-unknown-key]
    OrderItem(product=5)  # type: ignore[typeddict-item]
    OrderItem(quantity="2")  # type: ignore[typeddict-item]
    OrderItem(price=44.95)  # type: ignore[typeddict-item]
    OrderItem(amount=2)  # type: ignore[typeddict-unknown-key]
    OrderParameters(name=5)  # type: ignore[typeddict-item]
    OrderParameters(delivery=True)  # type: ignore[typeddict-item]
    OrderParameters(payment_method=5)  # type: ignore[typeddict-item]
    OrderParameters(sales_channel=5)  # type: ignore[typeddict-item]
    OrderParameters(items="x")  # type: ignore[typeddict-item]
    OrderParameters(total=89.9)  # type: ignore[typeddict-item]
    OrderParameters(state="placed")  # type: ignore[typeddict-unknown-key]
    CartItem(product=5)  # type: ignore[typeddict-item]
    CartItem(quantity=1.5)  # type: ignore[typeddict-item]
    CartItem(price="9")  # type: ignore[typeddict-item]
    CartItem(count=1)  # type: ignore[typeddict-unknown-key]
    CartParameters(reference=1.5)  # type: ignore[typeddict-item]
    CartParameters(source=5)  # type: ignore[typeddict-item]
    CartParameters(items=5)  # type: ignore[typeddict-item]
    CartParameters(metadata=5)  # type: ignore[typeddict-item]
    CartParameters(products=[])  # type: ignore[typeddict-unknown-key]
    CouponParameters(code=5)  # type: ignore[typeddict-item]
    CouponParameters(description=5)  # type: ignore[typeddict-item]
    CouponParameters(destination_url=5)  # type: ignore[typeddict-item]
    CouponParameters(type=5)  # type: ignore[typeddict-item]
    CouponParameters(name="x")  # type: ignore[typeddict-unknown-key]
    RefundParameters(name=5)  # type: ignore[typeddict-item]
    RefundParameters(amount="5")  # type: ignore[typeddict-item]
    RefundParameters(currency=5)  # type: ignore[typeddict-item]
    RefundParameters(total=5)  # type: ignore[typeddict-item]
    RefundParameters(reason="x")  # type: ignore[typeddict-unknown-key]
    FormParameters(name=5)  # type: ignore[typeddict-item]
    FormParameters(title="x")  # type: ignore[typeddict-unknown-key]
    AppParameters(name=5)  # type: ignore[typeddict-item]
    AppParameters(image_url=5)  # type: ignore[typeddict-item]
    AppParameters(version="1")  # type: ignore[typeddict-unknown-key]


def wrong_in_what_they_share() -> None:
    ProductVariantParameters(reference=1.5)  # type: ignore[typeddict-item]
    ProductVariantParameters(source=5)  # type: ignore[typeddict-item]
    ProductVariantParameters(metadata=[1])  # type: ignore[typeddict-item]
    ProductVariantParameters(property_by_id=5)  # type: ignore[typeddict-item]
    OrderParameters(reference=1.5)  # type: ignore[typeddict-item]
    OrderParameters(source=5)  # type: ignore[typeddict-item]
    OrderParameters(metadata=[1])  # type: ignore[typeddict-item]
    OrderParameters(property_by_id=5)  # type: ignore[typeddict-item]
    CouponParameters(reference=1.5)  # type: ignore[typeddict-item]
    CouponParameters(source=5)  # type: ignore[typeddict-item]
    CouponParameters(metadata=[1])  # type: ignore[typeddict-item]
    CouponParameters(property_by_id=5)  # type: ignore[typeddict-item]
    RefundParameters(reference=1.5)  # type: ignore[typeddict-item]
    RefundParameters(source=5)  # type: ignore[typeddict-item]
    RefundParameters(metadata=[1])  # type: ignore[typeddict-item]
    RefundParameters(property_by_id=5)  # type: ignore[typeddict-item]
    FormParameters(reference=1.5)  # type: ignore[typeddict-item]
    FormParameters(source=5)  # type: ignore[typeddict-item]
    FormParameters(metadata=[1])  # type: ignore[typeddict-item]
    FormParameters(property_by_id=5)  # type: ignore[typeddict-item]
    AppParameters(reference=1.5)  # type: ignore[typeddict-item]
    AppParameters(source=5)  # type: ignore[typeddict-item]
    AppParameters(metadata=[1])  # type: ignore[typeddict-item]
    AppParameters(property_by_id=5)  # type: ignore[typeddict-item]
