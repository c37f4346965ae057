"""For any request, the emulator answers with JSON and never with a 500."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from hellotext_async.emulator.forms import body_of, bracketed, nested, query_of
from hellotext_async.emulator.refusal import Refusal
from hellotext_async.emulator.routes import ROUTES, answer
from hellotext_async.emulator.store import Store

IDS = [
    "MzYwlE50", "zN4Xx4Km", "Greens", "OBYBnY69", "xJEOaPdk", "Wvqz2qD1", "2KAGgAgm", "wx4Vn4no", "vxqQJ3Yg", "none",
    "%ff", "",
]  # fmt: skip
NAMES = [
    "action", "profile", "session", "amount", "currency", "tracked_at", "products", "cart", "order", "order_parameters",
    "object", "object_parameters", "object_type", "product", "product_parameters", "product_variant_parameters", "items",
    "email", "phone", "address", "email[work]", "address[street][name]", "phone[MQNKalb7]", "property[gender]",
    "property[My Property]", "property_by_id[OBYBnY69]", "property", "gender", "birthday", "tags", "lists", "reference",
    "first_name", "name", "title", "kind", "unique", "position", "code", "metadata", "variants", "properties", "goal",
    "description", "image_url", "limit", "starting_after", "ending_before", "sort",
]  # fmt: skip
WORTHY = [
    "order.placed", "cart.added", "product.viewed", "app.spent", "signup_form.completed", "text", "email", "address",
    "will.e@acme.com", "+59899000001", "https://x", "2026-01-01", "", "[]", "nan", *IDS,
]  # fmt: skip

PIECES = [b"a", b"b", b"[", b"]", b"[]", b"=", b"&", b"%5B", b"{", b'"', b":", b"}"]

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(WORTHY) | st.text()
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=4),
    max_leaves=8,
)
bodies = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), values, max_size=6)


def filled(path: str, ids: list[str]) -> str:
    """The path with ids in place of its stars."""
    for id in ids:
        path = path.replace("*", id, 1)
    return path


paths = st.builds(filled, st.sampled_from(sorted(ROUTES)), st.lists(st.sampled_from(IDS), min_size=2, max_size=2))
methods = st.sampled_from(["GET", "POST", "PATCH", "DELETE"])
requests = st.lists(st.tuples(methods, paths, bodies), min_size=1, max_size=8)


@settings(max_examples=150)
@given(requests)
def test_any_json_is_answered_or_refused(requests: list[tuple[str, str, dict[str, Any]]]) -> None:
    """The answer can be encoded as JSON, also later, when it is listed."""
    store = Store()
    store.seed_document()
    listings: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", path, {}) for path in ROUTES if "*" not in path and "GET" in ROUTES[path]
    ]
    for method, path, body in [*requests, *listings]:
        try:
            status, answered = answer(store, method, path, body if method == "GET" else {}, body)
        except Refusal as refusal:
            status, answered = refusal.status, refusal.body
            assert answered["errors"]
        assert 200 <= status < 500
        msgspec.json.encode(answered)


@settings(max_examples=300)
@given(st.binary() | st.text().map(str.encode) | st.lists(st.sampled_from(PIECES)).map(b"".join))
def test_any_bytes_are_a_body_or_are_refused(raw: bytes) -> None:
    """As a form, as JSON and as a query."""
    for kind in ("", "application/json", "query"):
        try:
            body = query_of(raw.decode("latin-1")) if kind == "query" else body_of(raw, kind)
            assert isinstance(nested(body), dict)
            assert isinstance(bracketed(body, "a"), dict)
        except Refusal as refusal:
            assert refusal.status == 400
