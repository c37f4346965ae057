"""The page of actions is what the table says, and every key has its place there."""

from __future__ import annotations

from hellotext_async import Event
from hellotext_async._events.actions import ACTIONS

from .actions import EXAMPLES, MORE, PAGE, page


def test_the_page_is_up_to_date() -> None:
    """After a change of the table: ``python -m tests.docs.actions``."""
    assert PAGE.read_text() == page()


def test_every_action_has_an_example() -> None:
    """A complete one: an Event can be made of it."""
    assert list(EXAMPLES) == list(ACTIONS)
    for examples in (EXAMPLES, MORE):
        for action, fields in examples.items():
            assert Event(action, **fields).action == action
