"""The page of actions, from the one table: ``python -m tests.docs.actions`` writes ``docs/actions.md``.

Every action has a complete example here; those of the page are run, and the emulator accepts each in both formats.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final, get_args, get_type_hints

from hellotext_async._events import parameters
from hellotext_async._events.actions import ACTIONS
from hellotext_async._events.known_keys import SHAPES
from tests.docs.pages import ROOT

PAGE: Final = ROOT / "docs" / "actions.md"

_PRICE: Final = {"amount": 44.95, "currency": "USD"}
_PRODUCT: Final = {
    "name": "Weekly planner", "reference": "planner", "source": "shop", "sku": "PLAN-1", "price": _PRICE,
    "url": "https://shop.example.com/planner", "categories": ["Paper"],
}  # fmt: skip
_ORDER: Final = {
    "reference": "ORDER-1001", "source": "shop", "delivery": "deliver", "payment_method": "Visa",
    "items": [{"product": "vxqQJ3Yg", "quantity": 2, "price": _PRICE}],
}  # fmt: skip
_WHO: Final = {"profile": "MzYwlE50"}
_PAID: Final = {"amount": 89.9, "currency": "USD"}

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "app.installed": {**_WHO, "app_parameters": {"name": "Beauty & Care", "reference": "ios"}},
    "app.removed": {**_WHO, "app": "xnqJQ47v"},
    "app.spent": {**_WHO, "app": "xnqJQ47v", "amount": 4.99, "currency": "USD"},
    "cart.abandoned": {"session": "2KAGgAgm", "cart": "wx4Vn4no"},
    "cart.added": {
        "session": "2KAGgAgm",
        "products": [{"product": "vxqQJ3Yg", "quantity": 2}, {"product_parameters": _PRODUCT, "quantity": 1}],
    },
    "cart.removed": {"session": "2KAGgAgm", "products": [{"product": "vxqQJ3Yg", "quantity": 1}]},
    "coupon.redeemed": {**_WHO, "coupon_parameters": {"code": "SALE15", "description": "15 % off"}},
    "form.completed": {"session": "2KAGgAgm", "form": "wx4Vn4no"},
    "order.cancelled": {**_WHO, "order": "wx4Vn4no", "tracked_at": 1_751_328_000},
    "order.confirmed": {**_WHO, "order_parameters": _ORDER, **_PAID},
    "order.delivered": {**_WHO, "order": "wx4Vn4no"},
    "order.placed": {**_WHO, "order_parameters": _ORDER, **_PAID},
    "order.printed_label": {**_WHO, "order": "wx4Vn4no"},
    "order.shipped": {**_WHO, "order": "wx4Vn4no"},
    "product.purchased": {**_WHO, "product": "vxqQJ3Yg", **_PAID},
    "product.viewed": {"session": "2KAGgAgm", "product_parameters": _PRODUCT},
    "refund.received": {**_WHO, "refund_parameters": {"reference": "R-7", "source": "shop", **_PAID}},
    "refund.requested": {**_WHO, "refund": "wx4Vn4no"},
}
MORE: Final[dict[str, dict[str, Any]]] = {
    "product.viewed": {
        "session": "2KAGgAgm", "product": "vxqQJ3Yg", "product_variant_parameters": {"name": "Red", "sku": "SOAP-R"},
    },
    "cart.abandoned": {"session": "2KAGgAgm", "products": [{"product": "vxqQJ3Yg"}]},
    "form.completed": {"session": "2KAGgAgm", "form_parameters": {"name": "Newsletter", "reference": "news"}},
    "page.viewed": {"session": "2KAGgAgm", "url": "https://shop.example.com/", "metadata": {"from": "mail"}},
    "signup_form.completed": {**_WHO, "metadata": {"step": 2}},
}  # fmt: skip
"""Alternative forms, and actions without required parameters."""

_HEAD: Final = """# Actions and their parameters

<!-- Written by `python -m tests.docs.actions`. -->

What every action needs and may have. Every event has a `profile` or a `session`; it may have `amount` with `currency`
(taken from what it is about if left out), `metadata`, `tracked_at` and `url`. An editor completes the keys below, a type
checker refuses others; at run time an unknown key is sent with a warning, once for each, and a client with `strict=True`
refuses it.

