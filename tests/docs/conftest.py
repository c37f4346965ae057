"""One emulator for all pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hellotext_async.emulator import Emulator


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """An emulator in a thread of its own, with the objects of the document's examples."""
    with Emulator.in_thread() as one:
        one.store.seed_document()
        yield one
