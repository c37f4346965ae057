"""The promises about types cover every public name, with right calls and wrong ones."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, get_args, get_type_hints

import pytest

import hellotext_async
from hellotext_async import Hellotext

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


WRONG: Final = [line for text in PROMISES.values() for line in text.splitlines() if "# type: ignore[" in line]
PARAMETERS: Final = [
    name for name in hellotext_async.__all__ if name.endswith("Parameters") or name in ("CartItem", "OrderItem")
]


def verbs() -> Iterator[tuple[str, str]]:
    """Every verb of every family."""
    client = Hellotext("t")
    for family, value in vars(client).items():
        if hasattr(value, "_sends"):
            for verb, _ in inspect.getmembers(type(value), inspect.isfunction):
                if not verb.startswith("_"):
                    yield family, verb


def calls_of(family: str, verb: str) -> set[str]:
    """The lines that call it, by its full name or in the function of its family."""
    every = "\n".join(PROMISES.values())
    functions = re.findall(rf"^async def {family}\(.*\n((?:    .*\n|\n)*)", every, re.MULTILINE)
    own = {line for text in functions for line in text.splitlines() if f"family.{verb}(" in line}
    return own | {line for line in every.splitlines() if f"client.{family}.{verb}(" in line}


@pytest.mark.parametrize(("family", "verb"), list(verbs()))
def test_every_verb_has_a_wrong_call(family: str, verb: str) -> None:
    assert calls_of(family, verb) & set(WRONG)


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_key_of_the_parameters_has_a_wrong_value(name: str) -> None:
    """And there is a key that the type does not have."""
    given = set(re.findall(rf"\b{name}\((\w+)=", "\n".join(WRONG)))
    known = set(get_type_hints(getattr(hellotext_async, name)))
    assert known <= given
    assert given - known


def taken() -> Iterator[tuple[str, str, str]]:
    """Every key that a create or an update accepts."""
    client = Hellotext("t")
    for family, verb in verbs():
        function = getattr(type(getattr(client, family)), verb)
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD and family != "events":
                (fields,) = get_args(get_type_hints(function)[parameter.name])
                yield from ((family, verb, key) for key in get_type_hints(fields))


@pytest.mark.parametrize(("family", "verb", "key"), list(taken()))
def test_every_key_of_a_create_or_a_change_has_a_wrong_value(family: str, verb: str, key: str) -> None:
    calls = [line for line in WRONG if f"client.{family}.{verb}(" in line]
    assert [line for line in calls if f"{key}=x" in line and "[arg-type]" in line]
    assert [line for line in calls if "nope=x" in line and "[call-arg]" in line]


@pytest.mark.parametrize(("family", "verb"), list(verbs()))
def test_every_verb_has_a_right_call(family: str, verb: str) -> None:
    assert calls_of(family, verb) - set(WRONG)