The API's document names the actions. The keys of the parameters are those of the vendor's newer guides and of its own
clients, as each type says.

```python
from hellotext_async import Hellotext

client = Hellotext(strict=True)
```
"""
_ALL: Final = """All of them may have `reference`, your own id of the thing, and `source`, the system that it is from: together they find the
one that exists already. `property_by_id` holds values of properties that you have added to the vendor's objects, by their
ids."""
_TAIL: Final = """
## Actions of your own

They are made with `client.actions.create(name=...)` and tracked by that name; nothing is demanded of them. They may be about
an object of your own: `object_type` names its structure (`client.objects`), `object` an instance, `object_parameters` a new
one.

```python
await client.objects.create(name="appointment", title="Appointments", properties=[{"kind": "text", "name": "room"}])
await client.actions.create(name="appointment.booked")
await client.events.track(
    "appointment.booked", profile="MzYwlE50", object_type="appointment", object_parameters={"room": "Room 3"}
)
await client.aclose()
```
"""


def page() -> str:
    """The text of the page."""
    actions = "".join(_action(name) for name in ACTIONS)
    return f"{_HEAD}\n## The actions\n{actions}\n## The parameters\n\n{_ALL}\n{''.join(_shapes())}{_TAIL}"


def _action(name: str) -> str:
    row = ACTIONS[name]
    needs = " or ".join(f"`{trackable}`" for trackable in row.trackables)
    also = "".join(f", and `{field}`" for field in row.also)
    once = "\n\nOf a known profile, the API keeps one such event for each order." if row.once else ""
    variant = "\n\n`product_variant_parameters` need the `product` beside them." if name.startswith("product.") else ""
    return f"\n### {name}\n\nNeeds {needs}{also}.{once}{variant}\n\n```python\n{_call(name, EXAMPLES[name])}\n```\n"


def _call(name: str, fields: dict[str, Any]) -> str:
    lines = [f'    "{name}",', *(f"    {key}={_literal(value, len(key) + 5)}," for key, value in fields.items())]
    return "\n".join(("await client.events.track(", *lines, ")"))


def _literal(value: Any, used: int, indent: int = 4) -> str:
    """`value` as Python, broken where the formatter breaks it; `used` is what stands before it in its line."""
    text = json.dumps(value)
    if used + len(text) < 120 or not isinstance(value, (dict, list)):
        return text
    inner = " " * (indent + 4)
    if isinstance(value, dict):
        parts = [f'"{key}": {_literal(each, indent + len(key) + 8, indent + 4)}' for key, each in value.items()]
    else:
        parts = [_literal(each, indent + 4, indent + 4) for each in value]
    lines = "".join(f"{inner}{part},\n" for part in parts)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n{lines}{' ' * indent}{closing}"


_PARTS: Final = ("OrderItem", "CartItem", "MoneyParameters")


def _shapes() -> Iterator[str]:
    named = {shape.__name__: f"`{name}`" for name, shapes in SHAPES.items() for shape in shapes}
    named |= {"CartParameters": "`object_parameters` of a cart", **{name: f"`{name}`" for name in _PARTS}}
    for name, title in named.items():
        shape = getattr(parameters, name)
        rows = "".join(f"| `{key}` | {_kind(hint)} |\n" for key, hint in get_type_hints(shape).items())
        text = re.sub(r"\s+", " ", (shape.__doc__ or "").strip().replace("``", "`"))
        yield f"\n### {title}\n\n{text}\n\n| key | |\n|---|---|\n{rows}"


def _kind(hint: Any) -> str:
    """A type in words."""
    options = [str(getattr(part, "__name__", part)) for part in (get_args(hint) or (hint,))]
    if str(hint).startswith("collections.abc.Sequence"):
        return f"list of {_kind(get_args(hint)[0])}"
    if str(hint).startswith("collections.abc.Mapping"):
        return "mapping"
    names = {"str": "text", "int": "number", "float": "number", "Decimal": "number"}
    return " or ".join(dict.fromkeys(names.get(option, f"`{option}`") for option in options))


if __name__ == "__main__":
    PAGE.write_text(page())
