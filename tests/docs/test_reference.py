"""The reference has every public name, and nothing that is gone."""

from __future__ import annotations

import importlib
import re
from typing import Final

import pytest

import hellotext_async
from tests.docs.pages import ROOT

SHOWN: Final = re.findall(r"^::: ([\w.]+)$", (ROOT / "docs" / "reference.md").read_text(), re.MULTILINE)
HOMES: Final = {name: f"hellotext_async.{home}" for home, names in hellotext_async._HOMES.items() for name in names}


@pytest.mark.parametrize("name", sorted(HOMES))
def test_a_public_name_has_its_entry(name: str) -> None:
    """By itself, or with the whole module that defines it."""
    assert HOMES[name] in SHOWN or name in {entry.rpartition(".")[2] for entry in SHOWN}


@pytest.mark.parametrize("entry", SHOWN)
def test_an_entry_exists_and_explains_itself(entry: str) -> None:
    """A module, or a name in one, with a docstring."""
    module, _, name = entry.rpartition(".")
    try:
        found = importlib.import_module(entry)
    except ModuleNotFoundError:
        found = getattr(importlib.import_module(module), name)
    assert found.__doc__
