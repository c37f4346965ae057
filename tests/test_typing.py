"""The promises about types speak of every public name, with right calls and wrong ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import hellotext_async

PROMISES: Final = {path.stem: path.read_text() for path in (Path(__file__).parent / "typing").glob("[!_]*.py")}


def test_every_public_name_is_used_in_a_promise() -> None:
    """By mypy's and pyright's account, in ``nox -s types``."""
    used = set(re.findall(r"\w+", " ".join(PROMISES.values())))
    assert set(hellotext_async.__all__) - {"__version__"} - used == set()


def test_every_file_has_wrong_calls() -> None:
    """A wrong call that a checker no longer refuses is an unused ignore, which both checkers report."""
    for name, text in PROMISES.items():
        assert "# type: ignore[" in text, name
        assert "reportUnnecessaryTypeIgnoreComment=true" in text, name
