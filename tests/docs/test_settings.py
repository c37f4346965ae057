"""The pages on settings and errors have every setting, variable of the environment and error."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Final

import hellotext_async
from hellotext_async import Hellotext, errors
from tests.docs.pages import ROOT

SETTINGS: Final = (ROOT / "docs" / "configuration.md").read_text()
ERRORS: Final = (ROOT / "docs" / "errors.md").read_text()
PACKAGE: Final = Path(hellotext_async.__file__).parent


def test_every_setting_of_a_client_and_a_queue_is_explained() -> None:
    """By its name."""
    names = {*inspect.signature(Hellotext).parameters, *inspect.signature(Hellotext.event_queue).parameters}
    assert {name for name in names - {"self", "token"} if not re.search(rf"`{name}=?`", SETTINGS)} == set()


def test_no_setting_is_explained_twice() -> None:
    """Two entries would diverge."""
    entries = re.findall(r"^`(\w+)`\n:", SETTINGS, re.MULTILINE)
    assert len(entries) == len(set(entries)) > 10


def test_every_variable_of_the_environment_is_named_and_no_other() -> None:
    """As the package spells them."""
    read = {
        name for file in PACKAGE.rglob("*.py") for name in re.findall(r"HELLOTEXT_[A-Z][A-Z_]*[A-Z]", file.read_text())
    }
    assert set(re.findall(r"`(HELLOTEXT_[A-Z_]+)`", SETTINGS)) == read


def test_every_error_has_its_row() -> None:
    """In the table of errors."""
    assert {name for name in errors.__all__ if name != "HellotextError" and f"`{name}`" not in ERRORS} == set()
