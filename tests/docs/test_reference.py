"""The reference has every public name, and no removed one."""

from __future__ import annotations

import importlib
import re
from typing import Final

import pytest

import hellotext_async
from hellotext_async import errors
from tests.docs.pages import ROOT

SHOWN: Final = re.findall(
    r"^::: hellotext_async\.([\w.]+)$", (ROOT / "docs" / "reference.md").read_text(), re.MULTILINE
)


def test_every_public_name_has_its_entry() -> None:
    """By the name under which it is imported, as ``::: hellotext_async.NAME``; the errors are one entry."""
    assert set(hellotext_async.__all__) - {"__version__"} - set(errors.__all__) - set(SHOWN) == set()


@pytest.mark.parametrize("entry", SHOWN)
def test_an_entry_exists_and_explains_itself(entry: str) -> None:
    """A module, or a name in one, with a docstring."""
    module, _, name = f"hellotext_async.{entry}".rpartition(".")
    found = getattr(importlib.import_module(module), name, None) or importlib.import_module(f"{module}.{name}")
    assert found.__doc__
