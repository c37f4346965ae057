"""What `reconcile` asks the API about a request whose outcome is unknown, and what the API cannot answer."""

from __future__ import annotations

import msgspec
import pytest

from hellotext_async._wire.call import EVENTS_PATH
from hellotext_async.errors import Asked
from hellotext_async.resources._evidence_of import Unanswerable, question_of


def asked(path: str, body: object, method: str = "POST") -> Asked:
    return Asked(method, path, body if isinstance(body, bytes) else msgspec.json.encode(body), 0.0)


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (asked("/v1/lists/zN4Xx4Km", {}, "DELETE"), "may be repeated without harm"),
        (asked("/v1/profiles/MzYwlE50/subscribe", {}), "no list of the API shows its effect"),
        (asked("/v1/lists", b"\xff"), "its body is not at hand"),
        (asked("/v1/lists", [1]), "its body is not at hand"),
        (asked("/v1/lists", {}), "nothing that identifies it"),
        (asked("/v1/messages", {"profile": "p"}), "neither a body nor a template"),
        (asked("/v1/profiles", {"first_name": "Will"}), "no e-mail, and no phone"),
        (asked("/v1/profiles", {"phone": "099000001"}), "no e-mail, and no phone"),
        (asked(EVENTS_PATH, {"action": "page.viewed", "session": "s"}), "makes no object that it shows"),
        (asked(EVENTS_PATH, {"action": "order.placed", "order": "o1"}), "makes no object that it shows"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.method} {value.path}",
)
def test_a_question_without_an_answer_has_a_reason(request_: Asked, why: str) -> None:
    """The reason is readable; nothing is requested then."""
    with pytest.raises(Unanswerable, match=why):
        question_of(request_)


def test_a_message_is_looked_for_by_its_text_or_its_template() -> None:
    """The template counts where both are given."""
    template = {"profile": "p", "body": "hi", "template": {"id": "t1"}}
    keys = [question_of(asked("/v1/messages", body)).key for body in ({"profile": "p", "body": "hi"}, template)]
    assert keys == ["text hi", "template t1"]
    assert question_of(asked("/v1/messages", {"profile": "p", "template": "t2"})).key == "template t2"
