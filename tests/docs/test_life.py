"""The picture of an event's life is that of the queue's table."""

from __future__ import annotations

from hellotext_async.queue.entry import LIFE
from tests.docs.life import FILE, PLACES, picture
from tests.docs.pages import ROOT


def test_the_picture_is_drawn_from_the_table() -> None:
    """After a change of the table: ``python -m tests.docs.life``."""
    assert PLACES.keys() == LIFE.keys()
    assert FILE.read_text() == picture()


def test_the_page_explains_every_state() -> None:
    """One row each, below the picture."""
    page = (ROOT / "docs" / "delivery.md").read_text()
    assert "img/life.svg" in page
    rows = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert LIFE.keys() <= rows
